"""How one quantity follows another: curves of means with their intervals, panel under panel, over one shared axis.

Levels that nothing can pass, or that nobody should fall under, are drawn as lines with their names; single settings
of particular interest as marks with theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from imlab.errors import UsageError
from imlab.lab.plots.figure import (
    COLOURS,
    DASHES,
    FAINT,
    INK,
    MARKERS,
    WIDTH,
    Imprint,
    Plot,
    finish,
    head,
    style,
    watermark,
)
from imlab.lab.plots.room import broken, legend_below
from imlab.lab.statistics.intervals import Interval

PANEL = 2.9  # inches
STEP, MOST_STEPS = 2, 60  # points that a name gives way, and how often: further off it would be nobody's


@dataclass(frozen=True, slots=True)
class Point:
    """Where a curve is at x, or a mark that stands alone."""

    x: float
    y: Interval


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity over the shared axis. curves: name -> points; levels: name -> y; marks: name -> point."""

    quantity: str
    curves: Mapping[str, Sequence[Point]]
    levels: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, Point] = field(default_factory=dict)


def curves(
    panels: Sequence[Panel], title: str, axis: str, subtitle: str = "", log: bool = True, imprint: Imprint | None = None
) -> Plot:
    """Panels over one axis; a curve has the same look in all of them."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    if not panels or not 0 < len(names) <= len(COLOURS):
        raise UsageError(f"a panel tells up to {len(COLOURS)} curves apart, not {len(names)} in {len(panels)} panels")
    with style():
        figure, all_axes = _sheets(panels, title, subtitle, len(names))
        for panel, axes in zip(panels, all_axes, strict=True):
            _draw(axes, panel, names)
            _scales(axes, log)
        for panel, axes in zip(panels, all_axes, strict=True):  # once the shared axis has its limits
            _name_marks(axes, panel.marks)
        all_axes[-1].set_xlabel(axis)
        for look, name in enumerate(names):
            all_axes[-1].plot([], [], color=COLOURS[look], linestyle=DASHES[look], marker=MARKERS[look], label=name)
        legend_below(figure, all_axes[-1], 3)
        told = " ".join(_told(panel) for panel in panels)
        for axes in all_axes[:-1]:
            watermark(axes, (imprint or Imprint()).watermark)
        return finish(figure, all_axes[-1], title, f"{told} Over {axis}.", imprint or Imprint())


def _sheets(panels: Sequence[Panel], title: str, subtitle: str, names: int) -> tuple[Figure, list[Axes]]:
    height = PANEL * len(panels) + 1.1 + 0.19 * ((names + 2) // 3)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
    all_axes = [row[0] for row in grid]
    head(all_axes[0], title, subtitle)
    return figure, all_axes


def _draw(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    """Levels behind, then curves, then marks with their names."""
    for place, (name, level) in enumerate(panel.levels.items()):
        axes.axhline(level, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
        beside = (
            0.2 * (place % 4),
            level,
        )  # two levels may be nearly one; curves begin low, so there is room at the left
        axes.annotate(name, beside, (4, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
                      ha="left", va="bottom", fontsize=7.5, color=FAINT)  # fmt: skip
    for name, points in panel.curves.items():
        look = names.index(name)
        _bars(axes, points, COLOURS[look])
        at = _rising(points)
        axes.plot([point.x for point in at], [point.y.estimate for point in at], color=COLOURS[look],
                  linestyle=DASHES[look], marker=MARKERS[look], zorder=3)  # fmt: skip
    for point in panel.marks.values():
        _bars(axes, [point], INK)
        axes.plot(point.x, point.y.estimate, marker="*", markersize=9, color=INK, markeredgecolor="white", zorder=4)
    axes.set_ylabel(panel.quantity)


def _name_marks(axes: Axes, marks: Mapping[str, Point]) -> None:
    """Each mark's name beside it, towards the middle of the panel; a name that would lie on another gives way."""
    taken: list[Bbox] = []
    for name, point in sorted(marks.items(), key=lambda mark: -mark[1].y.estimate):
        at = point.x, point.y.estimate
        across, up = axes.transAxes.inverted().transform(axes.transData.transform(at))
        left, below = across < 0.5, up > 0.25
        text = axes.annotate(
            broken(name, 28), at, (5 if left else -5, -4 if below else 4), textcoords="offset points", fontsize=7.5,
            ha="left" if left else "right", va="top" if below else "bottom", zorder=5, bbox=_PLATE, in_layout=False,
            annotation_clip=False,
        )  # fmt: skip
        box, away = text.get_window_extent(), -STEP if below else STEP
        steps = 0
        while steps < MOST_STEPS and any(box.overlaps(other) for other in taken):
            box, steps = box.translated(0, away * axes.figure.dpi / 72), steps + 1
        text.xyann = text.xyann[0], text.xyann[1] + steps * away
        taken.append(box)


_PLATE = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}


def _bars(axes: Axes, points: Sequence[Point], colour: str) -> None:
    for point in points:
        if point.y.given:
            axes.plot([point.x, point.x], [point.y.low, point.y.high], color=colour, linewidth=1.1, zorder=2)


def _rising(points: Sequence[Point]) -> list[Point]:
    return sorted(points, key=lambda point: point.x)


def _scales(axes: Axes, log: bool) -> None:
    """A logarithmic axis with 1, 2 and 5 of each decade in plain numbers."""
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _told(panel: Panel) -> str:
    """Each curve and mark in words."""
    lines = [
        f"{name}: " + ", ".join(f"{point.y.text()} at {point.x:.4g}" for point in _rising(points))
        for name, points in panel.curves.items()
    ]
    lines += [f"{name}: {point.y.text()} at {point.x:.4g}" for name, point in panel.marks.items()]
    lines += [f"level {name}: {level:.3g}" for name, level in panel.levels.items()]
    return f"{panel.quantity}. " + ". ".join(lines) + "."
