"""How much of a room goes into one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Sized(Protocol):
    """Something whose audio has so many bytes."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...


T = TypeVar("T", bound=Sized)


def within(items: Iterable[T], limit: int) -> Iterator[T]:
    """The first item whatever its size, and those after it while all of them together stay within ``limit`` bytes."""
    left = limit
    for place, item in enumerate(items):
        left -= item.size
        if left < 0 and place > 0:
            return
        yield item
