"""tus 1.0 (tus.io/protocols/resumable-upload) with all its extensions, but for checksums in trailers.

A bare ASGI application. The rules are in server/uploads.py, the words in server/tus.py; here bytes are moved. uvicorn
tells an application of a trailer as of a header, and not reliably: so ``checksum-trailer`` is not announced.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from starlette.types import Receive, Scope, Send

from imlab.errors import DoorError, PeerError
from imlab.net.sockets.gate import Names
from imlab.net.web.answers import Refusal
from imlab.net.web.tus.creation import Creation
from imlab.net.web.tus.finishing import Finishing, headers_of, moved, reached
from imlab.net.web.tus.origins import METHODS, origin_headers
from imlab.net.web.tus.request import Reply, Request
from imlab.net.web.tus.standings import Find, Standings
from imlab.net.web.tus.taking import Taking
from imlab.net.web.tus.turns import Replaced, Turns
from imlab.net.web.uploads.incoming import Gone
from imlab.net.web.uploads.posting import Posting
from imlab.net.web.uploads.refusals import refusal_of
from imlab.net.web.uploads.spool import in_a_thread
from imlab.server import tus
from imlab.server.upload_terms import UploadTerms
from imlab.server.uploads import Declined, UploadStore, grow, room_left

AT = "/files/"


class Tus:
    """Uploads under ``AT``. find: a note by its id; names: what we are called beside addresses and localhost."""

    def __init__(
        self,
        store: UploadStore,
        find: Find,
        posting: Posting,
        terms: UploadTerms,
        names: Names = (),
        clock: Callable[[], float] = time.time,
        turns: Turns | None = None,
    ) -> None:
        self._store, self._terms, self._names = store, terms, names
        self._turns = turns or Turns()
        self._standings = Standings(store, find, terms, clock)
        self._finishing = Finishing(store, posting, terms.memory)
        self._create = Creation(store, self._standings, self._finishing, self._turns, terms, clock, AT)
        self._verbs = {"HEAD": self._head, "PATCH": self._patch, "DELETE": self._delete}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, self._terms)
        try:
            request.ours += origin_headers(request.headers, self._names)
            reply = await self._reply(request)
        except Gone:
            return
        except (Refusal, PeerError, DoorError, Replaced) as error:
            await request.refuse(send, _refusal(error))
        else:
            await request.reply(send, reply)

    async def sweep(self, now: float) -> int:
        """End the uploads whose time is over; how many. now: Unix time in seconds."""
        over = await in_a_thread(partial(self._store.expired, now, now - self._terms.keep))
        for each in over:
            with suppress(Refusal):  # it is being stored: next time
                async with self._turns.take(each):
                    await in_a_thread(partial(self._standings.sweep, each, now))
        return len(over)

    async def _reply(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(204, tus.options(self._terms.file))
        if request.headers.get("tus-resumable") != tus.VERSION:
            version = [(b"tus-version", tus.VERSION.encode())]
            raise Refusal(412, "unsupported_version", f"Tus-Resumable is {tus.VERSION} here", headers=version)
        named = request.path.removeprefix(AT) if request.path.startswith(AT) else ""
        if not named and request.method == "POST":
            return await self._create(request)
        verb = self._verbs.get(request.method)
        if verb is None or not named:
            allow = [(b"allow", METHODS.encode())]
            raise Refusal(405, "method_not_allowed", f"no {request.method:.20} here", headers=allow)
        if not tus.ID.fullmatch(named):
            raise Declined(404, "not_found", f"there is no upload {named!r:.60}")
        return await verb(request, named)

    async def _head(self, request: Request, id: str) -> Reply:
        request.ours.append((b"cache-control", b"no-store"))
        async with self._turns.take(id):
            at = await in_a_thread(partial(self._standings.look, id))
        headers = tus.state(at.upload, at.held)
        return Reply(200, headers if at.note is None else [*headers, *headers_of(id, at.note.sequence)])

    async def _delete(self, _request: Request, id: str) -> Reply:
        async with self._turns.take(id):
            at = await in_a_thread(partial(self._standings.look, id))
            await in_a_thread(partial(self._standings.end, at.upload))
        return Reply(204, [])

    async def _patch(self, request: Request, id: str) -> Reply:
        if not request.of_bytes:
            raise Declined(415, "unsupported_media_type", f"the bytes of an upload come as {tus.BYTES}")
        offset, length = request.offset(), tus.number(request.headers, "upload-length")
        check = tus.check(request.headers)
        async with self._turns.take(id) as turn:
            at = await in_a_thread(partial(self._standings.look, id, offset))
            upload = grow(at.upload, at.held, offset, length, self._terms)
            left = room_left(upload, offset, request.declared, self._terms)
            if at.note is not None:
                return Reply(204, [reached(offset), *headers_of(id, at.note.sequence)])
            if upload is not at.upload:
                await in_a_thread(partial(self._store.save, upload))
            taking = Taking(self._store, id, offset, check, self._terms.memory)
            await taking.take(request.body(left), turn)
            posted = await self._finishing.settle(upload, taking)
        return Reply(204, moved(upload, taking.offset, posted))


def _refusal(error: Exception) -> Refusal:
    """The answer to what went wrong."""
    if isinstance(error, Declined):
        return Refusal(error.status, error.error, str(error))
    if isinstance(error, Replaced):
        return Refusal(423, "locked", "a newer request has this upload now: ask where to go on")
    refusal = refusal_of(error)
    if refusal.status == 408:  # tus clients try 5xx, 409 and 423 again, and no other 4xx; tusd answers 500
        refusal.status = 503
    return refusal
