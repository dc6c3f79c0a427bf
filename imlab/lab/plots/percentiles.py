"""The tail of a time, drawn out: latency at each percentile, over an axis on which every further nine is as wide.

On a linear axis the slowest hundredth, which is what people complain of, is one pixel; over log(1 - p) it is as wide
as the ninety before it (Tene's latency charts). A curve ends where fewer than ten requests lie above it, and has a gap
where the generator was late.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrik

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, DASHES, INK, MARKERS, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import digits, legend_below
from imlab.lab.record.quantiles import ABOVE, LAG, LAG_SHARE, USUAL, quantiles

Floats = NDArray[np.float64]

STEPS = 240  # places at which a curve is looked up
DODGE = 0.022  # nines between the intervals of two curves
THEORY = (0, (1, 1.6))  # dots
UNDER = (
    f"a curve ends where fewer than {ABOVE} requests lie above it; bars: 95 % intervals by order statistics, "
    "as if requests did not depend on each other"
)
NINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)


def percentiles(
    samples: Mapping[str, ArrayLike],
    title: str,
    quantity: str = "latency",
    unit: str = "ms",
    scale: float = 1e3,
    lags: Mapping[str, ArrayLike] | None = None,
    imprint: Imprint | None = None,
    expected: Mapping[str, Callable[[float], float]] | None = None,
) -> Plot:
    """One curve per sample (label -> seconds, any length; NaN is a request that failed and never ended).

    ``lags`` are the generator's own, in seconds, and ``expected`` what theory says of a quantile, q -> seconds, by the
    same labels. ``scale`` turns seconds into the unit.
    """
    if not 0 < len(samples) <= len(COLOURS):
        raise UsageError(f"a percentile plot tells up to {len(COLOURS)} curves apart, not {len(samples)}")
    if unknown := (set(lags or {}) | set(expected or {})) - set(samples):
        raise UsageError(f"lags or expectations of no sample: {', '.join(sorted(unknown))}")
    with style():
        figure, axes = sheet(4.4 + 0.19 * ((len(samples) + 1) // 2), title, UNDER)
        told = []
        for look, (name, values) in enumerate(samples.items()):
            taken = np.asarray(values, dtype=np.float64).ravel()
            lag = np.asarray(lags[name], dtype=np.float64).ravel() if lags and name in lags else None
            _curve(axes, look, f"{name}  ({_size(len(taken))})", np.sort(taken), lag, scale)
            words = _marks(axes, look, (look - (len(samples) - 1) / 2) * DODGE, taken, lag, scale, unit)
            told.append(f"{name} ({_size(len(taken))}): {', '.join(words)}")
            if expected and name in expected:
                told[-1] += f"; expected {_expected(axes, expected[name], len(taken), scale, unit)}"
        if expected:
            axes.plot([], [], color=INK, linewidth=1.0, linestyle=THEORY, label="by theory")
        _scales(axes, f"{quantity} ({unit})", max(np.size(values) for values in samples.values()))
        legend_below(figure, axes, 2)
        alt = f"Percentiles of {quantity} in {unit}, {len(samples)} curves. {'. '.join(told)}."
        return finish(figure, axes, title, alt, imprint or Imprint())


def order_interval(ordered: Floats, q: float, level: float = 0.95) -> tuple[float, float]:
    """Two of the sorted values, shape (n,), between which the quantile lies with at least the level.

    The number of values below the true quantile is binomial, whatever the distribution (David and Nagaraja 2003,
    section 7.1). NaN where no value is low or high enough; values must not depend on each other.
    """
    n, tail = len(ordered), (1 - level) / 2
    low, high = math.ceil(bdtrik(tail, n, q)), math.ceil(bdtrik(1 - tail, n, q)) + 1
    return (float(ordered[low - 1]) if low >= 1 else math.nan, float(ordered[high - 1]) if high <= n else math.nan)


def _size(n: int) -> str:
    return f"n = {n:,}" if n > ABOVE else f"n = {n}: too few"


def nines(q: float) -> float:
    """How far out: 0 at nothing, 1 at p90, 2 at p99, 3 at p99.9."""
    return -math.log10(1 - q)


def _curve(axes: Axes, look: int, label: str, ordered: Floats, lag: Floats | None, scale: float) -> None:
    """From the least to the last percentile with enough above it."""
    n = len(ordered)
    axes.plot([], [], color=COLOURS[look], linestyle=DASHES[look], marker=MARKERS[look], label=label)
    if n <= ABOVE:
        return
    far = np.linspace(0.0, math.log10(n / ABOVE), STEPS)
    rank = np.clip(np.ceil((1 - 10.0**-far) * n - 1e-9).astype(int) - 1, 0, n - 1)
    values = ordered[rank]
    if lag is not None:
        values = np.where(np.sort(lag)[rank] > np.maximum(LAG, LAG_SHARE * values), np.nan, values)
    axes.plot(far, values * scale, color=COLOURS[look], linestyle=DASHES[look], linewidth=1.5)


def _marks(
    axes: Axes, look: int, aside: float, taken: Floats, lag: Floats | None, scale: float, unit: str
) -> list[str]:
    """The percentiles that may be printed, each with its interval; all of them in words."""
    words, ordered = [], np.sort(taken)
    for mark in quantiles(taken, USUAL, lag):
        low, high = order_interval(ordered, mark.q) if mark.value is not None else (math.nan, math.nan)
        known = "" if math.isnan(low + high) else f" [{low * scale:.3g}, {high * scale:.3g}]"
        words.append(f"{mark.name} {mark.text(scale, unit)}{known}")
        if mark.value is None:
            continue
        at = nines(mark.q) + aside
        axes.plot([at, at], [low * scale, high * scale], color=COLOURS[look], linewidth=1.1)
        axes.plot(at, mark.value * scale, MARKERS[look], color=COLOURS[look], markeredgecolor="white")
    return words


def _expected(axes: Axes, theory: Callable[[float], float], n: int, scale: float, unit: str) -> str:
    """What theory says, as far as a curve of n may go: a dotted line on top, and in words."""
    far = np.linspace(0.0, math.log10(max(n / ABOVE, 1.0)), STEPS)
    values = [theory(1 - 10.0**-nines) * scale for nines in far]
    axes.plot(far, values, color=INK, linewidth=1.0, linestyle=THEORY, zorder=4)
    return ", ".join(f"p{q * 100:.10g} {digits(theory(q) * scale)} {unit}" for q in USUAL)


def _scales(axes: Axes, name: str, most: int) -> None:
    """Nines below, times on a logarithmic axis in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    far = max(nines(0.9), math.log10(max(most, 1) / ABOVE))
    shown = [q for q in NINES if nines(q) <= far + 0.05]
    axes.set_xlim(-0.04, far + 0.12)
    axes.xaxis.set_major_locator(FixedLocator([nines(q) for q in shown]))
    axes.set_xticklabels([f"p{q * 100:.10g}" if q else "min" for q in shown])
    axes.set_xlabel("percentile of requests, log(1 - p)")
    axes.set_ylabel(name)
