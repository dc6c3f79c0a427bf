"""What is read of the server beside sound: a room's notes, health, counters, and the description of it all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from imlab.errors import DoorError
from imlab.net.web.metrics import Counters, prometheus
from imlab.net.web.openapi import OPENAPI
from imlab.server.doors import Page
from imlab.wire.limits import INTEGER
from imlab.wire.messages import VoiceMessage

PAGE = 4 << 20  # bytes of audio behind one list; some 200 notes of 20 kB


class Rooms(Protocol):
    """What is listed of a store, from any thread."""

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        ...


def listing(rooms: Rooms, counters: Callable[[], Counters]) -> Starlette:
    """The application."""

    async def notes(request: Request) -> Response:
        page = await asyncio.to_thread(rooms.load, request.path_params["room"], _after(request), PAGE)
        return JSONResponse(await asyncio.to_thread(lambda: [about(note) for note in page.notes]))

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(prometheus(counters()), media_type="text/plain; version=0.0.4")

    async def openapi(request: Request) -> Response:
        return JSONResponse(OPENAPI)

    routes = [
        Route("/notes/{room}", notes),
        Route("/healthz", health),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
    ]
    return Starlette(routes=routes, exception_handlers=_ERRORS)


def about(note: VoiceMessage) -> dict[str, Any]:
    """What a list says of a note. bytes, sha256: of its file, or of its packets where it came as these."""
    file = note.file
    return {
        "id": note.id,
        "seq": note.sequence,
        "room": note.room,
        "sender": note.sender,
        "timestamp_ms": note.timestamp_ms,
        "duration_ms": note.duration_ms,
        "codec": note.codec,
        "bytes": file.size if file else note.size,
        "sha256": file.sha256 if file else sha256(note.audio).hexdigest(),
        "type": file.type if file else None,
        "waveform": list(note.waveform),
        "url": f"/audio/{note.id}",
    }


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not re.fullmatch("[0-9]{1,16}", text) or int(text) > INTEGER:
        raise HTTPException(400, f"after is a sequence, not {text!r:.60}")
    return int(text)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = {
        "error": _NAMES.get(error.status_code, f"http_{error.status_code}"),
        "fault": "peer",
        "detail": error.detail,
    }
    return JSONResponse(told, error.status_code, error.headers)


async def _ours(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "unavailable", "fault": "server", "detail": str(error)}, 503)


_NAMES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}
_ERRORS: Mapping[Any, Any] = {HTTPException: _refused, DoorError: _ours}
