"""Which part of a file a Range header asks for (RFC 9110, section 14), one part at a time."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=\s*([0-9]{0,19})-([0-9]{0,19})\s*", re.IGNORECASE)


def part(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; None: the whole file, which is also the answer to several parts.

    ValueError: the file has nothing of what was asked for.
    """
    found = _ONE.fullmatch(header or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:  # so many bytes from the end
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last or size) + 1)
        if last and int(last) < start:
            return None  # not a range at all
    if start >= stop:
        raise ValueError(f"{header} of {size} bytes")
    return start, stop
