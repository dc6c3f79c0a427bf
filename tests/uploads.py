"""Requests to a bare ASGI application without a network: its answer, whatever the body's pieces are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from imlab.net.web.uploads.posting import Posting
from imlab.server.doors import Body, Claimed, Committed, Examined, NoteStore, Unacceptable
from imlab.wire.messages import VoiceMessage


@dataclass(frozen=True, slots=True)
class Got:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


async def asked(
    app: ASGIApp, method: str, path: str, pieces: Iterable[bytes] = (b"",), query: str = "", **headers: str
) -> Got:
    """One request. pieces: the body as it arrives; without ``content_length`` it is as long as it is."""
    body = list(pieces)
    given = {"content-length": str(sum(map(len, body)))} | {n.replace("_", "-"): v for n, v in headers.items()}
    return await talked(app, method, path, [_piece(body, i) for i in range(len(body))], query, given)


async def talked(
    app: ASGIApp, method: str, path: str, said: Iterable[dict[str, Any]], query: str, headers: Mapping[str, str]
) -> Got:
    """One request, by its ASGI events; after the last nothing comes."""
    events, sent = iter(said), list[dict[str, Any]]()
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        event = next(events, None)
        await asyncio.sleep(0)
        return event if event else await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    got = {name.decode(): value.decode() for name, value in sent[0]["headers"]} if sent else {}
    return Got(sent[0]["status"] if sent else 0, got, b"".join(message.get("body", b"") for message in sent))


def _piece(body: list[bytes], at: int) -> dict[str, Any]:
    return {"type": "http.request", "body": body[at], "more_body": at + 1 < len(body)}


async def anything(body: Body, claimed: Claimed) -> Examined:
    """Takes whatever does not begin with a complaint: a file's looks are not what these tests are about."""
    begins = body[:7] if isinstance(body, bytes) else _beginning(body)
    for kind in ("type", "content"):
        if begins.startswith(kind.encode()):
            raise Unacceptable(kind, f"it begins with {kind}")
    return Examined("opus", claimed.type or "audio/ogg", claimed.duration_ms or 1_000)


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(7)


def posting(store: NoteStore) -> Posting:
    """Straight into a store, without a hub."""

    async def post(note: VoiceMessage, body: Body) -> Committed:
        (answer,) = await asyncio.to_thread(store.commit, [note], {note.id: body})
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Posting(anything, post)


def kept(store: NoteStore, room: str) -> list[bytes]:
    """The files of a room's notes, in order."""
    files = [note.file for note in store.load(room, 0, 1 << 40).notes]
    return [store.read(file.sha256) for file in files if file]
