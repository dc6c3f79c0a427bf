"""How connections to other servers are kept, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lines:
    """Connections to database, object store and second cache, and those of clients. most: that are kept; 0: a new

    connection for each request, closed after it, on every one of these ways.
    """

    most: int = 200
    idle_s: float = 60.0
