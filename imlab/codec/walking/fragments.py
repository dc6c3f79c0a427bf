"""Fragments of an MP4 (ISO/IEC 14496-12, 8.8): runs of packets, each with a table of its own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from imlab.codec.contract import CodecError
from imlab.codec.walking.boxes import Box, boxes, maybe
from imlab.codec.walking.walked import bounded
from imlab.codec.walking.window import Window

FLAGS = 0xFFFFFF
BASE, DESCRIPTION, DURATION, SIZE = 0x1, 0x2, 0x8, 0x10  # what follows in tfhd; 8 bytes, then 4 each
OFFSET, FIRST = 0x1, 0x4  # what follows in trun before the rows, 4 bytes each
ROW_DURATION, ROW_SIZE, ROW_FLAGS, ROW_TIME = 0x100, 0x200, 0x400, 0x800  # what is in a row, 4 bytes each
WORD = 4  # bytes


@dataclass(frozen=True, slots=True)
class Defaults:
    """Of packets whose row does not tell: duration in ticks of the track, size in bytes."""

    duration: int
    size: int


@dataclass(frozen=True, slots=True)
class Run:
    """Packets in a row: how many, how long together in ticks, how many bytes."""

    count: int
    duration: int
    size: int


def runs(window: Window, moof: Box, defaults: Defaults) -> Iterator[Run]:
    """The runs of a fragment."""
    for traf in boxes(window, moof.at, moof.end):
        if traf.name == b"traf":
            own = _own(window, traf, defaults)
            yield from (_run(window, box, own) for box in boxes(window, traf.at, traf.end) if box.name == b"trun")


def _own(window: Window, traf: Box, defaults: Defaults) -> Defaults:
    """The defaults of this fragment."""
    tfhd = maybe(window, traf, b"tfhd")
    if tfhd is None:
        raise CodecError("an MP4 fragment without its head (tfhd)")
    flags = int.from_bytes(window.take(tfhd.at, WORD), "big") & FLAGS
    at = tfhd.at + 2 * WORD + 2 * WORD * bool(flags & BASE) + WORD * bool(flags & DESCRIPTION)
    duration = _word(window, at) if flags & DURATION else defaults.duration
    at += WORD * bool(flags & DURATION)
    return Defaults(duration, _word(window, at) if flags & SIZE else defaults.size)


def _word(window: Window, at: int) -> int:
    return int.from_bytes(window.take(at, WORD), "big")


def _run(window: Window, trun: Box, defaults: Defaults) -> Run:
    flags, count = _word(window, trun.at) & FLAGS, bounded(_word(window, trun.at + WORD))
    at = trun.at + 2 * WORD + WORD * bool(flags & OFFSET) + WORD * bool(flags & FIRST)
    present = [flag for flag in (ROW_DURATION, ROW_SIZE, ROW_FLAGS, ROW_TIME) if flags & flag]
    if at + count * WORD * len(present) > trun.end:
        raise CodecError(f"truncated: a run of {count} packets in an MP4 has room for fewer")
    columns = _sums(window, at, count, len(present))
    of = dict(zip(present, columns, strict=True))
    return Run(count, of.get(ROW_DURATION, count * defaults.duration), of.get(ROW_SIZE, count * defaults.size))


def _sums(window: Window, at: int, count: int, width: int) -> list[int]:
    """The sum of each column of a table of words."""
    if not width or not count:
        return [0] * width
    row = struct.Struct(f">{width}I")
    sums = [0] * width
    for piece in window.pieces(at, at + count * row.size, row.size):
        sums = [
            known + sum(column) for known, column in zip(sums, zip(*row.iter_unpack(piece), strict=True), strict=True)
        ]
    return sums
