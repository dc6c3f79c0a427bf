"""``PUT /notes/{room}?sender=NAME``: the body of the request is the sound file of one note."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

from starlette.types import Receive, Scope, Send

from imlab.errors import DoorError, PeerError
from imlab.net.web.answers import JSON, Refusal, answer, encoded, told
from imlab.net.web.serving.ready import Header, Ready, lines
from imlab.net.web.serving.whole import Order
from imlab.net.web.uploads.incoming import Gone, Incoming, too_slow, turn_away
from imlab.net.web.uploads.intents import intent, query
from imlab.net.web.uploads.posting import Intent, Posted, Posting
from imlab.net.web.uploads.refusals import refusal_of
from imlab.net.web.uploads.spool import Spool, empty
from imlab.server.doors import Unacceptable
from imlab.server.parts import Malformed
from imlab.server.upload_terms import UploadTerms

NOTES = "/notes/"  # and then the room
_NOTES = NOTES.encode()


class Put:
    """A bare ASGI application. spools: a directory of its own, on the store's disk; clock: Unix time in seconds."""

    def __init__(
        self, posting: Posting, spools: Path, terms: UploadTerms, clock: Callable[[], float] = time.time
    ) -> None:
        self._posting, self._terms, self._clock = posting, terms, clock
        self._spools = empty(spools)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        incoming = Incoming(receive, self._terms.file, self._terms.patience)
        try:
            posted = await self._take(scope, incoming)
        except (Refusal, PeerError, DoorError) as error:
            await turn_away(incoming, send, refusal_of(error))
        except Gone:
            return
        else:
            await answer_posted(send, posted)

    def order(self, method: bytes, target: bytes, headers: Sequence[Header]) -> Order | None:
        """A small note is wanted whole; whatever is unusual about the request is told the usual way."""
        path, _, words = target.partition(b"?")
        if method != b"PUT" or not path.startswith(_NOTES) or b"#" in target or not path.isascii():
            return None
        named = dict(headers)
        declared = named.get(b"content-length", b"")
        if not declared.isdigit() or not 0 < int(declared) <= self._terms.memory:
            return None
        try:
            wanted = self._wanted(unquote(path.decode()), words, named)
        except Malformed:
            return None
        return Order(partial(self._finish, wanted), self._terms.patience, _late)

    async def _finish(self, wanted: Intent, body: bytes) -> Ready:
        """A body that came whole."""
        try:
            posted = await self._posting.post(body, len(body), sha256(body).hexdigest(), wanted)
        except (PeerError, DoorError) as error:
            return _refused(refusal_of(error))
        status, headers, said = _answer(posted)
        return Ready(status, lines((*headers, (b"content-length", b"%d" % len(said)))), said)

    def _wanted(self, path: str, words: bytes, headers: Mapping[bytes, bytes]) -> Intent:
        key, kind = (headers.get(name, b"").decode("latin-1") for name in (b"idempotency-key", b"content-type"))
        return intent(path[len(NOTES) :], query(words), key, kind, self._clock())

    async def _take(self, scope: Scope, incoming: Incoming) -> Posted:
        headers = dict(scope["headers"])
        incoming.expect(headers)
        wanted = self._wanted(scope["path"], scope["query_string"], headers)
        spool = Spool(self._spools, self._terms.memory)
        try:
            while piece := await incoming.piece():
                await spool.write(piece)
            if not spool.size:
                raise Unacceptable("content", "an empty file is no voice note")
            body, digest = await spool.body()
            return await self._posting.post(body, spool.size, digest, wanted)
        finally:
            await spool.discard()


async def answer_posted(send: Send, posted: Posted) -> None:
    """201 and where it is; 200 when it already was."""
    status, headers, body = _answer(posted)
    await answer(send, status, headers, body)


def _answer(posted: Posted) -> tuple[int, list[Header], bytes]:
    location = (b"location", posted.told["url"].encode())
    return 200 if posted.duplicate else 201, [JSON, location], encoded(posted.told)


def _late(size: int) -> Ready:
    return _refused(too_slow(size))


def _refused(refusal: Refusal) -> Ready:
    body = told(refusal)
    return Ready(refusal.status, lines((JSON, (b"content-length", b"%d" % len(body)), *refusal.headers)), body)
