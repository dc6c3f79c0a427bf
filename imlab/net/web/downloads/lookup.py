"""From the store to what a download knows of a note."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

from imlab.errors import DoorError, PeerError, UsageError
from imlab.net.web.answers import Refusal
from imlab.net.web.downloads.kept import Kept, kept
from imlab.net.web.downloads.kinds import TYPES
from imlab.net.web.downloads.shelf import Shelf
from imlab.wire.messages import File, VoiceMessage

AsFile = Callable[[VoiceMessage], tuple[str, bytes]]  # packets as a file's extension and bytes; PeerError, UsageError


class Lookup:
    """Finds a note by its id, from any thread; files of ``largest`` bytes or more are left where they are."""

    def __init__(self, shelf: Shelf, as_file: AsFile, largest: int) -> None:
        self._shelf, self._as_file, self._largest = shelf, as_file, largest

    def __call__(self, id: str) -> Kept:
        """Refusal: there is nothing to give; DoorError: it cannot be read."""
        note = self._shelf.find(id)
        if note is None:
            raise Refusal(404, "not_found", f"there is no note {id}")
        if note.file:
            return kept_of(note, note.file, None if note.file.size >= self._largest else self._whole(note.file))
        if not note.size:
            raise Refusal(410, "gone", f"note {id} was removed")
        return self._made(note)

    def _whole(self, file: File) -> bytes:
        """What is held would be given out, and believed, for a year: so it is looked at once."""
        data = self._shelf.read(file.sha256)
        if sha256(data).hexdigest() != file.sha256:
            raise DoorError(f"the file {file.sha256} is damaged")
        return data

    def _made(self, note: VoiceMessage) -> Kept:
        try:
            extension, data = self._as_file(note)
        except (PeerError, UsageError) as error:
            raise Refusal(415, "no_container", str(error)) from error
        return kept_of(note, File(sha256(data).hexdigest(), len(data), TYPES[extension]), data)


def kept_of(note: VoiceMessage, file: File, body: bytes | None) -> Kept:
    """A note with its file. Last changed when it was recorded; where the recorder's clock was ahead, nobody knows."""
    recorded = note.timestamp_ms // 1000
    return kept(note.id, file.type, file.sha256, file.size, recorded if recorded <= time.time() else 0, body)
