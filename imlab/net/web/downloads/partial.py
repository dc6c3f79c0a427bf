"""Which answer a request for a note gets: all of it, a part, or nothing because the asker has it (RFC 9110)."""

from __future__ import annotations

from typing import NamedTuple

from imlab.net.web.answers import Refusal
from imlab.net.web.downloads.conditions import Asked, range_wanted, status
from imlab.net.web.downloads.kept import Kept
from imlab.net.web.downloads.ranges import part
from imlab.net.web.serving.ready import Header

_REPEATED = (b"etag", b"last-modified", b"cache-control")  # in a 304: section 15.4.5


class Plan(NamedTuple):
    """An answer but for its body: bytes of the file from start up to stop. own: the headers of this answer alone."""

    status: int
    usual: tuple[Header, ...]
    own: tuple[Header, ...]
    start: int
    stop: int


def plan(note: Kept, asked: Asked, head: bool) -> Plan:
    """What is answered; Refusal where the conditions or the range cannot be met. head: HEAD knows no ranges."""
    code = status(asked, note.etag, note.modified)
    if code == 412:
        raise Refusal(412, "precondition_failed", f"note {note.id} is {note.etag.decode()}")
    if code == 304:
        return Plan(304, tuple(header for header in note.headers if header[0] in _REPEATED), (), 0, 0)
    place = None if head else _place(note, range_wanted(asked, note.etag, note.modified))
    if place is None:
        return Plan(200, note.headers, (_length(note.size),), 0, 0 if head else note.size)
    start, stop = place
    told = (b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, note.size))
    return Plan(206, note.headers, (told, _length(stop - start)), start, stop)


def _place(note: Kept, wanted: bytes | None) -> tuple[int, int] | None:
    try:
        return part(wanted.decode("latin-1") if wanted else None, note.size)
    except ValueError as error:
        told = (b"content-range", b"bytes */%d" % note.size)
        raise Refusal(416, "range_not_satisfiable", str(error), headers=(told,)) from error


def _length(size: int) -> Header:
    return b"content-length", b"%d" % size
