"""Answers of bare ASGI applications: a status, headers and one body; errors are JSON and name their side.

{"error": "checksum_mismatch", "fault": "peer", "detail": "one sentence for a person"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from starlette.types import Send

Headers = Iterable[tuple[bytes, bytes]]  # names in lower case
JSON = (b"content-type", b"application/json")
_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps makes one for each call


class Refusal(Exception):
    """A request is answered by an error. error: its name for programs; fault: "peer" or "server"."""

    def __init__(self, status: int, error: str, detail: str, fault: str = "peer", headers: Headers = ()) -> None:
        super().__init__(detail)
        self.status, self.error, self.detail, self.fault = status, error, detail, fault
        self.headers = tuple(headers)


async def answer(send: Send, status: int, headers: Headers = (), body: bytes = b"") -> None:
    """The whole answer; its length is told where there may be a body (RFC 9110, 8.6)."""
    told = list(headers)
    if status >= 200 and status not in (204, 304):
        told.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def encoded(value: Any) -> bytes:
    """As JSON."""
    return _encode(value).encode()


async def answer_json(send: Send, status: int, value: Any, headers: Headers = ()) -> None:
    """A value for programs."""
    await answer(send, status, (JSON, *headers), encoded(value))


async def refuse(send: Send, refusal: Refusal) -> None:
    """The error."""
    await answer(send, refusal.status, (JSON, *refusal.headers), told(refusal))


def told(refusal: Refusal) -> bytes:
    """The body of an error."""
    return encoded({"error": refusal.error, "fault": refusal.fault, "detail": refusal.detail})
