"""The bytes of one request on their way into one upload."""

from __future__ import annotations

from functools import partial

from imlab.net.web.answers import Refusal
from imlab.net.web.tus.turns import Replaced, Turn
from imlab.net.web.uploads.incoming import Gone, Incoming
from imlab.net.web.uploads.spool import in_a_thread
from imlab.server.tus import Check
from imlab.server.uploads import Declined, UploadStore


class Taking:
    """offset: how far the upload reaches, with what is in hand; written: how far on disk.

    memory: bytes in hand before they are written. A turn of a thread costs as much as writing 100 kB, so: many.
    """

    def __init__(self, store: UploadStore, id: str, offset: int, check: Check | None, memory: int) -> None:
        self._store, self._id, self._check, self._memory = store, id, check, memory
        self._begun = self.written = self.offset = offset
        self._hand: list[bytes] = []

    async def take(self, incoming: Incoming, turn: Turn) -> None:
        """All bytes of the request, the last of them in hand.

        However it ends, what has arrived is kept, but what should have had a checksum and has not is discarded.
        """
        try:
            while not incoming.whole:
                self._keep(await turn.wait(incoming.piece))
                if self.offset - self.written >= self._memory and not incoming.whole:
                    await self._flush()
            if self._check is not None:
                await self._verify(self._check)
        except (Gone, Replaced, Refusal, Declined):
            await self._break_off()
            raise

    def all_in_hand(self) -> bytes | None:
        """All bytes of the upload, if none is on disk."""
        return None if self.written else b"".join(self._hand)

    async def put_down(self) -> None:
        """Write what is in hand."""
        if self._hand:
            await in_a_thread(partial(self._store.append, self._id, self.written, self._hand))
            self.written, self._hand = self.offset, []

    def _keep(self, piece: bytes) -> None:
        self._hand.append(piece)
        self.offset += len(piece)

    async def _flush(self) -> None:
        if self._check is not None:
            if self.written == self._begun:
                await in_a_thread(partial(self._store.doubt, self._id, self._begun))
            await in_a_thread(partial(self._digest, self._check))
        await self.put_down()

    def _digest(self, check: Check) -> None:
        for piece in self._hand:
            check.update(piece)

    async def _verify(self, check: Check) -> None:
        self._digest(check)
        check.verify()
        if self.written != self._begun:
            await self.put_down()
            await in_a_thread(partial(self._store.trust, self._id))

    async def _break_off(self) -> None:
        if self._check is None:
            await self.put_down()
        elif self.written != self._begun:
            await in_a_thread(partial(self._store.append, self._id, self._begun, ()))
            await in_a_thread(partial(self._store.trust, self._id))
