"""Conditional requests (RFC 9110, section 13): what an asker has already, and whether a part still fits to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.utils import mktime_tz, parsedate_tz

from imlab.net.web.serving.ready import Header

DECIDING = frozenset(
    (b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since")
)
_TAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')

Asked = Mapping[bytes, bytes]


def asked(headers: Iterable[Header]) -> Asked:
    """The headers that decide which answer is given; several of one name are one list."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in DECIDING:
            found[name] = found[name] + b", " + value if name in found else value
    return found


def status(asked: Asked, etag: bytes, modified: int) -> int:
    """200: give it; 304: the asker has it; 412: it is not what the asker means. In the order of section 13.2.2.

    modified: seconds since 1970, 0 if unknown.
    """
    if b"if-match" in asked:
        if not _named(asked[b"if-match"], etag, weak=False):
            return 412
    elif _since(asked.get(b"if-unmodified-since"), modified) is False:
        return 412
    if b"if-none-match" in asked:
        return 304 if _named(asked[b"if-none-match"], etag, weak=True) else 200
    return 304 if _since(asked.get(b"if-modified-since"), modified) else 200


def range_wanted(asked: Asked, etag: bytes, modified: int) -> bytes | None:
    """The Range header, unless its If-Range speaks of another file. A date has to be the very one that we tell."""
    wanted, validator = asked.get(b"range"), asked.get(b"if-range")
    if wanted is None or validator is None:
        return wanted
    if _TAG.fullmatch(validator):
        return wanted if validator == etag else None
    return wanted if modified and _seconds(validator) == modified else None


def _named(tags: bytes, etag: bytes, weak: bool) -> bool:
    """Whether a list of tags holds ours; one that is called weak only where a weak comparison will do."""
    return tags.strip() == b"*" or any(tag == etag and (weak or not w) for w, tag in _TAG.findall(tags))


def _since(date: bytes | None, modified: int) -> bool | None:
    """Whether nothing changed after a date; None: there is no date to compare, or none that can be read."""
    seconds = _seconds(date) if date and modified else None
    return None if seconds is None else modified <= seconds


def _seconds(date: bytes) -> int | None:
    """An HTTP date in seconds since 1970; None: it is none, and is ignored."""
    try:
        parts = parsedate_tz(date.decode("ascii"))
        return mktime_tz(parts) if parts else None
    except (ValueError, OverflowError):  # not ASCII, the 31st of February, the year 99999
        return None
