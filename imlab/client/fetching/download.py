"""A file on its way to a reader who says which bytes are wanted: by as many answers as it takes, whatever breaks.

The first answer names the file (ETag); each later question says so (If-Range), and an answer about another file is
refused. A connection that breaks, or a server that cannot just now, is asked again with growing patience for what
is still missing.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

from imlab.client.backoff import Backoff
from imlab.client.fetching.ranges import Need, brought, headers
from imlab.client.fetching.requests import Answer, Request, passing, words
from imlab.client.fetching.tries import TRIES, Tries
from imlab.errors import DoorError, PeerError


class Reader(Protocol):
    """Who wants the file."""

    def want(self) -> Need | None:
        """The bytes wanted now; None: enough is here."""
        ...

    def told(self, size: int) -> None:
        """The file has so many bytes."""
        ...

    def feed(self, at: int, data: bytes) -> None:
        """Bytes of the file, from ``at`` on."""
        ...


class Download:
    """One answer at a time: ``request`` asks, ``answered``, ``body`` and ``ended`` tell of it."""

    def __init__(
        self, target: str, reader: Reader, random: Random, backoff: Backoff | None = None, tries: int = TRIES
    ) -> None:
        self._target, self._reader = target, reader
        self._tries = Tries(backoff or Backoff(), tries, random)
        self._tag = ""
        self._asked = Need(0)
        self._at = 0  # of the answer's next byte
        self._stop: int | None = None  # where the answer ends
        self._whole = False  # is its end the file's?
        self.due: float | None = None  # not to be asked before, seconds on the driver's clock
        self.error: Exception | None = None  # PeerError: refused; DoorError: tried too often

    @property
    def sated(self) -> bool:
        """Is nothing more wanted, for now?"""
        return self._reader.want() is None

    @property
    def over(self) -> bool:
        """Has all come that this answer promised?"""
        return self._stop is not None and self._at >= self._stop

    @property
    def useful(self) -> bool:
        """Is what this answer brings next wanted next?"""
        need = self._reader.want()
        return need is not None and need.start == self._at

    def request(self, now: float) -> Request | None:
        """What to ask now; None: nothing is wanted, or not yet."""
        need = self._reader.want()
        if need is None or self.error or (self.due is not None and now < self.due):
            return None
        self._asked, self.due = need, None
        return Request("GET", self._target, headers(need, self._tag))

    def answered(self, answer: Answer, now: float) -> bool:
        """Its status and headers, and where it is a refusal its body; is the body wanted?"""
        if answer.status in (200, 206):
            return self._begins(answer)
        if passing(answer.status):
            self._again(words(answer), now, answer)
        else:
            self.error = PeerError(f"the server refused {self._target}: {words(answer)}")
        return False

    def body(self, data: bytes) -> None:
        """More of it."""
        self._tries.succeeded()
        self._reader.feed(self._at, data)
        self._at += len(data)

    def ended(self, why: str, now: float) -> None:
        """The answer is over: whole, or broken, which is why."""
        if why:
            self._again(why, now, None)
        elif self._whole:
            self._reader.told(self._at)

    def _begins(self, answer: Answer) -> bool:
        tag = answer.headers.get("etag", "")
        try:
            part = brought(answer, self._asked)
        except PeerError as error:
            self.error = error
            return False
        if self._tag and tag != self._tag:
            self.error = PeerError(f"{self._target} has changed: it was {self._tag}, it is {tag or 'without a name'}")
            return False
        self._tag, self._at, self._stop = tag, part.start, part.stop
        self._whole = answer.status == 200 and part.size is None
        if part.size is not None:
            self._reader.told(part.size)
        return True

    def _again(self, why: str, now: float, answer: Answer | None) -> None:
        self.due = self._tries.failed(now, answer)
        if self.due is None:
            self.error = DoorError(f"{self._target} did not come, and was tried too often: {why}")


class Copy:
    """A reader who wants all of it, in order. keep: told its bytes, once each."""

    def __init__(self, keep: Callable[[bytes], object], size: int | None = None) -> None:
        self._keep, self._size, self._at = keep, size, 0

    def want(self) -> Need | None:
        """See Reader, as the next two."""
        return None if self._size is not None and self._at >= self._size else Need(self._at)

    def told(self, size: int) -> None:
        """An empty or shorter file is whole sooner."""
        if self._size is not None and size != self._size:
            raise PeerError(f"the file has {size} bytes, {self._size} were promised")
        self._size = size

    def feed(self, at: int, data: bytes) -> None:
        """What came before is not kept twice."""
        new = data[self._at - at :]
        self._keep(new)
        self._at += len(new)
