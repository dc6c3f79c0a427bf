"""How much of a room goes into one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
FILE = 512  # bytes that a note with a file weighs: its head alone goes into a page


def within(items: Iterable[T], limit: int, weight: Callable[[T], int]) -> Iterator[T]:
    """The first item whatever its weight, and those after it while all of them together stay within ``limit`` bytes."""
    left = limit
    for place, item in enumerate(items):
        left -= weight(item)
        if left < 0 and place > 0:
            return
        yield item
