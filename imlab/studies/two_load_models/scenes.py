"""Servers whose answers are known, each under two loads that are alike: so many requests/s, or so many users.

Of an answer after W seconds and a pause of Z, N users make the rate N / (W + Z) (Little's law); the open loop offers
that rate by the clock. What the two say differently about one server is then theirs and not the server's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imlab.errors import InvalidRun
from imlab.lab.claims.auditor import Loop, audit
from imlab.lab.known.gap import Gap
from imlab.lab.known.systems import Constant, System
from imlab.lab.load.closedloop import Constant as Always
from imlab.lab.load.closedloop import Exponential, Think
from imlab.studies.published.speed import AFTER, BEFORE


class Scene(Protocol):
    """A server and its two loads; the repr is the label."""

    @property
    def rate(self) -> float:
        """Requests per second of the open loop."""

    @property
    def users(self) -> int:
        """People of the closed loop."""

    @property
    def think(self) -> Think:
        """Their pauses."""

    @property
    def warm_up_s(self) -> float:
        """How long the loops need to forget how they began."""

    def system(self, window_s: float) -> System:
        """The server, for a window of so many seconds."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """It answers after ``delay_s``, but once, in the middle of the window, not for ``stall_s``."""

    delay_s: float = 0.01
    stall_s: float = 1.0
    users: int = 4
    think_s: float = 0.01

    @property
    def rate(self) -> float:
        """That of the users when nothing stalls."""
        return self.users / (self.delay_s + self.think_s)

    @property
    def warm_up_s(self) -> float:
        """None: the algebra counts from the first request."""
        return 0.0

    @property
    def think(self) -> Think:
        """Always the same, as the algebra has it."""
        return Always(self.think_s)

    def gap(self, window_s: float) -> Gap:
        """The algebra of it. The stall is over before the last quarter, so the backlog is never taken for growing."""
        return Gap(self.users, self.think_s, self.delay_s, self.stall_s, window_s)

    def system(self, window_s: float) -> System:
        """The server of the algebra."""
        return self.gap(window_s).system


@dataclass(frozen=True, slots=True)
class Answers:
    """It answers after ``delay_s``, however many ask: no server has more capacity."""

    delay_s: float
    rate: float
    users: int
    think_s: float
    warm_up_s: float = 0.6  # after one round and a half of the slower row, users who began all at once have spread

    @property
    def think(self) -> Think:
        """Without memory, so that users who begin together do not stay together."""
        return Exponential(self.think_s)

    def system(self, window_s: float) -> System:
        """The same for any window."""
        return Constant(self.delay_s)


def published() -> Loop:
    """The closed loop that fits both rows of the article's table, by algebra."""
    found = audit(BEFORE, AFTER).loop
    if found is None:
        raise InvalidRun("no closed loop fits the published table any more: there is nothing to re-enact")
    return found


def _row(latency_s: float) -> Answers:
    """A row of the table as a server without limits, under the loads of the row before."""
    loop = published()
    return Answers(latency_s, BEFORE.rate, int(loop.clients), round(loop.think, 4))


STALL = Stalls()
OLD, NEW = _row(BEFORE.latency), _row(AFTER.latency)
