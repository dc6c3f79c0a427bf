"""A link between two machines, described once."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Link:
    """A one-way link. delay and jitter in seconds, rate in bytes per second, loss as a fraction of segments."""

    delay: float = 0.0
    jitter: float = 0.0
    rate: float = inf
    loss: float = 0.0


@dataclass(frozen=True, slots=True)
class Path:
    """Both ways between a client and the server."""

    name: str
    up: Link
    down: Link
