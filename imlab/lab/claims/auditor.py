"""What a published table of before and after can mean, by algebra alone.

Little's law for a closed loop: N clients, each with one request and then a pause of Z seconds, send at the rate

    X = N / (W + Z)        W: mean response in seconds

Two rows are two equations with the unknowns N and Z. So a loop almost always fits, and fitting proves nothing; what
it does show is that no gain of capacity is needed: in such a loop the rate rises because the response fell. Only a
negative Z contradicts it: then the rate rose by more than the response can account for.

A cache with the hit ratio h answers in W = h H + (1 - h) M on average. If neither the cost of a hit nor that of a
miss changed, W after is H + (W before - H) (1 - h after) / (1 - h before), a straight line in H: an assumed range of
hit costs gives a range of responses. Fewer misses also unload what stands behind the cache; that is left out, and so
this is the least that the cache explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imlab.errors import InvalidRun, UsageError

DEAREST_HIT = 0.005  # seconds: across a machine room, with an object to be decoded; the cheapest, from memory, is 0
CLOSE = 0.03  # of a response or of the clients: published numbers are rounded


@dataclass(frozen=True, slots=True)
class Published:
    """One row of a table. latency: mean response in seconds; rate: requests per second; hits: 0..1; clients: in all."""

    latency: float
    rate: float
    hits: float | None = None
    clients: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no system can show."""
        if not (0 < self.latency < float("inf") and 0 < self.rate < float("inf")):
            raise UsageError(f"a row has a positive latency and rate, not {self.latency} s and {self.rate}/s")
        if self.hits is not None and not 0 <= self.hits <= 1:
            raise UsageError(f"a hit ratio is a share between 0 and 1, not {self.hits}")
        if self.clients is not None and self.busy > self.clients * (1 + CLOSE):
            raise InvalidRun(f"the table contradicts Little's law: {self.rate:g}/s x {self.latency * 1e3:g} ms is "
                             f"{self.busy:.3g} requests under way at a time, of {self.clients:g} clients")  # fmt: skip

    @property
    def busy(self) -> float:
        """Requests under way, on average: rate x latency."""
        return self.rate * self.latency


@dataclass(frozen=True, slots=True)
class Loop:
    """A closed loop: ``clients`` that wait ``think`` seconds between an answer and the next request."""

    clients: float
    think: float

    def rate(self, latency: float) -> float:
        """Requests per second at a mean response in seconds."""
        return self.clients / (latency + self.think)


@dataclass(frozen=True, slots=True)
class CacheAlone:
    """What the hit ratio alone makes of the response: seconds, fastest to slowest over the assumed hit costs.

    ``share`` is the part of the whole gain that this is, least to most; above 1 the rest made it slower.
    """

    latency: tuple[float, float]
    share: tuple[float, float]
    hit_cost: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Audit:
    """What a table can mean. ``loop`` fits both rows; None where none does, and ``misfit`` says why."""

    before: Published
    after: Published
    loop: Loop | None
    misfit: str
    cache: CacheAlone | None

    @property
    def by_product(self) -> bool:
        """Whether the higher rate needs no more capacity: a closed loop and the shorter response make it."""
        return self.loop is not None and self.after.rate > self.before.rate and self.after.latency < self.before.latency

    def lines(self) -> Iterator[str]:
        """The audit in sentences, assumptions included."""
        yield self._changes()
        yield self._closed()
        if self.cache:
            yield self._cached(self.cache)

    def _changes(self) -> str:
        old, new = self.before, self.after
        return (f"response {_ms(old.latency)} to {_ms(new.latency)} ({new.latency / old.latency - 1:+.1%}), rate "
                f"{old.rate:g} to {new.rate:g}/s ({new.rate / old.rate - 1:+.1%}), requests under way "
                f"{old.busy:.3g} to {new.busy:.3g}")  # fmt: skip

    def _closed(self) -> str:
        if self.loop is None:
            return f"no closed loop fits: {self.misfit}"
        size = f"{self.loop.clients:.4g} clients with {_ms(self.loop.think)} of think time"
        fits = f"a closed loop of {size} fits both rows, as some loop nearly always does"
        if not self.by_product:
            return fits
        return f"{fits}: the rate can be a by-product of the response, and no gain of capacity is shown"

    def _cached(self, cache: CacheAlone) -> str:
        costs = " to ".join(f"{cost * 1e3:g}" for cost in cache.hit_cost)
        told = (f"with hits and misses as dear as before (a hit {costs} ms), the hit ratio alone takes the response "
                f"to {_span(cache.latency, 1e3)} ms, {_span(cache.share, 100)} % of the whole gain")  # fmt: skip
        if self.loop is None:
            return told
        rates = sorted(self.loop.rate(latency) for latency in cache.latency)
        return f"{told}, and in that loop the rate to {_span((rates[0], rates[1]), 1)}/s"


