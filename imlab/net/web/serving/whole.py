"""Requests that are taken whole: the connection collects a small body by itself, and asks once for the answer.

The second of our two small extensions beside ASGI (the first: ready.py). To ASGI a request is a task from its first
header on, an event and a message for each piece of its body, and two messages for the answer: of a note of 20 kB a
sixth of what it costs. So whoever wants a request whole gives an ``Order`` for it; a server that knows of it
(collecting.py) brings the body, and writes what comes back; None sends the request down the usual way, where the
answers are the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from imlab.net.web.serving.ready import Header, Ready
from imlab.server.upload_terms import Patience


@dataclass(frozen=True, slots=True)
class Order:
    """A body is wanted whole. patience: with its sender; late: the answer to one who lost it, told the bytes so far."""

    finish: Callable[[bytes], Awaitable[Ready]]
    patience: Patience
    late: Callable[[int], Ready]


Orders = Callable[[bytes, bytes, Sequence[Header]], Order | None]  # method, target as it came, headers
