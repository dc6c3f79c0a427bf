"""An upload in parts that is under way, and one of its parts while a request brings it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from functools import partial

from imlab.errors import PeerError
from imlab.net.web.posting import Intent, Posted
from imlab.net.web.spool import in_a_thread
from imlab.server.doors import Claimed
from imlab.server.part_store import Kept, PartStore
from imlab.server.parts import Cut, Malformed, TooLarge
from imlab.server.upload_terms import UploadTerms


class Unfinished:
    """What was said of it, which parts have arrived, and whose turn it is to touch it on disk."""

    def __init__(self, file: str, how: Cut, wanted: Intent, heard: float) -> None:
        self.file, self.cut, self.wanted, self.heard = file, how, wanted, heard
        self.arrived = bytearray(how.total)
        self.size: int | None = None  # of the file; the last part tells
        self.bringing: dict[int, Arrival] = {}  # the requests that bring a part now, by its index
        self.turn = asyncio.Lock()
        self.ended: Posted | PeerError | None = None

    @property
    def missing(self) -> int:
        """How many parts have not arrived."""
        return self.arrived.count(0)

    def about(self) -> bytes:
        """As JSON, for ``reopened``."""
        return json.dumps({"cut": asdict(self.cut), "wanted": asdict(self.wanted)}).encode()


def reopened(file: str, kept: Kept) -> Unfinished:
    """An upload as the last server left it."""
    about = json.loads(kept.about)
    claimed = Claimed(**about["wanted"].pop("claimed"))
    upload = Unfinished(file, Cut(**about["cut"]), Intent(**about["wanted"], claimed=claimed), kept.heard)
    upload.arrived[:] = kept.arrived
    upload.size = kept.size if upload.arrived[-1] else None
    return upload


class Arrival:
    """A part on its way to its place."""

    def __init__(self, upload: Unfinished, index: int, store: PartStore, terms: UploadTerms) -> None:
        self.upload, self.index, self._store, self._terms = upload, index, store, terms
        self._begin = index * upload.cut.size
        self._held: list[bytes] = []
        self._holds = 0
        self._length = 0
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
                await self._flush()

    async def end(self) -> None:
        """The part is whole: it has arrived."""
        async with self.upload.turn:
            await self._flush()
            if self.upload.ended is None:
                await self._settle()

    async def discard(self) -> None:
        """The request is over."""
        if self.upload.bringing.get(self.index) is self:
            del self.upload.bringing[self.index]

    async def _flush(self) -> None:
        """What is held goes to disk, or is compared with what is there, or to nowhere if there is a note already."""
        if isinstance(self.upload.ended, PeerError):
            raise self.upload.ended
        if self.upload.bringing.get(self.index) is not self:
            raise PeerError(f"another request brings part {self.index} now")
        if self._held and self.upload.ended is None:
            await self._put()
        self._held.clear()
        self._holds = 0

    async def _put(self) -> None:
        upload, offset = self.upload, self._begin + self._length - self._holds
        if not upload.arrived[self.index]:
            await in_a_thread(partial(self._store.write, upload.file, offset, self._held))
        elif not await in_a_thread(partial(self._store.same, upload.file, offset, self._held)):
            raise PeerError(f"part {self.index} of {upload.file} has arrived before, with other bytes")

    async def _settle(self) -> None:
        """Mark it, unless it has arrived before."""
        upload, index = self.upload, self.index
        upload.cut.fit(index, self._length)
        size = self._begin + self._length if index == upload.cut.total - 1 else None
        if upload.arrived[index]:
            if size not in (None, upload.size):
                raise PeerError(f"part {index} of {upload.file} has arrived before, longer than this")
            return
        await in_a_thread(partial(self._store.mark, upload.file, index, size))
        upload.arrived[index] = 1
        upload.size = upload.size if size is None else size


class Seen:
    """A part of an upload that has its note: its bytes need no place."""

    def __init__(self, posted: Posted) -> None:
        self.posted = posted

    async def write(self, data: bytes) -> None:
        """Let them go."""

    async def discard(self) -> None:
        """There is nothing to let go."""