def audit(before: Published, after: Published, hit_cost: tuple[float, float] | None = None) -> Audit:
    """What the two rows can mean. ``hit_cost``: the range assumed for the cost of a hit, in seconds; 0 to 5 ms
    unless it is given, and never more than the response before.

    InvalidRun where the rows contradict the clients that they state.
    """
    loop = _loop(before, after)
    cache = _cache_alone(before, after, hit_cost or (0.0, min(DEAREST_HIT, before.latency)))
    return Audit(before, after, loop, "", cache) if isinstance(loop, Loop) else Audit(before, after, None, loop, cache)


def _loop(before: Published, after: Published) -> Loop | str:
    """The loop that fits both rows, or why there is none."""
    stated = [row.clients for row in (before, after)]
    if stated[0] is not None and stated[1] is not None:
        return _stated(before, after)
    if before.rate == after.rate:
        return "the rate is the same in both rows; at equal offered load the responses may be compared as they are"
    think = (before.busy - after.busy) / (after.rate - before.rate)
    if think < -CLOSE * min(before.latency, after.latency):
        return _beyond(before, after)
    think = max(0.0, think)
    found = Loop(before.rate * (before.latency + think), think)
    clients = stated[0] or stated[1]
    if clients is not None and abs(found.clients / clients - 1) > CLOSE:
        raise InvalidRun(f"one row states {clients:g} clients, and both rows together need {found.clients:.0f}")
    return found


def _stated(before: Published, after: Published) -> Loop | str:
    """With clients in both rows each has its own think time; they fit where it is the same."""
    assert before.clients is not None and after.clients is not None
    cycles = [before.clients / before.rate, after.clients / after.rate]
    thinks = [max(0.0, cycles[0] - before.latency), max(0.0, cycles[1] - after.latency)]
    if before.clients != after.clients:
        return f"the clients are {before.clients:g} and {after.clients:g}: two loads, which cannot be compared"
    if abs(thinks[0] - thinks[1]) > CLOSE * max(cycles):
        raise InvalidRun(f"{before.clients:g} clients would pause {_ms(thinks[0])} before and {_ms(thinks[1])} after: "
                         "the rows are not of one closed loop")  # fmt: skip
    return Loop(before.clients, sum(thinks) / 2)


def _beyond(before: Published, after: Published) -> str:
    """Why the think time would be negative."""
    faster, quicker = after.rate / before.rate, before.latency / after.latency
    if faster > 1:
        return (f"the rate is {faster:.3g} times what it was and the response only {quicker:.3g} times as quick; "
                "clients were added, or the load was open")  # fmt: skip
    return (f"the rate is {faster:.3g} times what it was and the response {1 / quicker:.3g} times; "
            "clients were taken away, or the load was open")  # fmt: skip


def _cache_alone(before: Published, after: Published, hit_cost: tuple[float, float]) -> CacheAlone | None:
    """None where a hit ratio is missing, where nothing missed before, or where the response did not fall."""
    low, high = hit_cost
    if not 0 <= low <= high <= before.latency:
        raise UsageError(f"a hit costs between 0 and the whole response, not {low} to {high} s")
    gain = before.latency - after.latency
    if before.hits is None or after.hits is None or before.hits == 1 or gain <= 0:
        return None
    misses = (1 - after.hits) / (1 - before.hits)
    ends = sorted(cost + (before.latency - cost) * misses for cost in hit_cost)
    shares = sorted((before.latency - end) / gain for end in ends)
    return CacheAlone((ends[0], ends[1]), (shares[0], shares[1]), hit_cost)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"


def _span(ends: tuple[float, float], scale: float) -> str:
    """``51-55``; one number where both ends round to it."""
    low, high = (f"{end * scale:.0f}" for end in ends)
    return low if low == high else f"{low}-{high}"
