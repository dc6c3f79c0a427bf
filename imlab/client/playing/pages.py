"""Ogg pages in a file of which parts are here (RFC 3533): the one at a known place, the next one from anywhere on."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.client.fetching.ranges import Need
from imlab.client.playing.held import Held
from imlab.codec.container import ogg
from imlab.codec.container.ogg import CAPTURE, HEADER, MOST_SEGMENTS, Page
from imlab.codec.contract import CodecError

LARGEST_PAGE = HEADER.size + MOST_SEGMENTS + MOST_SEGMENTS * 255  # bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A page, where it begins, and where it ends."""

    page: Page
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Heading:
    """What a page's header says, where it begins."""

    at: int
    granule: int


def page_at(held: Held, at: int, size: int | None) -> Found | Need:
    """The page that begins at ``at`` of a file of ``size`` bytes; CodecError where none does, or a damaged one."""
    head = held.read(at, at + HEADER.size + MOST_SEGMENTS)
    length = _length(head)
    end = at + (length or 0)
    if head[: len(CAPTURE)] == CAPTURE[: len(head)] and (length is None or held.gap(at) < end):
        missing = held.gap(at)
        if size is None or missing < size:
            return Need(missing)
        raise CodecError(f"truncated: the Ogg page at byte {at} ends behind the file of {size} bytes")
    try:
        return Found(next(ogg.pages(held.read(at, end))), at, end)
    except (CodecError, StopIteration) as error:
        what = "damaged" if head.startswith(CAPTURE) else f"none: {head[:8].hex()}"
        raise CodecError(f"the Ogg page at byte {at} is {what}") from error


def heading_from(held: Held, at: int, stop: int, serial: int) -> Heading | Need | None:
    """The first page of a stream that begins between ``at`` and ``stop``, by its header alone.

    Bytes of sound that look like one (capture, version and serial: one chance in 2^72) cost a wrong turn, not more: the
    page that is read in the end is checked.
    """
    while (missing := held.gap(at)) < stop or missing - at >= HEADER.size:
        window = held.read(at, min(missing, stop + HEADER.size))
        place = window.find(CAPTURE)
        if place < 0 or len(window) - place < HEADER.size:
            break
        _, version, _, granule, theirs, *_ = HEADER.unpack_from(window, place)
        at += place
        if at >= stop:
            return None
        if (version, theirs) == (0, serial):
            return Heading(at, granule)
        at += 1
    return Need(missing) if missing < stop else None


def _length(head: bytes) -> int | None:
    """A page's length, by its header and segment table; None when they are not here whole."""
    if len(head) < HEADER.size or len(head) < HEADER.size + head[HEADER.size - 1]:
        return None
    count = head[HEADER.size - 1]
    return HEADER.size + count + sum(head[HEADER.size : HEADER.size + count])
