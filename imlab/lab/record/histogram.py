"""Every latency of a run in a few thousand counters: an HdrHistogram, in microseconds, to three digits.

The layout is HdrHistogram's (G. Tene, hdrhistogram.github.io), lowest value 1: up to 2,047 us a counter is one
microsecond wide; beyond, each doubling has 1,024 counters, so that none is wider than a thousandth of what it
counts. With v in microseconds and s = max(0, bits of v - 11):

    counter = 1024 s + (v >> s)

Why not the package `hdrhistogram`: it counts at six times the cost (1.8 us a value), and has no wheel for Linux on ARM.
tests/test_histogram.py holds ours to it, counter by counter. Histograms are merged by adding, never averaged. What
failed (NaN) takes for ever, as in quantiles.py; what lies outside the range is counted, and then no percentile is
given at all. Numpy alone: a load generator counts with this.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.record.quantiles import ABOVE, LAG, LAG_SHARE, Quantile
from imlab.lab.statistics.intervals import Interval

Counts = NDArray[np.int64]

BITS = 11  # of a value that are kept: 2**11 is the first power of two above 2 * 10**3, for three digits
HALF = 1 << (BITS - 1)
HOUR = 3_600_000_000  # microseconds; nothing here is worth waiting longer for
MOST = 1 << 52  # microseconds that a double still tells apart
COUNTED = ("name", "what", "us", "count")  # the columns of its rows


class Histogram:
    """Counts of times from 0 to ``highest`` microseconds, that one included.

    ``failed`` counts NaN, requests that never ended; ``outside`` what was negative or above the highest.
    """

    __slots__ = ("_counts", "_top", "_view", "failed", "highest", "name", "outside")

    def __init__(self, name: str, highest: int = HOUR) -> None:
        if not 2 <= highest <= MOST:
            raise UsageError(f"{name}: the highest trackable value is 2 to {MOST} us, not {highest}")
        self.name, self.highest, self._top = name, highest, highest / 1e6
        self.failed = self.outside = 0
        length = (max(0, highest.bit_length() - BITS) + 2) * HALF
        self._counts = array("q", bytes(8 * length))
        self._view: Counts = np.frombuffer(self._counts, dtype=np.int64)  # one memory: array for one, numpy for many

    def record(self, seconds: float) -> bool:
        """Count one time, to the nearest microsecond; False when it failed or lies outside the range."""
        if not 0.0 <= seconds <= self._top:
            self.failed += seconds != seconds
            self.outside += seconds == seconds
            return False
        place = int(seconds * 1e6 + 0.5)
        shift = place.bit_length() - BITS
        self._counts[place if shift <= 0 else (shift << BITS - 1) + (place >> shift)] += 1
        return True

    def record_many(self, seconds: ArrayLike) -> None:
        """Count many at once, any shape."""
        seen = np.asarray(seconds, dtype=np.float64).ravel()
        inside = (seen >= 0) & (seen <= self._top)
        never = int(np.isnan(seen).sum())
        self.failed += never
        self.outside += len(seen) - never - int(inside.sum())
        self._view += np.bincount(_place((seen[inside] * 1e6 + 0.5).astype(np.int64)), minlength=len(self._view))

    @property
    def n(self) -> int:
        """All that was recorded, whatever became of it."""
        return int(self._view.sum()) + self.failed + self.outside

    @property
    def counts(self) -> Counts:
        """The counters, read-only, shape (counters,)."""
        seen = self._view.view()
        seen.flags.writeable = False
        return seen

    def checked(self) -> Histogram:
        """Itself, if everything recorded lay in its range."""
        if self.outside:
            raise InvalidRun(f"{self.name}: {self.outside} of {self.n} times outside 0 to {self._top:g} s")
        return self

    def quantile(self, q: float, lag: Histogram | None = None) -> Quantile:
        """The time, in seconds, that a share q does not exceed: at most a thousandth above it, never below.

        Withheld by the rules of quantiles.py; ``lag`` is the generator's lateness in the same requests.
        """
        refused = self._refused(q)
        value = self._at(math.ceil(q * self.n - 1e-9))[1]
        if not refused and math.isinf(value):
            refused = f"{self.failed / self.n:.1%} failed"
        late = lag.checked()._at(math.ceil(q * lag.n - 1e-9))[1] if lag and lag.n else 0.0
        if not refused and late > max(LAG, LAG_SHARE * value):
            refused = f"generator late by {late * 1e3:.2g} ms"
        return Quantile(q, None if refused else value, self.n, refused)

    def interval(self, q: float, level: float = 0.95) -> Interval:
        """Where the quantile of the source lies, in seconds, between two order statistics, to their counters' edges.

        It holds for requests that do not depend on each other. Those of one server do: between runs, compare blocks.
        """
        found, n = self.quantile(q), self.n
        if found.value is None:
            return Interval(math.nan, math.nan, math.nan, n, found.withheld, level)
        below, above = _ranks(n, q, level)
        low, high = self._at(below)[0], self._at(above)[1]
        if below < 1 or math.isinf(high):
            return Interval(found.value, math.nan, math.nan, n, "an end of the interval was never seen", level)
        return Interval(found.value, low, high, n, "order statistics of the histogram", level)

    def rows(self) -> Iterator[dict[str, Any]]:
        """What hist.csv keeps: exact and small. The first row tells the range and what lay outside it."""
        yield {"name": self.name, "what": "outside", "us": self.highest, "count": self.outside}
        if self.failed:
            yield {"name": self.name, "what": "failed", "us": "", "count": self.failed}
        places = np.flatnonzero(self._view)
        for us, count in zip(lowest(places).tolist(), self._view[places].tolist(), strict=True):
            yield {"name": self.name, "what": "in", "us": us, "count": count}

    def add(self, counts: ArrayLike, failed: int = 0, outside: int = 0) -> None:
        """Add counters, from the first on, and what has none."""
        more = np.asarray(counts, dtype=np.int64)
        if more.ndim != 1 or len(more) > len(self._view) or (more < 0).any() or min(failed, outside) < 0:
            raise UsageError(f"{self.name}: {len(self._view)} counters cannot take counts of shape {more.shape}")
        self._view[: len(more)] += more
        self.failed += failed
        self.outside += outside

    def _refused(self, q: float) -> str:
        """Why there can be no percentile, before anyone looks at a value."""
        if not 0.0 < q < 1.0:
            raise UsageError(f"a quantile lies between 0 and 1, not at {q}")
        n = self.checked().n
        return f"n too small ({n}, needs {ABOVE / (1 - q):.0f})" if n * (1 - q) < ABOVE - 1e-9 else ""

    def _at(self, rank: int) -> tuple[float, float]:
        """The edges, in seconds, of the counter of the rank-th smallest, from 1; infinite where it failed."""
        place = int(np.searchsorted(np.cumsum(self._view), max(1, rank)))
        if place == len(self._view):
            return math.inf, math.inf
        return int(lowest(place)) / 1e6, (int(lowest(place + 1)) - 1) / 1e6


def merged(parts: Iterable[Histogram], name: str = "") -> Histogram:
    """One histogram of all that several counted: of the workers of one run, say."""
    given = list(parts)
    if len({part.highest for part in given}) != 1:
        ranges = sorted({part.highest for part in given})
        raise UsageError(f"histograms to merge have one range, not {len(ranges)}: {ranges} us")
    whole = Histogram(name or given[0].name, given[0].highest)
    for part in given:
        whole.add(part.counts, part.failed, part.outside)
    return whole


def stored(rows: Iterable[Mapping[Any, Any]]) -> dict[str, Histogram]:
    """Histograms by name, from the rows of hist.csv; fields may be text."""
    found: dict[str, Histogram] = {}
    try:
        for row in rows:
            _restore(found, str(row["name"]), str(row["what"]), row["us"], int(row["count"]))
    except (KeyError, ValueError, UsageError) as error:
        raise DoorError(f"not the rows of a histogram: {error}") from error
    return found


def _restore(found: dict[str, Histogram], name: str, what: str, us: Any, count: int) -> None:
    """One row: the range opens a histogram, the others fill it."""
    if what == "outside" and name not in found:
        found[name] = Histogram(name, int(us))
        found[name].add([], outside=count)
    elif what == "failed":
        found[name].add([], failed=count)
    elif what == "in" and 0 <= int(us) <= found[name].highest and count >= 0:
        found[name]._view[_place(int(us))] += count
    else:
        raise ValueError(f"{name}, {what}, {us} us, {count} times")


def lowest(place: ArrayLike) -> Counts:
    """The lowest value, in microseconds, that each counter counts."""
    places = np.asarray(place, dtype=np.int64)
    shift = np.maximum(places >> (BITS - 1), 1) - 1
    return np.asarray((places - (shift << (BITS - 1))) << shift)


def _place(us: ArrayLike) -> Counts:
    """Which counter counts each value, whole microseconds."""
    values = np.asarray(us, dtype=np.int64)
    shift = np.maximum(np.frexp(values.astype(np.float64))[1] - BITS, 0)  # frexp's exponent is the number of bits
    return np.asarray((shift.astype(np.int64) << (BITS - 1)) + (values >> shift))


def _ranks(n: int, q: float, level: float) -> tuple[int, int]:
    """Ranks l, u from 1 with P(l <= Binomial(n, q) < u) at least ``level``, as much on each side; 0 or n + 1: none.

    The binomial's logarithm is summed up from its ratios, within ten deviations of the middle.
    """
    reach = 10 * math.sqrt(n * q * (1 - q)) + 10
    k = np.arange(max(0, math.floor(n * q - reach)), min(n, math.ceil(n * q + reach)) + 1)
    ratio = np.log((n - k[:-1]) / (k[:-1] + 1)) + math.log(q / (1 - q))
    logs = np.concatenate([[0.0], np.cumsum(ratio)])
    mass = np.exp(logs - logs.max())
    until = np.cumsum(mass) / mass.sum()
    beyond = np.cumsum(mass[::-1])[::-1] / mass.sum()
    tail = (1 - level) / 2
    return int(k[np.searchsorted(until, tail, side="right")]), int(k[0] + np.sum(beyond > tail))
