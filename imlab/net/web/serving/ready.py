"""Answers that are ready before they are asked for: an application may give one at once, without a task or a wait.

It is a small extension of ours beside ASGI. Whoever has an answer in memory offers ``at_once``; a server that knows of
it (protocol.py) asks there first, and writes what it gets; None sends the request down the usual way. The same
application under a server that does not know of it gives the same answers, only later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Header = tuple[bytes, bytes]  # the name in lower case


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer. lines: its headers as they travel, content-length among them; body: empty also where HEAD asked."""

    status: int
    lines: bytes
    body: bytes | memoryview = b""


AtOnce = Callable[[bytes, bytes, Sequence[Header]], Ready | None]  # method, target as it came, headers


def lines(headers: Iterable[Header]) -> bytes:
    """Headers as they travel."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
