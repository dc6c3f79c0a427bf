"""``PUT /notes/{room}?sender=NAME``: the body of the request is the sound file of one note."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from starlette.types import Receive, Scope, Send

from imlab.errors import DoorError, PeerError
from imlab.net.web.answers import Refusal, answer_json
from imlab.net.web.incoming import Gone, Incoming, turn_away
from imlab.net.web.intents import intent, query
from imlab.net.web.posting import Posted, Posting
from imlab.net.web.refusals import refusal_of
from imlab.net.web.spool import Spool, empty
from imlab.server.doors import Unacceptable
from imlab.server.upload_terms import UploadTerms

NOTES = "/notes/"  # and then the room


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

    async def _take(self, scope: Scope, incoming: Incoming) -> Posted:
        headers = dict(scope["headers"])
        incoming.expect(headers)
        wanted = intent(
            scope["path"][len(NOTES) :],
            query(scope["query_string"]),
            headers.get(b"idempotency-key", b"").decode("latin-1"),
            headers.get(b"content-type", b"").decode("latin-1"),
            self._clock(),
        )
        spool = Spool(self._spools, self._terms.memory)
        try:
            while piece := await incoming.piece():
                await spool.write(piece)
            if not spool.size:
                raise Unacceptable("content", "an empty file is no voice note")
            body, sha256 = await spool.body()
            return await self._posting.post(body, spool.size, sha256, wanted)
        finally:
            await spool.discard()


async def answer_posted(send: Send, posted: Posted) -> None:
    """201 and where it is; 200 when it already was."""
    status = 200 if posted.duplicate else 201
    await answer_json(send, status, posted.told, [(b"location", posted.told["url"].encode())])
