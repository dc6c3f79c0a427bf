"""``POST /upload``: the article's forms. A field ``file`` is a whole note, a field ``data`` a part of one."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from imlab.errors import DoorError, PeerError
from imlab.net.web.answers import Refusal, answer_json
from imlab.net.web.uploads.arrival import Arrival, Seen
from imlab.net.web.uploads.chunked import Chunked
from imlab.net.web.uploads.incoming import Gone, Incoming, turn_away
from imlab.net.web.uploads.intents import intent
from imlab.net.web.uploads.multipart import Form
from imlab.net.web.uploads.posting import Posted, Posting
from imlab.net.web.uploads.put import answer_posted
from imlab.net.web.uploads.refusals import refusal_of
from imlab.net.web.uploads.spool import Spool, empty, in_a_thread
from imlab.server.doors import Body, Unacceptable
from imlab.server.upload_terms import UploadTerms

PATH = "/upload"
OVERHEAD = 64 << 10  # bytes of a form beside its file
WHOLE, PART = "file", "data"
Place = Spool | Arrival | Seen


class Upload:
    """A bare ASGI application for PATH and what is under it. spools: a directory of its own, on the store's disk."""

    def __init__(
        self,
        posting: Posting,
        spools: Path,
        chunked: Chunked,
        terms: UploadTerms,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._posting, self._chunked, self._terms, self._clock = posting, chunked, terms, clock
        self._spools = empty(spools)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        incoming = Incoming(receive, self._terms.file + OVERHEAD, self._terms.patience)
        try:
            if scope["method"] == "POST":
                answer = await self._take(dict(scope["headers"]), incoming)
                await (answer_posted(send, answer) if isinstance(answer, Posted) else answer_json(send, 200, answer))
            else:
                await answer_json(send, 200, await self._chunked.about(scope["path"][len(PATH) + 1 :]))
        except (Refusal, PeerError, DoorError) as error:
            await turn_away(incoming, send, refusal_of(error))
        except Gone:
            return

    async def _take(self, headers: Mapping[bytes, bytes], incoming: Incoming) -> Posted | dict[str, Any]:
        """Read the form; its file goes where it belongs as it comes."""
        incoming.expect(headers)
        form = Form(headers.get(b"content-type", b""), (WHOLE, PART), self._terms)
        place: Place | None = None
        try:
            while data := await incoming.piece():
                for piece in form.feed(data):
                    place = place or await self._place(form)
                    await place.write(piece)
            form.end()
            if place is None:
                raise Unacceptable("content", "an empty file is no voice note")
            return await self._taken(form, place, headers.get(b"idempotency-key", b"").decode("latin-1"))
        finally:
            if place is not None:
                await place.discard()

    async def _place(self, form: Form) -> Place:
        """Where the file goes by what the form has said so far: a part to its own place, if that is known."""
        arrival = await self._chunked.arrival(_said(form), _type(form)) if form.file == PART else None
        return arrival or Spool(self._spools, self._terms.memory)

    async def _taken(self, form: Form, place: Place, key: str) -> Posted | dict[str, Any]:
        if not isinstance(place, Spool):
            return await self._chunked.arrived(place)
        body, sha256 = await place.body()
        if form.file == PART:
            return await self._moved(form, body, place.size)
        said = _said(form)
        wanted = intent(said.get("room", ""), said, key, _type(form), self._clock())
        return await self._posting.post(body, place.size, sha256, wanted)

    async def _moved(self, form: Form, body: Body, size: int) -> Posted | dict[str, Any]:
        """A part whose place is known only now goes there."""
        arrival = await self._chunked.arrival(_said(form), _type(form), size)
        assert arrival is not None, "with its length, every part has a place"
        try:
            async for piece in _pieces(body, self._terms.memory):
                await arrival.write(piece)
            return await self._chunked.arrived(arrival)
        finally:
            await arrival.discard()


def _said(form: Form) -> dict[str, str]:
    """The fields; a file's own name, unless a field names it."""
    return {"filename": form.filename} | form.fields


def _type(form: Form) -> str:
    """What a field ``type`` claims, else the file's part of the form."""
    return form.fields.get("type", form.type)


async def _pieces(body: Body, most: int) -> AsyncIterator[bytes]:
    """A body in pieces of at most so many bytes."""
    if isinstance(body, bytes):
        yield body
        return
    with body.open("rb", buffering=0) as file:
        while piece := await in_a_thread(partial(file.read, most)):
            yield piece
