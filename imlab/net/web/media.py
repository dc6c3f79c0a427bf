"""Notes over HTTP: lists, files, health and counters, as an ASGI application. Errors are JSON and name their side."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from imlab.client.player import coded
from imlab.codec.container.writing import to_file
from imlab.errors import DoorError, PeerError, UsageError
from imlab.net.sockets.gate import Names, is_ours
from imlab.net.web.openapi import OPENAPI
from imlab.net.web.ranges import part
from imlab.server.doors import Page
from imlab.wire.limits import INTEGER
from imlab.wire.messages import VoiceMessage

TYPES = {  # by the extension of codec/container/formats.py
    "ogg": "audio/ogg; codecs=opus",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "amr": "audio/amr",  # RFC 4867, as the next
    "awb": "audio/amr-wb",
    "g722": "audio/g722",  # RFC 3551
    "lc3": "audio/x-lc3",  # nobody has registered one, nor for the next
    "c2": "audio/x-codec2",
    "mp4": "audio/mp4",
    "webm": "audio/webm",
}
PAGE = 4 << 20  # bytes of audio behind one list; some 200 notes of 20 kB
FOREVER = "private, max-age=31536000, immutable"  # a note never changes; a year is what RFC 9111 readers take for ever


class Library(Protocol):
    """What can be read of a store, from any thread."""

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        ...

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        ...


Counters = Callable[[], Mapping[str, tuple[str, str, int]]]  # name -> (gauge or counter, what it counts, its value)


def media(library: Library, counters: Counters, names: Names = ()) -> Starlette:
    """The application. names: what the server is called beside addresses and localhost."""

    async def notes(request: Request) -> Response:
        page = await asyncio.to_thread(library.load, request.path_params["room"], _after(request), PAGE)
        return JSONResponse(await asyncio.to_thread(lambda: [about(note) for note in page.notes]))

    async def audio(request: Request) -> Response:
        note = await asyncio.to_thread(library.find, request.path_params["id"])
        if note is None:
            raise HTTPException(404, f"there is no note {request.path_params['id']}")
        extension, data = await asyncio.to_thread(lambda: to_file(coded(note)))
        return _part_of(data, TYPES[extension], request)

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(prometheus(counters()), media_type="text/plain; version=0.0.4")

    async def openapi(request: Request) -> Response:
        return JSONResponse(OPENAPI)

    routes = [
        Route("/notes/{room}", notes),
        Route("/audio/{id}", audio),
        Route("/healthz", health),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
    ]
    return Starlette(routes=routes, exception_handlers=_ERRORS, middleware=[Middleware(_Gate, names=names)])


def about(note: VoiceMessage) -> dict[str, Any]:
    """What a list says of a note."""
    return {
        "id": note.id,
        "seq": note.sequence,
        "room": note.room,
        "sender": note.sender,
        "timestamp_ms": note.timestamp_ms,
        "duration_ms": note.duration_ms,
        "codec": note.codec,
        "bytes": note.size,
        "sha256": sha256(note.audio).hexdigest(),
        "waveform": list(note.waveform),
        "url": f"/audio/{note.id}",
    }


def prometheus(counters: Mapping[str, tuple[str, str, int]]) -> str:
    """The text format that Prometheus scrapes."""
    return "".join(
        f"# HELP {name} {what}\n# TYPE {name} {kind}\n{name} {value}\n"
        for name, (kind, what, value) in counters.items()
    )


class _Gate:
    """Answers only those who asked for us by a name that is ours: see gate."""

    def __init__(self, app: ASGIApp, names: Names) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        answer = self._app if is_ours(host, self._names) else _error(403, "peer", f"not known by the name {host!r}")
        await answer(scope, receive, send)


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not re.fullmatch("[0-9]{1,16}", text) or int(text) > INTEGER:
        raise HTTPException(400, f"after is a sequence, not {text!r:.60}")
    return int(text)


def _part_of(data: bytes, media_type: str, request: Request) -> Response:
    """All of it, the part that was asked for, or nothing because the asker has it."""
    tag = f'"{sha256(data).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": FOREVER, "Accept-Ranges": "bytes"}
    known = request.headers.get("If-None-Match", "")
    if known.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("Range") if request.headers.get("If-Range", tag) == tag else None
    try:
        place = part(wanted, len(data))
    except ValueError as error:
        raise HTTPException(416, str(error), {"Content-Range": f"bytes */{len(data)}"}) from error
    if place is None:
        return Response(data, media_type=media_type, headers=headers)
    start, stop = place
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return Response(data[start:stop], 206, media_type=media_type, headers=headers)


def _error(status: int, fault: str, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    told = {"error": _NAMES.get(status, f"http_{status}"), "fault": fault, "detail": detail}
    return JSONResponse(told, status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, "peer", error.detail, error.headers)


async def _no_file(request: Request, error: Exception) -> Response:
    return _error(415, "peer", str(error))


async def _ours(request: Request, error: Exception) -> Response:
    return _error(503, "server", str(error))


_NAMES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    415: "no_container",
    416: "range_not_satisfiable",
    503: "unavailable",
}
_ERRORS: Mapping[Any, Any] = {HTTPException: _refused, UsageError: _no_file, PeerError: _no_file, DoorError: _ours}
