"""Asks an ASGI application in this process, as a server would that offers to send files itself, or does not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from starlette.types import ASGIApp

from imlab.net.web.serving.zerocopy import ZERO_COPY

NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Answer:
    """What came back. kinds, sizes: of the events that brought the body."""

    status: int
    headers: dict[str, str]
    body: bytes
    kinds: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()


def headers_of(given: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """As servers hand them on; if_none_match is If-None-Match."""
    return [(name.lower().replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items()]


async def asked(
    app: ASGIApp, path: str, method: str = "GET", zero_copy: bool = False, headers: Mapping[str, str] = NONE
) -> Answer:
    """One request."""
    sent: list[Any] = []
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "query_string": b""}
    scope |= {"headers": headers_of(headers), "extensions": {ZERO_COPY: {}} if zero_copy else {}}
    coming: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return coming.pop() if coming else await asyncio.Future()

    async def send(event: Any) -> None:
        if event["type"] == ZERO_COPY:
            event["body"] = os.pread(event["file"].fileno(), event["count"], event["offset"])
        sent.append(event)

    await app(scope, receive, send)
    start, *rest = sent
    assert [event.get("more_body", False) for event in rest] == [True] * (len(rest) - 1) + [False]
    told = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    bodies = [bytes(event.get("body", b"")) for event in rest]
    return Answer(
        start["status"], told, b"".join(bodies), tuple(event["type"] for event in rest), tuple(map(len, bodies))
    )


def ask(
    app: ASGIApp, path: str, method: str = "GET", zero_copy: bool = False, headers: Mapping[str, str] = NONE
) -> Answer:
    """One request, in a loop of its own."""
    return asyncio.run(asked(app, path, method, zero_copy, headers))
