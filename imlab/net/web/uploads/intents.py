"""What an uploader asks for, in a query or in a form: the room, the sender, the note's id, claims of the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import parse_qsl

from imlab.net.web.uploads.posting import Intent
from imlab.server.doors import Claimed
from imlab.server.parts import Malformed
from imlab.wire import limits

GUEST = "guest"  # the sender of those who say none
HEX = "0123456789abcdef"
WORDS = 32  # in one query
DRAWN = 256  # ids at a time


def query(text: bytes) -> dict[str, str]:
    """The names of a query and their values; of one that comes twice, the last."""
    if text.count(b"&") >= WORDS:
        raise Malformed(f"a query has at most {WORDS} names here")
    try:
        said = text.decode("ascii")
        if "%" in said or "+" in said:
            return dict(parse_qsl(said, keep_blank_values=True, errors="strict"))
    except ValueError as error:
        raise Malformed(f"not a query: {text!r:.60}") from error
    return {name: value for name, _, value in [pair.partition("=") for pair in said.split("&")] if name}


class Ids:
    """New ids of notes, 128 random bits each, drawn many at a time.

    The kernel's randomness costs half a microsecond, but Python lets go of its lock to ask for it: with a store's
    threads at work, asking for each note took a tenth of all CPU time of an upload.
    """

    def __init__(self) -> None:
        self._left: list[str] = []
        os.register_at_fork(after_in_child=self._left.clear)  # two processes must not give the same ones

    def __call__(self) -> str:
        if not self._left:
            drawn = os.urandom(DRAWN * limits.ID // 2).hex()
            self._left += [drawn[at : at + limits.ID] for at in range(0, len(drawn), limits.ID)]
        return self._left.pop()


_new_id = Ids()


def intent(room: str, said: Mapping[str, str], key: str, type: str, now: float) -> Intent:
    """key: the note's id, "" for a new one. type: the file's media type as claimed. now: Unix time in seconds."""
    sender = said.get("sender", GUEST)
    if key and not is_id(key):
        raise Malformed(f"Idempotency-Key is {limits.ID} lower-case hex digits, not {key!r:.60}")
    _check_name("room", room)
    _check_name("sender", sender)
    tapped = said.get("timestamp_ms")
    return Intent(
        key or _new_id(),
        room,
        sender,
        int(now * 1000) if tapped is None else _number("timestamp_ms", tapped, limits.INTEGER),
        claimed(said, type),
    )


def is_id(text: str) -> bool:
    """May a note have this id?"""
    return len(text) == limits.ID and not text.strip(HEX)


def claimed(said: Mapping[str, str], type: str) -> Claimed:
    """What is said of the file."""
    lasts = said.get("duration_ms")
    duration_ms = None if lasts is None else _number("duration_ms", lasts, limits.DURATION_MS)
    return Claimed(type, said.get("filename", ""), said.get("codec", ""), duration_ms)


def _check_name(what: str, name: str) -> None:
    """A name as wire/rules.py wants it; U+FFFD is what a server makes of bytes that are no UTF-8."""
    if not (0 < len(name) <= limits.NAME and name.isprintable() and "\ufffd" not in name):
        raise Malformed(f"{what} is 1..{limits.NAME} printable characters, not {name!r:.60}")


def _number(what: str, text: str, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else -1
    if not 0 <= number <= most:
        raise Malformed(f"{what} is 0..{most}, not {text!r:.40}")
    return number
