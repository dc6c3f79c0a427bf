"""Where a change takes a system on the plane of rate and latency: an arrow from before to after, one per load.

The arrow of an open loop falls or rises, for its rate is chosen by nobody but the clock. That of a closed loop slides
along Little's hyperbola, whatever is changed: of its two numbers one is the other once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, DASHES, FAINT, INK, MARKERS, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import legend_below, span
from imlab.lab.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the plane: requests per second, and seconds."""

    rate: Interval
    latency: Interval


@dataclass(frozen=True, slots=True)
class Move:
    """From before to after."""

    before: Spot
    after: Spot


@dataclass(frozen=True, slots=True)
class Map:
    """What was known of the plane: curves, name -> (rate, latency) along them; marks, name -> (rate, latency)."""

    curves: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def plane(
    moves: Mapping[str, Move],
    title: str,
    known: Map | None = None,
    quantity: str = "mean latency",
    unit: str = "ms",
    scale: float = 1e3,
    imprint: Imprint | None = None,
) -> Plot:
    """An arrow per load, over curves and marks that were known before; ``scale`` turns seconds into the unit."""
    if not 0 < len(moves) <= len(COLOURS):
        raise UsageError(f"a plane tells 1 to {len(COLOURS)} moves apart, not {len(moves)}")
    ground = known or Map()
    blocks = [spot.rate.n for move in moves.values() for spot in (move.before, move.after)]
    with style():
        subtitle = f"arrows lead from before to after; mean and 95 % interval over {span(blocks)}"
        figure, axes = sheet(4.4 + 0.19 * ((len(moves) + len(ground.curves) + 2) // 2), title, subtitle)
        _ground(axes, ground, scale)
        for look, (name, move) in enumerate(moves.items()):
            _move(axes, look, name, move, scale)
        axes.margins(x=0.1)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("rate (requests/s)")
        axes.set_ylabel(f"{quantity} ({unit})")
        legend_below(figure, axes, 2)
        told = [_told(name, move, scale, unit) for name, move in moves.items()]
        told += [f"{name}: {y * scale:.3g} {unit} at {x:,.4g} requests/s." for name, (x, y) in ground.marks.items()]
        return finish(figure, axes, title, f"{quantity} over rate. {' '.join(told)}", imprint or Imprint())


def _ground(axes: Axes, known: Map, scale: float) -> None:
    """Curves dotted and behind, marks as open rings that a move's own mark may lie in."""
    for name, points in known.curves.items():
        axes.plot([x for x, _ in points], [y * scale for _, y in points], color=FAINT, linewidth=1.1, label=name,
                  linestyle=(0, (2, 2)), zorder=1)  # fmt: skip
    for name, (x, y) in known.marks.items():
        axes.plot(x, y * scale, "o", markersize=13, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=0.9)
        axes.annotate(name, (x, y * scale), (9, 7), textcoords="offset points", fontsize=7.5, color=INK,
                      ha="left", va="bottom", in_layout=False)  # fmt: skip


def _move(axes: Axes, look: int, name: str, move: Move, scale: float) -> None:
    """Hollow where it began, filled where it ended."""
    colour, spots = COLOURS[look], (move.before, move.after)
    for spot, inside in zip(spots, ("white", colour), strict=True):
        _cross(axes, spot, colour, scale)
        axes.plot(spot.rate.estimate, spot.latency.estimate * scale, MARKERS[look], markerfacecolor=inside,
                  markeredgecolor=colour, markersize=6.5, zorder=4)  # fmt: skip
    axes.plot([], [], color=colour, marker=MARKERS[look], linestyle=DASHES[look], label=name)
    ends = [(spot.rate.estimate, spot.latency.estimate * scale) for spot in spots]
    axes.annotate("", ends[1], ends[0], zorder=3, arrowprops={
        "arrowstyle": "-|>", "color": colour, "linewidth": 1.6, "linestyle": DASHES[look], "shrinkA": 5, "shrinkB": 5,
    })  # fmt: skip


def _cross(axes: Axes, spot: Spot, colour: str, scale: float) -> None:
    """Both intervals, where there are any."""
    x, y = spot.rate, spot.latency
    if x.given:
        axes.plot([x.low, x.high], [y.estimate * scale] * 2, color=colour, linewidth=1.1, zorder=2)
    if y.given:
        axes.plot([x.estimate] * 2, [y.low * scale, y.high * scale], color=colour, linewidth=1.1, zorder=2)


def _told(name: str, move: Move, scale: float, unit: str) -> str:
    """A move in words."""
    ends = [f"{spot.latency.text(scale, unit)} at {spot.rate.text(digits=4)} requests/s"
            for spot in (move.before, move.after)]  # fmt: skip
    return f"{name}: from {ends[0]} to {ends[1]}."
