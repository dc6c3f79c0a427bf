"""How long it takes, the more is asked: quantiles of latency over the offered rate, and where the objective is lost.

The rate is offered by a schedule that waits for nobody; a rate at which no steady state was reached has no
latency, and stands at the upper edge with a cross. A capacity that the generator could not reach is "at least", one
under the first rate asked "below": an arrow, and no interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, DASHES, INK, MARKERS, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import legend_below, span
from imlab.lab.statistics.censored import Sustained
from imlab.lab.statistics.intervals import Interval

ABREAST = 7.0  # points between the capacities of two systems, which lie on one line


@dataclass(frozen=True, slots=True)
class Offered:
    """A rate, in requests/s, and what it brought: seconds over blocks, or why there is none."""

    rate: float
    latency: Interval | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest rate, in requests/s, that met the objective.

    ``censored`` where nobody could offer more, ``below`` where no rate that was offered met it.
    """

    rate: Interval
    censored: bool = False
    below: bool = False

    def text(self) -> str:
        """``at least 1,200 [1,100, 1,300] requests/s``."""
        known = f" [{self.rate.low:,.0f}, {self.rate.high:,.0f}]" if self.rate.given else f" ({self.rate.method})"
        bound = "at least " if self.censored else "below " if self.below else ""
        return f"{bound}{self.rate.estimate:,.0f}{known} requests/s"

    @classmethod
    def over(cls, found: Sustained) -> Capacity:
        """What blocks, some of them bounds, say together: an interval, or the one end that they have."""
        rate = found.rate
        low, high = (rate.low, rate.high) if rate.given else (min(found.lows), max(found.highs))
        if not found.censored or (rate.given and low > 0 and math.isfinite(high)):
            return cls(rate)
        end = low if low > 0 else high
        if end == 0 or math.isinf(end):
            raise UsageError(f"no capacity to mark: {found.text()}")
        method = f"{(1 + rate.level) * 50:g} % bound" if rate.given else rate.method
        return cls(Interval(end, math.nan, math.nan, rate.n, method), censored=low > 0, below=low == 0)


