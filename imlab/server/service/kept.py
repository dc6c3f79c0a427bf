"""Questions to another server over connections that are kept, or over a new one each. No I/O and no clock of its own:

whoever connects, asks and closes says how, and what time it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from imlab.errors import DoorError
from imlab.server.service.lines import Lines

Line = TypeVar("Line")
Answer = TypeVar("Answer")


class Broken(DoorError):
    """The connection ended before it had answered. A kept one may have been dead before it was asked."""


class Idle(Generic[Line]):
    """Connections that stand and carry nothing, for any number of threads: the one used last goes first."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._lock = Lock()
        self._idle: deque[tuple[float, Line]] = deque()  # since when, the longest idle first

    def take(self) -> Line | None:
        """One that stands; None: there is none."""
        with self._lock:
            return self._idle.pop()[1] if self._idle else None

    def give(self, line: Line, now: float) -> list[Line]:
        """It is free again; those that are now to be closed: too many, or idle for too long."""
        with self._lock:
            self._idle.append((now, line))
            over = []
            while self._idle and (len(self._idle) > self._lines.most or now - self._idle[0][0] > self._lines.idle_s):
                over.append(self._idle.popleft()[1])
            return over

    def drain(self) -> list[Line]:
        """All of them, to be closed."""
        with self._lock:
            lines = [line for _, line in self._idle]
            self._idle.clear()
            return lines


class Kept(Generic[Line]):
    """For threads that block: each has a connection to itself while it asks. opened: connections so far."""

    def __init__(
        self, lines: Lines, connect: Callable[[], Line], close: Callable[[Line], object], clock: Callable[[], float]
    ) -> None:
        self._connect, self._close, self._clock = connect, close, clock
        self._idle: Idle[Line] = Idle(lines)
        self._lock = Lock()
        self.opened = 0

    def ask(self, question: Callable[[Line], Answer]) -> Answer:
        """Its answer; asked twice where a kept connection is found dead, so it must be such that twice is once."""
        line = self._idle.take()
        if line is not None:
            try:
                return self._on(line, question)
            except Broken:
                self.close()  # those that were idle for longer are as dead, most likely
        return self._on(self._opened(), question)

    def close(self) -> None:
        """Those that carry nothing."""
        for line in self._idle.drain():
            self._close(line)

    def _opened(self) -> Line:
        line = self._connect()
        with self._lock:
            self.opened += 1
        return line

    def _on(self, line: Line, question: Callable[[Line], Answer]) -> Answer:
        try:
            answer = question(line)
        except BaseException:
            self._close(line)
            raise
        for over in self._idle.give(line, self._clock()):
            self._close(over)
        return answer
