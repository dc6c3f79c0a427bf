"""Where uploads stand: what was said of them, the bytes that count, the notes that they have become. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from imlab.server import tus
from imlab.server.upload_terms import UploadTerms
from imlab.server.uploads import Declined, Upload, UploadStore, Wish, counted, ended, gone, same, standing, swept
from imlab.wire.messages import VoiceMessage

Find = Callable[[str], VoiceMessage | None]  # a note by its id


@dataclass(frozen=True, slots=True)
class Standing:
    """An upload, how many of its bytes count, and the note that it has become."""

    upload: Upload
    held: int
    note: VoiceMessage | None = None


class Standings:
    """Over the uploads' store and the notes'. Whoever asks has a turn at the upload; clock: Unix time in seconds."""

    def __init__(self, store: UploadStore, find: Find, terms: UploadTerms, clock: Callable[[], float]) -> None:
        self._store, self._find, self._terms, self._clock = store, find, terms, clock

    def look(self, id: str, offset: int | None = None) -> Standing:
        """Declined (404, 410) where there is nothing. offset: where bytes are to go on; if they can, that is enough."""
        known = self._store.find(id)
        if known is None:
            note = self._note(id)
            if note is None:
                raise Declined(404, "not_found", f"there is no upload {id:.60}")
            return _finished(Upload(id, None, tus.metadata_of(note), "", note.timestamp_ms / 1000, inf), note)
        upload, size = known
        if upload.gone:
            raise gone(upload)
        held = counted(upload, size)
        if not upload.partial and size in (0, upload.length) and offset != held:
            note = self._note(id)
            if note is not None:
                return _finished(upload, note)
        return Standing(standing(upload, self._clock()), held)

    def before(self, upload: Upload, wish: Wish | None) -> Standing | None:
        """The same upload, if it was begun before; Declined (409, 410) if another was, or if it has ended."""
        known, note = self._store.find(upload.id), self._note(upload.id)
        if known is not None:
            same(known[0], upload)
        if note is None:
            return Standing(known[0], counted(*known)) if known else None
        finished = _finished(upload, note)
        if wish is None or (note.room, note.sender) != (wish.room, wish.sender):
            raise Declined(409, "conflict", f"the id {upload.id} belongs to another note")
        same(finished.upload, upload)
        return finished

    def parts(self, ids: Sequence[str]) -> list[Standing]:
        """Each of them."""
        return [self.look(each) for each in ids]

    def end(self, upload: Upload) -> None:
        """Keep only the memory of it."""
        self._store.save(ended(upload, self._clock(), self._terms))
        self._store.drop(upload.id)

    def sweep(self, id: str, now: float) -> None:
        """What has become a note, or was never more than bytes, needs no memory."""
        known = self._store.find(id)
        if known and known[0].expires > now:
            return
        left = swept(known[0], now, self._terms) if known and self._note(id) is None else None
        if left is None:
            self._store.remove(id)
        else:
            self._store.save(left)
            self._store.drop(id)

    def _note(self, id: str) -> VoiceMessage | None:
        note = self._find(id)
        return note if note is not None and note.file is not None else None


def _finished(upload: Upload, note: VoiceMessage) -> Standing:
    size = note.file.size if note.file else 0
    return Standing(Upload(upload.id, size, upload.metadata, upload.concat, upload.created, upload.expires), size, note)