def load_curve(
    curves: Mapping[str, Sequence[Offered]],
    title: str,
    objective_s: float,
    capacities: Mapping[str, Capacity] | None = None,
    quantile: str = "p99",
    unit: str = "ms",
    scale: float = 1e3,
    imprint: Imprint | None = None,
) -> Plot:
    """Curves by name, each of one system or one quantile; ``quantile`` may take ``objective_s`` seconds.

    ``capacities`` go by the names of curves; ``scale`` turns seconds into the unit.
    """
    known = capacities or {}
    if not 0 < len(curves) <= len(COLOURS) or not all(curves.values()):
        raise UsageError(f"a load curve tells 1 to {len(COLOURS)} curves apart, each with a rate, not {len(curves)}")
    if unknown := set(known) - set(curves):
        raise UsageError(f"capacities of no curve: {', '.join(sorted(unknown))}")
    with style():
        figure, axes = sheet(4.4 + 0.19 * ((len(curves) + 1) // 2), title, _subtitle(curves, known))
        _scales(axes, f"latency ({unit})")
        for look, (name, points) in enumerate(curves.items()):
            _curve(axes, look, name, sorted(points, key=_rate), scale)
        may = f"{quantile} at most {objective_s * scale:g} {unit}"
        _objective(axes, may, objective_s * scale)
        for place, (name, capacity) in enumerate(known.items()):
            _capacity(axes, list(curves).index(name), capacity, objective_s * scale, 1 + place)
        legend_below(figure, axes, 2)
        told = [_told(name, sorted(points, key=_rate), known.get(name), scale, unit) for name, points in curves.items()]
        alt = f"Latency over the offered rate in requests/s; objective: {may}. {' '.join(told)}"
        return finish(figure, axes, title, alt, imprint or Imprint())


def _rate(point: Offered) -> float:
    return point.rate


def _subtitle(curves: Mapping[str, Sequence[Offered]], capacities: Mapping[str, Capacity]) -> str:
    """What is drawn, with the number of blocks; only of what is there."""
    points = [point for points in curves.values() for point in points]
    blocks = [point.latency.n for point in points if point.latency]
    told = [f"mean and 95 % interval over {span(blocks)}"] if blocks else []
    if any(point.latency is None for point in points):
        told.append("x at the top: no latency can be given at this rate")
    if capacities:
        told.append("bars on the objective: capacity with its interval")
    if any(capacity.censored for capacity in capacities.values()):
        told.append("arrow to the right: at least")
    if any(capacity.below for capacity in capacities.values()):
        told.append("arrow to the left: below")
    return "; ".join(told)


def _curve(axes: Axes, look: int, name: str, points: Sequence[Offered], scale: float) -> None:
    """Means with their intervals; a rate without latency at the upper edge."""
    given = [(point.rate, point.latency) for point in points if point.latency]
    for rate, latency in given:
        if latency.given:
            axes.plot([rate, rate], [latency.low * scale, latency.high * scale], color=COLOURS[look], linewidth=1.1)
    axes.plot([rate for rate, _ in given], [latency.estimate * scale for _, latency in given], color=COLOURS[look],
              linestyle=DASHES[look], marker=MARKERS[look], markeredgecolor="white", label=name)  # fmt: skip
    lost = [point.rate for point in points if point.latency is None]
    axes.plot(lost, [0.97 - 0.035 * look] * len(lost), "x", color=COLOURS[look], markersize=6, markeredgewidth=1.6,
              transform=axes.get_xaxis_transform())  # fmt: skip


def _objective(axes: Axes, may: str, level: float) -> None:
    """What was asked, as a line with its words."""
    axes.axhline(level, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    axes.annotate(f"objective: {may}", (0, level), (4, 3), xycoords=("axes fraction", "data"), fontsize=7.5,
                  textcoords="offset points", color=INK, in_layout=False)  # fmt: skip


def _capacity(axes: Axes, look: int, capacity: Capacity, level: float, place: int) -> None:
    """Beneath the objective, one under the other: the rate, its interval as a bar, an arrow where it is "at least"."""
    down = axes.transData + ScaledTranslation(0, -ABREAST * place / 72, axes.figure.dpi_scale_trans)
    rate, colour = capacity.rate, COLOURS[look]
    if rate.given:
        axes.plot([rate.low, rate.high], [level, level], color=colour, linewidth=3.2, solid_capstyle="butt",
                  alpha=0.55, transform=down)  # fmt: skip
    axes.plot(rate.estimate, level, MARKERS[look], color=colour, markeredgecolor="white", transform=down, zorder=5)
    words = f"{'≥ ' if capacity.censored else '< ' if capacity.below else ''}{rate.estimate:,.0f}/s"
    far = max(rate.high, rate.estimate) if rate.given else rate.estimate
    axes.annotate(words, (far, level), (20 if capacity.censored else 6, -ABREAST * place), fontsize=7.5, va="center",
                  textcoords="offset points", color=INK, bbox=_PLATE)  # fmt: skip
    if capacity.censored or capacity.below:
        tip = (18 if capacity.censored else -18, 0)
        axes.annotate("", (far, level), tip, xycoords=down, textcoords="offset points",
                      arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 1.6})  # fmt: skip


_PLATE = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}


def _scales(axes: Axes, name: str) -> None:
    """Rates from nothing, times on a logarithmic axis in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.margins(x=0.08, y=0.12)
    axes.set_xlabel("offered rate (requests/s)")
    axes.set_ylabel(name)


def _told(name: str, points: Sequence[Offered], capacity: Capacity | None, scale: float, unit: str) -> str:
    """A curve in words."""
    said = [
        f"{point.latency.text(scale, unit) if point.latency else point.reason or 'withheld'} at {point.rate:,.10g}"
        for point in points
    ]
    return f"{name}: {', '.join(said)}" + (f"; capacity {capacity.text()}." if capacity else ".")
