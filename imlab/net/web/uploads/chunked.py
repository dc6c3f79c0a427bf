"""Uploads in parts: each part to its place, and with the last missing one a note; resumable over anything that breaks.

The rules of places are in server/parts.py. A part that has arrived may come again, and is compared. Whoever brings a
part of an upload that has its note already is told of the note.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from imlab.errors import DoorError, PeerError
from imlab.net.web.answers import Refusal
from imlab.net.web.uploads.arrival import Arrival, Seen
from imlab.net.web.uploads.intents import GUEST, intent, is_id
from imlab.net.web.uploads.posting import Posted, Posting
from imlab.net.web.uploads.spool import in_a_thread
from imlab.net.web.uploads.unfinished import Unfinished, reopened
from imlab.server.part_store import PartStore
from imlab.server.parts import Cut, cut, file_id, part
from imlab.server.upload_terms import UploadTerms
from imlab.wire import limits

PLACED_BY = {"fileId", "chunkIndex", "totalChunks"}  # fields without which no part has a place


class Chunked:
    """All uploads in parts. clock: Unix time in seconds."""

    def __init__(
        self, posting: Posting, store: PartStore, terms: UploadTerms, clock: Callable[[], float] = time.time
    ) -> None:
        self._posting, self._store, self._terms, self._clock = posting, store, terms, clock
        self._uploads = {file: reopened(file, kept) for file, kept in store.unfinished().items()}
        self._opening = asyncio.Lock()

    async def arrival(self, fields: Mapping[str, str], type: str, length: int | None = None) -> Arrival | Seen | None:
        """Where the part of these fields goes; None: it cannot be told yet. length: of the part, once it is known."""
        if length is None and not fields.keys() >= PLACED_BY:
            return None
        said = part(fields, self._terms)
        async with self._opening:
            upload = self._uploads.get(said.file)
            if upload is None:
                if posted := await self._posted(said.file):
                    return Seen(posted)
                if length is None and "room" not in fields:
                    return None
            how = cut(said, upload.cut if upload else None, length, self._terms)
            if how is None:
                return None
            upload = upload or await self._begun(said.file, how, fields, type)
        _check(upload, fields)
        upload.heard = self._clock()
        return Arrival(upload, said.index, self._store, self._terms)

    async def arrived(self, arrival: Arrival | Seen) -> Posted | dict[str, Any]:
        """The part is whole: the note, if there is one now; else how many parts have arrived."""
        if isinstance(arrival, Seen):
            return arrival.posted
        await arrival.end()
        upload = arrival.upload
        if upload.missing == 0 or upload.ended:
            async with upload.turn:
                return await self._note(upload)
        return {
            "fileId": upload.file,
            "chunkIndex": arrival.index,
            "totalChunks": upload.cut.total,
            "arrived": upload.cut.total - upload.missing,
        }

    async def about(self, file: str) -> dict[str, Any]:
        """What has arrived of an upload, and its note if it has become one."""
        upload = self._uploads.get(file_id(file))
        if upload is not None:
            return _about(upload)
        if posted := await self._posted(file):
            return {"fileId": file, "missing": [], "note": posted.told}
        raise Refusal(404, "not_found", f"there is no upload {file}, or no more")

    async def sweep(self, now: float) -> None:
        """Forget uploads, and the answers to finished ones, of which nothing was heard for long; Unix time, seconds."""
        before = now - self._terms.keep
        for upload in [each for each in self._uploads.values() if each.heard < before]:
            async with upload.turn:
                if upload.heard < before and not upload.bringing:
                    upload.ended = PeerError(f"the upload {upload.file} was abandoned and is forgotten")
                    await self._forget(upload)
        await in_a_thread(partial(self._store.sweep, before))

    async def _posted(self, file: str) -> Posted | None:
        """What became of it, if it has become a note."""
        answer = await in_a_thread(partial(self._store.answer, file))
        return Posted(json.loads(answer), duplicate=True) if answer else None

    async def _begun(self, file: str, how: Cut, fields: Mapping[str, str], type: str) -> Unfinished:
        """A new upload, remembered on disk."""
        if len(self._uploads) >= self._terms.unfinished:
            raise DoorError(f"{len(self._uploads)} uploads are unfinished: try again later")
        wanted = intent(fields.get("room", ""), fields, _note_id(file, fields), type, self._clock())
        upload = Unfinished(file, how, wanted, self._clock())
        await in_a_thread(partial(self._store.begin, file, upload.about(), how.total))
        self._uploads[file] = upload
        return upload

    async def _note(self, upload: Unfinished) -> Posted:
        """Of an upload without a gap, the note. What cannot become one is forgotten; what failed here is kept."""
        if isinstance(upload.ended, PeerError):
            raise upload.ended
        if upload.ended:
            return replace(upload.ended, duplicate=True)
        begun = upload.digest.copy()
        path, size, digest = await in_a_thread(partial(self._store.whole, upload.file, begun, upload.hashed))
        try:
            posted = await self._posting.post(path, size, digest, upload.wanted)
        except PeerError as error:
            upload.ended = error
            await self._forget(upload)
            raise
        finally:
            await in_a_thread(partial(path.unlink, missing_ok=True))
        await in_a_thread(partial(self._store.finish, upload.file, json.dumps(posted.told).encode()))
        upload.ended = posted
        del self._uploads[upload.file]
        return posted

    async def _forget(self, upload: Unfinished) -> None:
        await in_a_thread(partial(self._store.drop, upload.file))
        del self._uploads[upload.file]


def _about(upload: Unfinished) -> dict[str, Any]:
    return {
        "fileId": upload.file,
        "totalChunks": upload.cut.total,
        "chunkSize": upload.cut.size,
        "arrived": [index for index, here in enumerate(upload.arrived) if here],
        "missing": [index for index, here in enumerate(upload.arrived) if not here],
        "note": None,
    }


def _check(upload: Unfinished, fields: Mapping[str, str]) -> None:
    """What is said again must be the same."""
    for name, known in (("room", upload.wanted.room), ("sender", upload.wanted.sender)):
        if fields.get(name, known) != known:
            raise PeerError(f"{upload.file} is for {name} {known!r}, not {fields[name]!r:.60}")


def _note_id(file: str, fields: Mapping[str, str]) -> str:
    """The upload's own id where a note may have it; else one that the same upload of the same sender gets again."""
    if is_id(file):
        return file
    names = (fields.get("room", ""), fields.get("sender", GUEST), file)
    return sha256("\0".join(names).encode()).hexdigest()[: limits.ID]
