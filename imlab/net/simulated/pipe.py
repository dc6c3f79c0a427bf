"""One direction of a simulated connection: a reliable byte stream over a link, as TCP looks to its users.

The model: a message waits for the ones before it, is serialised at the link's rate, travels for the delay and a
uniform share of the jitter, and never overtakes. Each of its segments (1448 bytes) is lost independently; one round
of retransmission costs a timeout of ``max(200 ms, two round trips)`` (200 ms is Linux's least; RFC 6298), and a
retransmitted segment can be lost again. There is no slow start and no congestion window: a lossy path's rate is too
good here, and results that rest on it must say so.
"""

from __future__ import annotations

from random import Random

from imlab.errors import UsageError
from imlab.net.links import Link

SEGMENT = 1448  # bytes of payload in an Ethernet-sized TCP segment with timestamps
LEAST_TIMEOUT = 0.2  # seconds, Linux's TCP_RTO_MIN


class Pipe:
    """Decides when a message of a given size arrives; times in seconds of the world's clock."""

    def __init__(self, link: Link, random: Random) -> None:
        if not isinstance(link.rate, float | int) or not isinstance(link.loss, float | int) or link != _plain(link):
            raise UsageError(f"a pipe knows delay, jitter, one rate and one share of loss, not {link!r}")
        self._link, self._random = link, random
        self._rate, self._loss = link.rate, link.loss
        self.drained_at = 0.0  # when everything handed over so far is serialised
        self._last = 0.0

    def send(self, size: int, now: float) -> tuple[float, int]:
        """When the last of ``size`` bytes handed over now arrives, and how many are not yet serialised."""
        link, free = self._link, self.drained_at
        self.drained_at = free = (now if now > free else free) + size / self._rate
        at = free + link.delay
        if link.jitter:
            at += link.jitter * self._random.random()
        if self._loss:
            at += self._retransmissions(size) * max(LEAST_TIMEOUT, 4 * link.delay)
        if at > self._last:
            self._last = at
        return self._last, round((free - now) * self._rate) if free > now else 0

    def _retransmissions(self, size: int) -> int:
        rounds, pending = 0, -(-size // SEGMENT)
        while pending:
            pending = sum(self._random.random() < self._loss for _ in range(pending))
            rounds += pending > 0
        return rounds


def _plain(link: Link) -> Link:
    return Link(link.delay, link.jitter, link.rate, link.loss)
