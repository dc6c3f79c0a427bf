"""A window of load as it went: every request as a dot, over the moment at which it was to be sent.

What is never asked leaves no dot: a gap is what nobody looked at, and may be worse than what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, FAINT, MARKERS, RULE, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import digits, legend_below

MOST = 6_000  # dots: each is a hundred bytes of SVG


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """When each was to be sent, seconds from the window's start, and how long it took, seconds; shape (requests,).

    NaN took for ever, and has no dot.
    """

    intended: ArrayLike
    took: ArrayLike

    def columns(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both as arrays of one length."""
        intended, took = (np.asarray(one, dtype=np.float64).ravel() for one in (self.intended, self.took))
        if len(intended) != len(took) or not len(took):
            raise UsageError(f"each request has a moment and a time, not {len(intended)} and {len(took)}")
        return intended, took


def window(
    loads: Mapping[str, Requests],
    title: str,
    subtitle: str = "",
    shaded: tuple[float, float, str] | None = None,
    quantity: str = "latency",
    unit: str = "ms",
    scale: float = 1e3,
    imprint: Imprint | None = None,
) -> Plot:
    """Dots by load; ``shaded`` names a time of the window, (from, to, what it was), in seconds.

    ``scale`` turns what requests took into the unit.
    """
    seen = {name: load.columns() for name, load in loads.items()}
    if not 0 < len(seen) <= len(COLOURS) or sum(len(took) for _, took in seen.values()) > MOST:
        raise UsageError(f"a window shows up to {len(COLOURS)} loads and {MOST:,} requests: show less of it")
    with style():
        figure, axes = sheet(4.0 + 0.19 * ((len(seen) + 1) // 2), title, subtitle)
        for look, (name, (intended, took)) in enumerate(seen.items()):
            _dots(axes, look, f"{name}  (n = {len(took):,})", intended, took * scale)
        if shaded:
            _shade(axes, *shaded)
        axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])  # room for those that took nothing
        axes.set_xlabel("moment at which the request was to be sent (s from the window's start)")
        axes.set_ylabel(f"{quantity} ({unit})")
        legend_below(figure, axes, 2)
        told = " ".join(_told(name, took * scale) for name, (_, took) in seen.items())
        where = f" Shaded: {shaded[2]}, {shaded[0]:.3g} to {shaded[1]:.3g} s." if shaded else ""
        alt = f"{quantity} of each request in {unit} over the moment at which it was to be sent.{where} {told}"
        return finish(figure, axes, title, alt, imprint or Imprint())


def _dots(axes: Axes, look: int, label: str, intended: NDArray[np.float64], took: NDArray[np.float64]) -> None:
    """The first load filled, those after it hollow: what lies under them is seen."""
    axes.plot(intended, took, linestyle="", marker=MARKERS[look], markersize=5.0 if look else 3.0, label=label,
              color=COLOURS[look], markerfacecolor="none" if look else None, markeredgewidth=0.8 if look else 0.0,
              zorder=3 + look)  # fmt: skip


def _shade(axes: Axes, begin: float, end: float, what: str) -> None:
    axes.axvspan(begin, end, color=RULE, alpha=0.6, linewidth=0, zorder=0)
    axes.annotate(what, ((begin + end) / 2, 1), (0, -3), xycoords=("data", "axes fraction"), va="top", ha="center",
                  textcoords="offset points", fontsize=8, color=FAINT, in_layout=False)  # fmt: skip


def _told(name: str, took: NDArray[np.float64]) -> str:
    """A load in words: how many there are, and the longest."""
    ended = took[~np.isnan(took)]
    lost = f", {len(took) - len(ended):,} never ended" if len(ended) < len(took) else ""
    middle = f", median {digits(float(np.median(ended)))}, longest {digits(float(ended.max()))}" if len(ended) else ""
    return f"{name}: {len(took):,} requests{middle}{lost}."
