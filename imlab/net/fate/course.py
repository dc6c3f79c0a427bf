"""What befalls each packet on a link: the one core under every engine. It has no clock, no socket and no thread.

A packet goes through these stations; each has its own random stream, so that with one seed a link with more jitter
still loses the same packets, and two variants of a product meet the same bad luck (common random numbers):

    queue         a busy link with no room for it drops it                          Fate.FULL
    transmission  the packets before it, then its own bytes at the rate or trace
    air           lost by the loss model, after it has used the rate                Fate.LOST
    delay         delay + a uniform share of jitter, never before its predecessor
    reordering    a share comes later, without holding up those behind it
    outage        what would arrive while the link is dead does not                 Fate.OUTAGE
    duplication   a share arrives twice

Times are seconds since the link began, of whatever clock the engine turns, and ``now`` never goes back.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from random import Random

from imlab.net.fate.losses import Losing, Loss
from imlab.net.fate.outages import Calendar
from imlab.net.fate.ratetrace import Meter, RateTrace
from imlab.net.links import Link


class Fate(Enum):
    """Why a packet did not arrive."""

    FULL = "queue full"
    LOST = "lost on the air"
    OUTAGE = "outage"


class Course:
    """One direction of one link, told of packets and their moments; same link, seed and packets: same fates."""

    def __init__(self, link: Link, seed: int | str) -> None:
        self.link = link
        self.why: Fate | None = None  # why the last packet did not arrive; None: it does
        self.drops = dict.fromkeys(Fate, 0)  # packets, by why
        self._free = 0.0  # when all that was taken is transmitted
        self._last = 0.0  # the latest arrival in order
        self._streams = {kind: Random(f"{kind} {seed}") for kind in ("loss", "jitter", "order", "copy")}
        self._luck, self._stray, self._copy = (self._streams[kind].random for kind in ("jitter", "order", "copy"))
        self._begin_loss(link)
        self._take(link)

    def change(self, link: Link) -> None:
        """Another link from the next packet on; what was told before stands. A loss model that stays goes on."""
        if link.loss_model != self.link.loss_model:
            self._begin_loss(link)
        self.link = link
        self._take(link)

    @property
    def free_at(self) -> float:
        """When all that was taken so far is transmitted; it arrives a delay later."""
        return self._free

    def waiting(self, now: float) -> float:
        """Bytes taken and not yet transmitted, at the rate of now; none where the rate is infinite."""
        if now >= self._free or self._endless:
            return 0.0
        if self._meter:
            return self._meter.carried(self._free) - self._meter.carried(now)
        return (self._free - now) * self._rate

    def passed(self, now: float, size: float) -> float:
        """When the first ``size`` of the waiting bytes are transmitted."""
        return self._meter.done(now, size) if self._meter else now + size / self._rate

    def send(self, now: float, size: int) -> tuple[float, ...]:
        """When a packet of ``size`` bytes, sent now, arrives: once, twice, or never, and then ``why`` tells."""
        free = self._free
        if free <= now:
            free = now
        elif self._queue < inf and self.waiting(now) + size > self._queue:
            return self._drop(Fate.FULL)
        self._free = free = self._meter.done(free, size) if self._meter else free + size / self._rate
        if self._loses and self._loses():
            return self._drop(Fate.LOST)
        at = free + self._delay
        if self._jitter:
            at += self._jitter * self._luck()
        if at < self._last:
            at = self._last
        if self._share and self._stray() < self._share:
            at += self._late
        else:
            self._last = at
        if self._calendar and self._calendar.dead(at):
            return self._drop(Fate.OUTAGE)
        self.why = None
        if self._duplication and self._copy() < self._duplication:
            return (at, at)
        return (at,)

    def _drop(self, why: Fate) -> tuple[float, ...]:
        self.why = why
        self.drops[why] += 1
        return ()

    def _begin_loss(self, link: Link) -> None:
        model = link.loss_model
        self._loses: Losing | None = None if model == Loss(0) else model.begin(self._streams["loss"])

    def _take(self, link: Link) -> None:
        self._delay, self._jitter = link.delay, link.jitter
        self._endless = link.rate == inf  # keeps no queue
        self._queue, self._duplication = inf if self._endless else link.queue, link.duplication
        self._share, self._late = (link.reordering.share, link.reordering.late) if link.reordering else (0.0, 0.0)
        self._meter = Meter(link.rate) if isinstance(link.rate, RateTrace) else None
        self._rate = inf if isinstance(link.rate, RateTrace) else link.rate
        self._calendar = Calendar(link.outage_model) if link.outages else None
