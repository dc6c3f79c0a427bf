"""The one seam between the towers: a part says what happened and when; who listens is not its business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """Something happened. at in seconds on the clock that ``now`` is read from, size in bytes (0 where none)."""

    at: float
    who: str
    what: str
    note: str = ""
    size: int = 0


Trace = Callable[[Mark], None]


def ignore(mark: Mark) -> None:
    """Listen to nothing: the default."""
