"""What of a file is wanted, and what an answer says it brings (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imlab.client.fetching.requests import Answer, Headers
from imlab.errors import PeerError


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes from ``start`` on are missing: up to ``stop``, or as many as come (None)."""

    start: int
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """An answer's body begins at ``start`` of a file of ``size`` bytes (None: it does not say) and ends at ``stop``."""

    start: int
    stop: int | None
    size: int | None


_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


def headers(need: Need, tag: str) -> Headers:
    """For that part of a file; of another file than ``tag`` names, all of it is wanted."""
    if need == Need(0):
        return ()
    last = "" if need.stop is None else str(need.stop - 1)
    wanted = ("range", f"bytes={need.start}-{last}")
    return (wanted, ("if-range", tag)) if tag and not tag.startswith("W/") else (wanted,)


def brought(answer: Answer, need: Need) -> Brought:
    """What a good answer brings; PeerError when it is not what was asked for."""
    told = answer.headers.get("content-length", "")
    size = int(told) if told.isdecimal() and len(told) < 19 else None
    if answer.status == 200:
        return Brought(0, size, size)
    said = answer.headers.get("content-range", "")
    found = _RANGE.fullmatch(said)
    if not found or int(found[1]) != need.start or int(found[2]) < need.start:
        raise PeerError(f"asked from byte {need.start} on, the server brings {said!r:.60}")
    return Brought(need.start, int(found[2]) + 1, None if found[3] == "*" else int(found[3]))
