"""MP4 and M4A, box by box: one track of AAC or Opus, whole or in fragments as browsers record it.

Nothing says where a recording in fragments ends: one that was cut between two of them passes for a shorter one.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from imlab.codec.contract import CodecError
from imlab.codec.walking.boxes import Box, boxes, maybe, only
from imlab.codec.walking.fragments import Defaults, runs
from imlab.codec.walking.sample_entry import Sound, sound
from imlab.codec.walking.walked import Foreign, Walked, bounded
from imlab.codec.walking.window import Window

FULL = 4  # bytes of version and flags before the inside of many boxes
COUNT = struct.Struct(">I")
PAIR = struct.Struct(">II")
CONTAINER = "mp4"


@dataclass(frozen=True, slots=True)
class Samples:
    """A track's packets. duration: all of them, in ticks of the track; size in bytes."""

    count: int
    duration: int
    size: int


def walk(window: Window) -> Walked:
    """One whole file of one track of sound."""
    top = list(boxes(window, 0, window.size))
    moov = next((box for box in top if box.name == b"moov"), None)
    if moov is None:
        raise CodecError("truncated: an MP4 without its index (moov)")
    media = [box for box in top if box.name == b"mdat"]
    trak = _track(window, moov)
    mdia = only(window, trak, b"mdia")
    stbl = only(window, only(window, mdia, b"minf"), b"stbl")
    kind = sound(window, only(window, stbl, b"stsd"))
    tick = _timescale(window, only(window, mdia, b"mdhd"))
    found = _fragments(window, moov, top) if maybe(window, moov, b"mvex") else _table(window, stbl, media)
    if found.size > sum(box.size for box in media):
        raise CodecError(f"truncated: an MP4 of {found.size} bytes of packets has {sum(box.size for box in media)}")
    seconds = _heard(window, moov, trak, found.duration / tick, tick, kind)
    return Walked(CONTAINER, kind.codec, seconds, kind.rate, kind.channels, found.count)


def _track(window: Window, moov: Box) -> Box:
    """The one track, of sound."""
    tracks = [box for box in boxes(window, moov.at, moov.end) if box.name == b"trak"]
    kinds = [window.take(only(window, only(window, trak, b"mdia"), b"hdlr").at + 8, 4) for trak in tracks]
    if kinds != [b"soun"]:
        raise Foreign(f"an MP4 of {len(tracks)} tracks, {kinds.count(b'soun')} of them sound: a voice note has one")
    return tracks[0]


def _timescale(window: Window, header: Box) -> int:
    """Ticks per second, of mvhd or mdhd: behind two times of 4 or 8 bytes."""
    version = window.take(header.at, 1)[0]
    (ticks,) = COUNT.unpack(window.take(header.at + FULL + (16 if version else 8), 4))
    if not ticks:
        raise CodecError(f"an MP4 whose clock {header.name!r} does not tick")
    return int(ticks)


def _table(window: Window, stbl: Box, media: list[Box]) -> Samples:
    """All packets by the index: how long, how large, and that their chunks lie where media is."""
    count = duration = 0
    for number, ticks in _rows(window, only(window, stbl, b"stts"), PAIR):
        count = bounded(count + number)
        duration += number * ticks
    stsz = only(window, stbl, b"stsz")
    same, sized = PAIR.unpack(window.take(stsz.at + FULL, PAIR.size))
    if sized != count:
        raise CodecError(f"an MP4 of {count} packets, {sized} of them with a size")
    size = same * sized if same else sum(row[0] for row in _rows(window, stsz, COUNT, FULL + COUNT.size))
    begins = [box.at for box in media]
    for (place,) in _chunks(window, stbl):
        before = bisect_right(begins, place)
        if not before or place >= media[before - 1].end:
            raise CodecError(f"truncated: an MP4 with packets at byte {place}, where no media is")
    return Samples(count, duration, size)


def _chunks(window: Window, stbl: Box) -> Iterator[tuple[int, ...]]:
    """Where each begins in the file."""
    short = maybe(window, stbl, b"stco")
    if short is not None:
        return _rows(window, short, COUNT)
    return _rows(window, only(window, stbl, b"co64"), struct.Struct(">Q"))


def _rows(window: Window, box: Box, row: struct.Struct, skip: int = FULL) -> Iterator[tuple[int, ...]]:
    """The rows of a table behind their count, as many as there are bytes for."""
    (count,) = COUNT.unpack(window.take(box.at + skip, COUNT.size))
    at = box.at + skip + COUNT.size
    end = at + bounded(count) * row.size
    if end > box.end:
        raise CodecError(f"truncated: the table {box.name!r} promises {count} rows, there is room for fewer")
    for piece in window.pieces(at, end, row.size):
        yield from row.iter_unpack(piece)


def _fragments(window: Window, moov: Box, top: list[Box]) -> Samples:
    """All packets by the fragments' own tables."""
    trex = only(window, only(window, moov, b"mvex"), b"trex")
    _, _, duration, size = struct.unpack(">IIII", window.take(trex.at + FULL, 16))
    defaults, count, lasts, takes = Defaults(duration, size), 0, 0, 0
    for run in (run for box in top if box.name == b"moof" for run in runs(window, box, defaults)):
        count = bounded(count + run.count)
        lasts += run.duration
        takes += run.size
    return Samples(count, lasts, takes)


def _heard(window: Window, moov: Box, trak: Box, seconds: float, tick: int, kind: Sound) -> float:
    """How much of the packets is played: by the edit list where there is one, else all but the decoder's start."""
    edts = maybe(window, trak, b"edts")
    elst = maybe(window, edts, b"elst") if edts else None
    if elst is None:
        return max(0.0, seconds - kind.skip_s)
    wide = window.take(elst.at, 1)[0] == 1
    movie = _timescale(window, only(window, moov, b"mvhd"))
    asked, first = 0.0, math.inf
    for length, start, *_ in _rows(window, elst, struct.Struct(">QqI" if wide else ">IiI")):
        if start >= 0:  # else a pause
            asked += length / movie
            first = min(first, start / tick)
    left = max(0.0, seconds - first) if first < math.inf else seconds
    return min(asked, left) if asked else left
