"""From the last byte of an upload to its note."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from imlab.errors import PeerError
from imlab.net.web.tus.taking import Taking
from imlab.net.web.uploads.posting import Intent, Posted, Posting
from imlab.net.web.uploads.spool import in_a_thread
from imlab.server import tus
from imlab.server.doors import Body
from imlab.server.uploads import Upload, UploadStore


class Finishing:
    """Posts what is whole, and then lets its bytes go. memory: bytes of a file that need not be synced by itself."""

    def __init__(self, store: UploadStore, posting: Posting, memory: int) -> None:
        self._store, self._posting, self._memory = store, posting, memory

    async def settle(self, upload: Upload, taking: Taking) -> Posted | None:
        """What a request brought is kept; with the last byte of a note, that is posted. Else None.

        PeerError: it is no note, and nothing of it is kept. DoorError: it can be tried again.
        """
        if taking.offset != upload.length or upload.partial:
            await taking.put_down()
            return None
        data = taking.all_in_hand()
        if data is not None:
            return await self._post(upload, data, sha256(data).hexdigest())
        await taking.put_down()
        return await self.post(upload)

    async def post(self, upload: Upload) -> Posted:
        """All bytes are on disk."""
        body, digest = await in_a_thread(partial(self._body, upload))
        posted = await self._post(upload, body, digest)
        await in_a_thread(partial(self._store.drop, upload.id))
        return posted

    async def _post(self, upload: Upload, body: Body, digest: str) -> Posted:
        wish = tus.wish(upload.metadata)
        intent = Intent(upload.id, wish.room, wish.sender, round(upload.created * 1000), wish.claimed)
        try:
            return await self._posting.post(body, upload.length or 0, digest, intent)
        except PeerError:
            await in_a_thread(partial(self._store.remove, upload.id))
            raise

    def _body(self, upload: Upload) -> tuple[Body, str]:
        path, size = self._store.path(upload.id), upload.length or 0
        return path.read_bytes() if size <= self._memory else path, self._store.digest(upload.id, size)


def headers_of(note: str, sequence: int) -> tus.Answer:
    """Headers that name the note."""
    return [(b"im-note", f"/audio/{note}".encode()), (b"im-seq", b"%d" % sequence)]


def moved(upload: Upload, offset: int, posted: Posted | None) -> tus.Answer:
    """Headers that say how far an upload reaches."""
    if posted is None:
        return [reached(offset), tus.expiry(upload)]
    return [reached(offset), *headers_of(upload.id, posted.told["seq"])]


def reached(offset: int) -> tuple[bytes, bytes]:
    """One header."""
    return b"upload-offset", b"%d" % offset
