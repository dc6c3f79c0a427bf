"""Take a time apart into stages, and refuse to draw what does not add up.

Medians do not add: the median of a sum is not the sum of the medians. So the stages *at* a percentile are the
mean stages of the items whose whole lies within 2 % of it; they sum to that percentile within the same 2 %, or
nothing is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imlab.errors import InvalidRun, UsageError

AGREE = 0.02  # relative: stages and whole may differ by this much


@dataclass(frozen=True, slots=True)
class Stages:
    """``seconds`` has shape (items, stages), ``whole`` (items,), both in seconds; ``names`` in order of time."""

    names: tuple[str, ...]
    seconds: NDArray[np.float64]
    whole: NDArray[np.float64]

    def at(self, q: float) -> dict[str, float]:
        """Seconds per stage, in order, for the items around percentile q (0..1); they sum to that percentile."""
        target = float(np.quantile(self.whole, q, method="inverted_cdf"))
        parts = self.seconds[np.abs(self.whole - target) <= AGREE * target].mean(axis=0)
        if abs(parts.sum() - target) > AGREE * target:
            raise InvalidRun(f"at p{q * 100:.10g} the {_apart(float(parts.sum()), target)}")
        return dict(zip(self.names, parts.tolist(), strict=True))

    def item(self, index: int) -> dict[str, float]:
        """Seconds per stage of one item."""
        return dict(zip(self.names, self.seconds[index].tolist(), strict=True))


def take_apart(
    stamps: Mapping[str, ArrayLike], whole: ArrayLike | None = None, names: Sequence[str] | None = None
) -> Stages:
    """The differences of consecutive stamps, given in order: name of the moment -> seconds, shape (items,).

    A stage is called after the moment that ends it, unless ``names`` says better (one fewer than the stamps).
    ``whole`` is the same time measured by other means, seconds; without it, last stamp minus first. InvalidRun
    when a stamp is missing, time runs backwards, or the stages miss the whole by more than 2 %, errors of
    opposite sign not set off against each other.
    """
    moments = np.column_stack([np.atleast_1d(np.asarray(times, dtype=np.float64)) for times in stamps.values()])
    called = tuple(names) if names is not None else tuple(stamps)[1:]
    if moments.shape[1] < 2 or len(called) != moments.shape[1] - 1 or len(moments) == 0:
        raise UsageError(f"{moments.shape[1]} stamps of {len(moments)} items cannot make {len(called)} stages")
    parts = np.diff(moments, axis=1)
    total = moments[:, -1] - moments[:, 0] if whole is None else np.atleast_1d(np.asarray(whole, dtype=np.float64))
    _in_order(tuple(stamps), moments, parts)
    if np.abs(parts.sum(axis=1) - total).sum() > AGREE * total.sum():
        raise InvalidRun(f"over all items the {_apart(float(parts.sum()), float(total.sum()))}")
    return Stages(called, parts, total)


def _in_order(names: tuple[str, ...], moments: NDArray[np.float64], parts: NDArray[np.float64]) -> None:
    """Every moment is there, none before the one it follows."""
    if np.isnan(moments).any():
        item, stamp = np.argwhere(np.isnan(moments))[0]
        raise InvalidRun(f"item {item} has no moment {names[stamp]!r}")
    if (parts < 0).any():
        item, stage = np.argwhere(parts < 0)[0]
        late = -parts[item, stage] * 1e3
        raise InvalidRun(f"item {item}: {names[stage + 1]!r} lies {late:.3g} ms before {names[stage]!r}")


def _apart(parts: float, whole: float) -> str:
    return f"stages sum to {parts * 1e3:.4g} ms, the whole is {whole * 1e3:.4g} ms: over 2 % apart"
