"""One part of an upload while a request brings it: to its place as it comes, marked when it is whole.

Parts that come in order are hashed as they come; what came out of order is read again, once, when the file is whole.
"""

from __future__ import annotations

from functools import partial

from imlab.errors import PeerError
from imlab.net.web.uploads.posting import Posted
from imlab.net.web.uploads.spool import in_a_thread
from imlab.net.web.uploads.unfinished import Unfinished
from imlab.server.part_store import PartStore
from imlab.server.parts import Malformed, TooLarge
from imlab.server.upload_terms import UploadTerms


class Arrival:
    """A part on its way to its place."""

    def __init__(self, upload: Unfinished, index: int, store: PartStore, terms: UploadTerms) -> None:
        self.upload, self.index, self._store, self._terms = upload, index, store, terms
        self._begin = index * upload.cut.size
        self._held: list[bytes] = []
        self._holds = 0
        self._length = 0
        self._digest = upload.digest.copy() if upload.hashed == self._begin else None
        upload.bringing[index] = self  # a newer request takes over from an older one, whose connection is likely dead

    async def write(self, data: bytes) -> None:
        """More bytes of the part."""
        self._held.append(data)
        self._holds += len(data)
        self._length += len(data)
        if self._length > self.upload.cut.size:
            raise Malformed(f"part {self.index} is longer than the {self.upload.cut.size} bytes that parts have")
        if self._begin + self._length > self._terms.file:
            raise TooLarge(f"{self.upload.file} has more than the {self._terms.file} bytes that are taken")
        if self._holds > self._terms.memory:
            async with self.upload.turn:
                await self._flush(whole=False)

    async def end(self) -> None:
        """The part is whole: it has arrived."""
        async with self.upload.turn:
            if self.upload.ended is None:
                self.upload.cut.fit(self.index, self._length)
            await self._flush(whole=True)
            if self.upload.ended is None and not self.upload.arrived[self.index]:
                self._settle()

    async def discard(self) -> None:
        """The request is over."""
        if self.upload.bringing.get(self.index) is self:
            del self.upload.bringing[self.index]

    def _settle(self) -> None:
        upload = self.upload
        upload.arrived[self.index] = 1
        upload.size = upload.size if self._size is None else self._size
        if self._digest is not None:
            upload.hashed, upload.digest = self._begin + self._length, self._digest

    async def _flush(self, whole: bool) -> None:
        """What is held goes to disk, or is compared with what is there, or to nowhere if there is a note already."""
        if isinstance(self.upload.ended, PeerError):
            raise self.upload.ended
        if self.upload.bringing.get(self.index) is not self:
            raise PeerError(f"another request brings part {self.index} now")
        if self.upload.ended is None:
            await in_a_thread(partial(self._compare if self.upload.arrived[self.index] else self._put, whole))
        self._held.clear()
        self._holds = 0

    # In a thread

    def _put(self, whole: bool) -> None:
        """Bytes to their place, and then the mark."""
        upload, offset = self.upload, self._begin + self._length - self._holds
        self._store.write(upload.file, offset, self._held)
        if self._digest is not None:
            for piece in self._held:
                self._digest.update(piece)
        if whole:
            self._store.mark(upload.file, self.index, self._size)

    def _compare(self, whole: bool) -> None:
        """The part is here: is it the same?"""
        upload, offset = self.upload, self._begin + self._length - self._holds
        same = self._store.same(upload.file, offset, self._held)
        if not same or (whole and self._size not in (None, upload.size)):
            raise PeerError(f"part {self.index} of {upload.file} has arrived before, and was another")

    @property
    def _size(self) -> int | None:
        """Of the file, if it ends with this part, which is whole."""
        return self._begin + self._length if self.index == self.upload.cut.total - 1 else None


class Seen:
    """A part of an upload that has its note: its bytes need no place."""

    def __init__(self, posted: Posted) -> None:
        self.posted = posted

    async def write(self, data: bytes) -> None:
        """Let them go."""

    async def discard(self) -> None:
        """There is nothing to let go."""
