"""The sending half of a simulated TCP connection's one direction: what leaves when, what is lost, what is tried again.

Every transmission has a number, and an acknowledgement names the one that caused it. A transmission is lost when one
sent three later has arrived (RFC 5681's three duplicates, RFC 6675's rule with selective acknowledgement, for
retransmissions too), or one sent a quarter of a round trip later (RACK, RFC 8985). The first loss of a window cuts
the window; until something sent after that has arrived it does not grow. When nothing more is heard, the last segment
is sent again as a probe after two round trips (RFC 8985, 7.2), and then there is the timeout of RFC 6298: smoothed
round trip plus four deviations, of which Linux makes at least 200 ms, doubled each time, at most 120 s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from imlab.net.simulated.congestion import Congestion
from imlab.net.simulated.lane import Lane, Take

SEGMENT = 1448  # bytes of payload: an MTU of 1500 without HEADERS
HEADERS = 52  # bytes: IPv4 20, TCP 20, its timestamps 12
REORDERING = 3  # transmissions
FIRST_TIMEOUT, LEAST_DEVIATION, MOST_TIMEOUT = 1.0, 0.2, 120.0  # seconds: RFC 6298, Linux's TCP_RTO_MIN and _MAX
LINEAR = 4  # tries of a first segment, before its timeout doubles: Linux's tcp_syn_linear_timeouts, since 6.5
PROBE_DELAY = 0.002  # seconds, Linux's TCP_TIMEOUT_MIN of two jiffies


class Outflow:
    """Segments are numbered from 0; a message begins a segment of its own. Times in seconds."""

    __slots__ = (
        "_acked", "_arrival", "_backoff", "_bytes", "_deviation", "_drained", "_end", "_epoch", "_heard",
        "_lane", "_lap", "_last_sent", "_limit", "_limited", "_lost", "_lost_order", "_most", "_newest", "_next",
        "_number", "_order", "_out", "_probed", "_probes", "_round", "_spread", "_tails", "_timed", "_timeout",
        "_trip", "_widest", "alarm", "dead", "promises", "take", "troubled", "window",
    )  # fmt: skip

    def __init__(
        self, lane: Lane, congestion: Congestion, limit: int, probes: bool, drained: Callable[[], None]
    ) -> None:
        self._lane, self._limit, self._probes, self._drained = lane, limit, probes, drained
        self.take: Take  # what the other end does with a segment; set by whoever joins the two ends
        self.window = congestion.begin()
        self.dead = False
        self.alarm = inf  # when ``ring`` is to be called
        self.troubled = False  # a segment was dropped, and not all is acknowledged since
        self.promises: deque[float] = deque()  # while not troubled: when messages will be complete
        self._end = self._next = self._acked = 0  # segments: written, sent once, acknowledged without a gap
        self._tails: dict[int, int] = {}  # the last segment of each message -> its payload in bytes
        self._bytes = 0  # written and never sent
        self._out: dict[int, int] = {}  # segment -> the number of its latest transmission, while that is under way
        self._order: deque[tuple[int, int, float]] = deque()  # number, segment, when
        self._lost: set[int] = set()
        self._lost_order: deque[int] = deque()
        self._number = self._heard = 0  # the latest transmission, and the latest that is known to have arrived
        self._epoch = 0  # transmissions up to this one belong to a window that was cut already
        self._round = self._most = 0  # the transmission that ends a round trip; the most that was under way in it
        self._limited = False  # did the window hold anything back in it?
        self._newest = self._last_sent = -inf  # when: the latest transmission that arrived; the latest of all
        self._arrival = 0.0
        self._trip = self._deviation = 0.0
        self._spread = self._widest = LEAST_DEVIATION  # seconds added to the trip, and the most of this round trip
        self._lap = 0  # the transmission that ends the round trip over which the spread is judged
        self._timeout = FIRST_TIMEOUT  # without backing off
        self._timed = self._probed = False
        self._backoff = 0

    @property
    def unsent(self) -> int:
        """Bytes written and never sent: what waits for the window."""
        return self._bytes

    @property
    def quiet(self) -> bool:
        """Is everything sent, and nothing to be repaired: is it known when all of it arrives?

        Where packets overtake each other, what is sent again without need may come first.
        """
        if self.troubled or self._next < self._end:
            return False
        return not self._out or self._lane.course.link.reordering is None

    def swallow(self, size: int) -> None:
        """Take bytes that will never leave: the connection is dead, and its owner does not know."""
        self._bytes += size

    def write(self, now: float, size: int) -> int:
        """A message of ``size`` bytes; one without any still takes a segment. The number of its last segment."""
        if not self._out and now - self._last_sent > self._timeout and self._timed:
            self.window.rest((now - self._last_sent) / self._timeout)
        count = -(-size // SEGMENT) or 1
        self._end += count
        last = self._end - 1
        self._tails[last] = size - (count - 1) * SEGMENT
        self._bytes += size
        self._fill(now)
        return last

    def heard(self, now: float, told: tuple[int, int, float, tuple[int, ...]]) -> None:
        """An acknowledgement: segments without a gap, the transmission that caused it and when, others that came."""
        if self.dead:
            return
        through, number, sent, others = told
        fresh = self._settle(through, others)
        self._measure(now - sent)
        if number > self._heard:
            self._heard = number
        if sent > self._newest:
            self._newest = sent
        if self._order:
            self._look_for_losses(now)
        if fresh:
            self._probed, self._backoff = False, 0
            if self._heard > self._epoch and self._in_use():
                self.window.grow(fresh, now, self._trip)
        waited = self._bytes
        if self._next < self._end or self._lost:
            self._fill(now)
        if fresh:
            self._arm(now)
        if not self._out and not self._lost:
            self.troubled = False
        if waited and not self._bytes:
            self._drained()

    def ring(self, now: float) -> None:
        """The alarm: a probe first, then a timeout."""
        if now < self.alarm or self.dead:
            return
        if self._timed and self._may_probe():
            self._probed = True
            self._transmit(now, max(self._out))
            self.alarm = now + self._timeout
            return
        if self._timed:  # a lost first segment is the handshake's, and costs time only
            self.window.collapse(cut=self._heard >= self._epoch)
        for segment in sorted(self._out):
            self._lose(segment)
        self._out.clear()
        self._order.clear()
        self._epoch = self._number
        self._backoff += 1
        self._fill(now)
        self._arm(now)

    def _settle(self, through: int, others: tuple[int, ...]) -> int:
        """Strike what arrived; how much of it is news."""
        out, lost, tails, fresh = self._out, self._lost, self._tails, 0
        for segment in range(self._acked, through):
            if segment in out:
                del out[segment]
                fresh += 1
            elif segment in lost:
                lost.remove(segment)
            if segment in tails:
                del tails[segment]
        if through > self._acked:
            self._acked = through
        for segment in others:
            fresh += out.pop(segment, 0) > 0
            lost.discard(segment)
        order = self._order
        while order and out.get(order[0][1]) != order[0][0]:
            order.popleft()
        return fresh

    def _measure(self, trip: float) -> None:
        """RFC 6298, 2.2 and 2.3, as Linux does it (``tcp_rtt_estimator``): the spread rises at once, and falls by a
        quarter of what it is too wide once a round trip."""
        if self._timed:
            self._deviation += (abs(trip - self._trip) - self._deviation) / 4
            self._trip += (trip - self._trip) / 8
        else:
            self._trip, self._deviation, self._timed = trip, trip / 2, True
            self._lap = self._number
        wide = 4 * self._deviation
        if wide > self._widest:
            self._widest = wide
            if wide > self._spread:
                self._spread = wide
        if self._heard > self._lap:
            if self._widest < self._spread:
                self._spread -= (self._spread - self._widest) / 4
            self._widest, self._lap = LEAST_DEVIATION, self._number
        self._timeout = self._trip + self._spread

    def _look_for_losses(self, now: float) -> None:
        order, out = self._order, self._out
        while order:
            number, segment, sent = order[0]
            if out.get(segment) == number:
                late = number < self._heard and sent < self._newest - self._trip / 4
                if number > self._heard - REORDERING and not late:
                    return
                if number > self._epoch:
                    self._epoch = self._number
                    self.window.lose()
                del out[segment]
                self._lose(segment)
            order.popleft()

    def _lose(self, segment: int) -> None:
        self._trouble()  # also where it was only late: what is sent again may be dropped
        self._lost.add(segment)
        self._lost_order.append(segment)

    def _trouble(self) -> None:
        self.troubled = True
        self.promises.clear()

    def _in_use(self) -> bool:
        """Linux's ``tcp_is_cwnd_limited``: all of the window was used, or in slow start half of it."""
        window = self.window
        return self._limited or (window.size < window.threshold and window.size < 2 * self._most)

    def _judge_use(self) -> None:
        """After sending: once a round trip, or when it is more than was seen in this one (``tcp_cwnd_validate``)."""
        under_way = len(self._out)
        limited = under_way >= int(self.window.size)
        if self._heard >= self._round or limited or (not self._limited and under_way > self._most):
            self._limited, self._most, self._round = limited, under_way, self._number

    def _fill(self, now: float) -> None:
        """Send what the window allows: lost segments first."""
        room = min(int(self.window.size), self._limit) - len(self._out)
        if room <= 0:
            return
        before = self._number
        while room > 0 and self._lost:
            segment = self._lost_order.popleft()
            if segment in self._lost:
                self._lost.remove(segment)
                self._transmit(now, segment)
                room -= 1
        while room > 0 and self._next < self._end:
            segment = self._next
            self._next += 1
            self._bytes -= self._tails.get(segment, SEGMENT)
            self._transmit(now, segment)
            room -= 1
            if segment in self._tails and not self.troubled:
                self.promises.append(self._arrival)
        if self._number > before:
            self._judge_use()
            self._arm(now)

    def _transmit(self, now: float, segment: int) -> None:
        self._number = number = self._number + 1
        self._out[segment] = number
        self._order.append((number, segment, now))
        self._last_sent = now
        payload = self._tails.get(segment, SEGMENT)
        at = self._lane.put(now, payload + HEADERS, self.take, (segment, number, now))
        if at < 0:
            self._trouble()
        elif at > self._arrival:
            self._arrival = at

    def _arm(self, now: float) -> None:
        if not self._out:
            self.alarm = inf
            return
        wait = self._timeout
        if self._backoff:
            doublings = self._backoff if self._timed else max(0, self._backoff - LINEAR)
            wait = min(MOST_TIMEOUT, wait * 2**doublings)
        elif self._timed and self._may_probe():
            alone = LEAST_DEVIATION if len(self._out) == 1 else PROBE_DELAY  # it may wait for a delayed acknowledgement
            probe = 2 * self._trip + alone
            wait = probe if probe < wait else wait
        self.alarm = now + wait

    def _may_probe(self) -> bool:
        return self._probes and not self._probed and not self._backoff and not self._lost and self._heard >= self._epoch
