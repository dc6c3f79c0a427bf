"""The whole distribution of a time: for each value, the share of requests that took no longer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, DASHES, FAINT, MARKERS, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import legend_below
from imlab.lab.record.quantiles import Quantile, quantiles

MARKED = (0.5, 0.9, 0.99)


def ecdf(
    samples: Mapping[str, ArrayLike],
    title: str,
    quantity: str = "latency",
    unit: str = "ms",
    scale: float = 1e3,
    imprint: Imprint | None = None,
    log: bool = True,
) -> Plot:
    """One rising curve per sample (label -> seconds, any length), marked at p50, p90 and p99 where n allows.

    ``scale`` turns the values into the unit. NaN is a request that failed: its curve ends below 100 %.
    """
    if not 0 < len(samples) <= len(COLOURS):
        raise UsageError(f"an ECDF tells up to {len(COLOURS)} curves apart, not {len(samples)}")
    with style():
        figure, axes = sheet(
            4.2 + 0.19 * ((len(samples) + 1) // 2),
            title,
            f"share of all requests whose {quantity} is at most x; marks: p50, p90, p99",
        )
        told = []
        for look, (name, values) in enumerate(samples.items()):
            taken = np.asarray(values, dtype=np.float64).ravel() * scale
            marks = quantiles(taken, MARKED)
            _curve(axes, look, f"{name}  (n = {len(taken):,})", taken, marks)
            told.append(f"{name}: " + ", ".join(f"{mark.name} {mark.text(unit=unit)}" for mark in marks))
        _scales(axes, f"{quantity} ({unit})", log)
        legend_below(figure, axes, 2)
        alt = f"Cumulative distribution of {quantity} in {unit}, {len(samples)} curves. {'. '.join(told)}."
        return finish(figure, axes, title, alt, imprint or Imprint())


def _curve(axes: Axes, look: int, label: str, taken: np.ndarray, marks: tuple[Quantile, ...]) -> None:
    """Steps through every observation, and a marker at each percentile that may be printed."""
    seen = np.sort(taken[~np.isnan(taken)])
    share = np.arange(1, len(seen) + 1) / len(taken)
    kept = _thinned(len(seen))
    axes.step(seen[kept], share[kept], where="post", color=COLOURS[look], linestyle=DASHES[look])
    given = [(mark.value, mark.q) for mark in marks if mark.value is not None]
    axes.plot(*zip(*given, strict=True) if given else ([], []), linestyle="", marker=MARKERS[look], color=COLOURS[look])
    axes.plot([], [], color=COLOURS[look], linestyle=DASHES[look], marker=MARKERS[look], label=label)


def _thinned(n: int) -> np.ndarray:
    """Which of n sorted observations to draw: all of them, or 600 ranks that keep both tails whole."""
    if n <= 600:
        return np.arange(n)
    body = np.linspace(100, n - 101, 400).astype(int)
    return np.concatenate([np.arange(100), body, np.arange(n - 100, n)])


def _scales(axes: Axes, name: str, log: bool) -> None:
    """Times on a logarithmic axis, in plain numbers; shares from nothing to all."""
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(FuncFormatter(_minor))
        axes.tick_params(axis="x", which="minor", labelsize=7.5, labelcolor=FAINT)
    axes.set_xlabel(name)
    axes.set_ylabel("share of requests")
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.0f} %"))


def _minor(value: float, _: int) -> str:
    """Label 2 and 5 of each decade."""
    first = f"{value:e}"[0]
    return f"{value:,.10g}" if first in "25" else ""
