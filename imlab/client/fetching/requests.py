"""Requests and answers as values, and whether one may be asked again."""

from __future__ import annotations

import json
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]  # names in lower case

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.2


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes start..stop of what is uploaded."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Request:
    """One request. target: path and query; body: which bytes of the upload it carries; checksum: a hash of them to tell

    in Upload-Checksum, by hashlib's name, or none.
    """

    method: str
    target: str
    headers: Headers = ()
    body: Span | None = None
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. headers: the last of each name, in lower case; body: at most as much as the driver would keep."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds a client waits: dial, for a connection; answer, for the head of an answer once the request is sent;

    silence, between bytes in either direction.
    """

    dial: float = 10.0
    answer: float = 60.0
    silence: float = 30.0


def may_repeat(method: str, kept: bool, sent: bool, answered: bool) -> bool:
    """May a request whose connection broke be sent once more without asking anybody?

    Only on a kept connection, which the server may have closed while the request was on its way (RFC 9112, 9.3.1), and
    before a byte of answer came; then if none of it was sent, or if doing it twice is doing it once.
    """
    return kept and not answered and (not sent or method in IDEMPOTENT)


def passing(status: int) -> bool:
    """May the same request succeed later?

    Timeouts, locks (423, RFC 4918), too early, too many, a full disk (507), and what befalls servers, but not what they
    cannot do (501, 505).
    """
    return status in (408, 423, 425, 429) or (status >= 500 and status not in (501, 505))


def words(answer: Answer) -> str:
    """What the server says of a refusal, in one line."""
    text = answer.body[:2000].decode("utf-8", "replace")
    try:
        told = str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        told = text  # not an error of our kind
    return f"{answer.status} {' '.join(told.split())[:300]}".strip()
