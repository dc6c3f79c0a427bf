"""Percentiles with manners: printed only where enough observations stand above them and the generator was on time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imlab.errors import UsageError

ABOVE = 10  # observations that must lie above a quantile, or it is an anecdote
LAG, LAG_SHARE = 0.0002, 0.10  # seconds; share of the latency at the same quantile
USUAL = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Quantile:
    """One percentile of n observations: its value, or None and why it is withheld."""

    q: float
    value: float | None
    n: int
    withheld: str = ""

    @property
    def name(self) -> str:
        """p50, p99, p99.9."""
        return f"p{self.q * 100:.10g}"

    def text(self, scale: float = 1.0, unit: str = "", digits: int = 3) -> str:
        """For a table: ``12.3 ms``, or the reason in words. ``scale`` turns the value into the unit."""
        if self.value is None:
            return f"withheld: {self.withheld}"
        return f"{self.value * scale:.{digits}g} {unit}".rstrip()


def quantile(values: ArrayLike, q: float, lag: ArrayLike | None = None) -> Quantile:
    """The smallest observation that at least a share q does not exceed; NaN (a failed request) counts as never.

    ``lag`` is the generator's lateness in seconds, one per value in seconds: the quantile is withheld when the
    lag at q is above the greater of 0.2 ms and a tenth of the value.
    """
    seen = np.asarray(values, dtype=np.float64).ravel()
    if not 0.0 < q < 1.0:
        raise UsageError(f"a quantile lies between 0 and 1, not at {q}")
    if len(seen) * (1 - q) < ABOVE - 1e-9:
        return Quantile(q, None, len(seen), f"n too small ({len(seen)}, needs {ABOVE / (1 - q):.0f})")
    value = _at(seen, q)
    if not np.isfinite(value):
        return Quantile(q, None, len(seen), f"{np.mean(np.isnan(seen)):.1%} failed")
    late = 0.0 if lag is None else _at(np.asarray(lag, dtype=np.float64).ravel(), q)
    if late > max(LAG, LAG_SHARE * value):
        return Quantile(q, None, len(seen), f"generator late by {late * 1e3:.2g} ms")
    return Quantile(q, value, len(seen))


def quantiles(values: ArrayLike, qs: Sequence[float] = USUAL, lag: ArrayLike | None = None) -> tuple[Quantile, ...]:
    """Several at once."""
    return tuple(quantile(values, q, lag) for q in qs)


def _at(values: np.ndarray, q: float) -> float:
    """Nearest rank, as HdrHistogram has it; NaN sorts last."""
    rank = min(len(values) - 1, max(0, int(np.ceil(q * len(values) - 1e-9)) - 1))
    return float(np.partition(values, rank)[rank])
