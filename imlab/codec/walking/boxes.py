"""ISO's boxes (ISO/IEC 14496-12, 4.2): a size, four letters, and what is inside."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from imlab.codec.contract import CodecError
from imlab.codec.walking.walked import bounded
from imlab.codec.walking.window import Window

HEAD = struct.Struct(">I4s")
LONG = struct.Struct(">Q")
TO_THE_END, IS_LONG = 0, 1  # sizes that are none


@dataclass(frozen=True, slots=True)
class Box:
    """at: where its inside begins; end: where it ends."""

    name: bytes
    at: int
    end: int

    @property
    def size(self) -> int:
        """Bytes inside."""
        return self.end - self.at


def boxes(window: Window, at: int, end: int) -> Iterator[Box]:
    """The boxes that lie end to end between two offsets; CodecError when one reaches beyond."""
    while at < end:
        window.parts = bounded(window.parts + 1)
        size, name = HEAD.unpack(window.take(at, HEAD.size))
        inside = at + HEAD.size
        if size == IS_LONG:
            (size,) = LONG.unpack(window.take(inside, LONG.size))
            inside += LONG.size
        elif size == TO_THE_END:
            size = end - at
        if at + size > end:
            raise CodecError(f"truncated: the box {name!r} at byte {at} ends at byte {at + size}, its place at {end}")
        if at + size < inside:
            raise CodecError(f"the box {name!r} at byte {at} has {size} bytes, less than its own head")
        yield Box(name, inside, at + size)
        at += size


def only(window: Window, within: Box, name: bytes, skip: int = 0) -> Box:
    """The first box of a name in another, whose boxes begin ``skip`` bytes into it."""
    box = maybe(window, within, name, skip)
    if box is None:
        raise CodecError(f"no box {name!r} in {within.name!r}")
    return box


def maybe(window: Window, within: Box, name: bytes, skip: int = 0) -> Box | None:
    """The same, or None."""
    return next((box for box in boxes(window, within.at + skip, within.end) if box.name == name), None)
