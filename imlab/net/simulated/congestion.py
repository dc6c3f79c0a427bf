"""How many segments may be under way: congestion control as values; ``begin`` gives one connection's window.

Windows are counted in segments, as Linux does, and grow by what was acknowledged, not by acknowledgements (RFC 3465).

    Reno    slow start, then one segment a round trip; half of it at a loss (RFC 5681)
    Cubic   the same slow start, then a cubic of the time since the last loss, but never slower than Reno would be;
            seven tenths at a loss, and fast convergence (RFC 9438). Without HyStart, which Linux has: its slow start
            may end before the first loss, this one's does not.

After a timeout both begin again with one segment. A window that was not used does not grow (RFC 7661; the caller
knows); one that rested is halved once a timeout down to the first window (RFC 2861, ``tcp_cwnd_restart`` in Linux).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from imlab.net.fate.bounds import within

FIRST = 10  # segments, RFC 6928
LEAST = 2.0  # segments that a loss leaves, RFC 5681


@dataclass(frozen=True, slots=True)
class Reno:
    """Additive increase, multiplicative decrease. first: segments before the first acknowledgement."""

    first: int = FIRST

    def __post_init__(self) -> None:
        within("a window's first", self.first, 1, 1e6)

    def begin(self) -> Window:
        """The window of one connection."""
        return Window(self.first)


@dataclass(frozen=True, slots=True)
class Cubic:
    """The cubic of RFC 9438. first: segments before the first acknowledgement."""

    first: int = FIRST

    def __post_init__(self) -> None:
        within("a window's first", self.first, 1, 1e6)

    def begin(self) -> Window:
        """The window of one connection."""
        return CubicWindow(self.first)


class Window:
    """Reno's window. size and threshold (where slow start ends) in segments, times in seconds."""

    __slots__ = ("first", "size", "threshold")

    kept = 0.5  # of what was under way, at a loss

    def __init__(self, first: int) -> None:
        self.first = first
        self.size, self.threshold = float(first), inf

    def grow(self, segments: float, now: float, trip: float) -> None:
        """So many were acknowledged while the window was in use; trip: the smoothed round trip."""
        slow = min(segments, max(0.0, self.threshold - self.size))
        self.size += slow
        if segments > slow:
            self._avoid(segments - slow, now, trip)

    def lose(self) -> None:
        """The first loss of a window; Linux cuts the window, RFC 5681 what was under way."""
        self.size = self.threshold = max(LEAST, float(int(self.kept * self.size)))

    def collapse(self, cut: bool) -> None:
        """A timeout: everything that was under way is thought lost. cut: this window was not cut yet."""
        if cut:
            self.lose()
        self.size = 1.0

    def rest(self, timeouts: float) -> None:
        """Nothing was sent for so many timeouts."""
        self.threshold = max(self.threshold, 0.75 * self.size)
        while timeouts > 1 and self.size > self.first:
            self.size = max(self.size / 2, min(self.first, self.size))
            timeouts -= 1

    def _avoid(self, segments: float, now: float, trip: float) -> None:
        self.size += segments / self.size


class CubicWindow(Window):
    """Cubic's window: remembers how large it was, and since when it grows."""

    __slots__ = ("began", "friendly", "most", "origin")

    kept = 0.7
    STEEPNESS = 0.4  # segments per second cubed, RFC 9438 section 5
    SHARE = 3 * (1 - kept) / (1 + kept)  # of a segment a round trip: as fast as Reno on average, section 4.3

    def __init__(self, first: int) -> None:
        super().__init__(first)
        self.most = 0.0  # segments at the last loss
        self.origin = 0.0  # seconds from the beginning of growth until ``most`` is reached again
        self.began: float | None = None
        self.friendly = 0.0  # segments that Reno would have

    def lose(self) -> None:
        """The first loss of a window; one that came before the old size was reached makes room for others."""
        self.most = self.size * (1 + self.kept) / 2 if self.size < self.most else self.size
        self.began = None
        super().lose()

    def _avoid(self, segments: float, now: float, trip: float) -> None:
        if self.began is None:
            self.began, self.friendly = now, self.size
            self.most = max(self.most, self.size)
            self.origin = ((self.most - self.size) / self.STEEPNESS) ** (1 / 3)
        self.friendly += self.SHARE * segments / self.size
        target = self.STEEPNESS * (now - self.began + trip - self.origin) ** 3 + self.most
        target = min(max(target, self.size), 1.5 * self.size)
        self.size = max(self.size + segments * (target - self.size) / self.size, self.friendly)


Congestion = Reno | Cubic
