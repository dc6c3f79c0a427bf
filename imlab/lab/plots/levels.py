"""What each of several things costs: a mark and its interval for each, every block beside it, on a scale from zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, FAINT, INK, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import broken, lines
from imlab.lab.statistics.intervals import Interval, mean_interval


def levels(
    blocks: Mapping[str, Sequence[float]],
    title: str,
    axis: str,
    scale: float = 1.0,
    unit: str = "",
    ours: str = "ours",
    imprint: Imprint | None = None,
) -> Plot:
    """One line per label, with one value per block; labels that begin with ``ours`` are told apart by look.

    ``scale`` turns the values into the unit; the axis is logarithmic where the greatest is 30 times the least.
    """
    if not blocks:
        raise UsageError("levels need something to show")
    told = {name: mean_interval(values).map(lambda value: value * scale) for name, values in blocks.items()}
    with style():
        names = [broken(name) for name in blocks]
        subtitle = "mean over blocks and its 95 % interval; ticks are blocks"
        figure, axes = sheet(1.45 + max(0.4, 0.16 * max(map(lines, names))) * len(names), title, subtitle)
        for place, (name, interval) in enumerate(told.items()):
            _line(axes, place, interval, [value * scale for value in blocks[name]], name.startswith(ours), unit)
        _frame(axes, names, told, axis)
        alt = f"{axis}. " + ". ".join(f"{name}: {interval.text(1.0, unit)}" for name, interval in told.items())
        return finish(figure, axes, title, alt + ".", imprint or Imprint())


def _line(axes: Axes, place: int, interval: Interval, values: Sequence[float], ours: bool, unit: str) -> None:
    colour, marker = (COLOURS[0], "o") if ours else (COLOURS[1], "s")
    axes.plot(values, [place + 0.26] * len(values), "|", color=FAINT, markersize=5, markeredgewidth=0.8)
    if interval.given:
        axes.plot([interval.low, interval.high], [place, place], color=colour, linewidth=3.0, solid_capstyle="butt")
    axes.plot(interval.estimate, place, marker, color=colour, markersize=6, markeredgecolor="white")
    axes.annotate(interval.text(1.0, unit), (1, place), (8, 0), xycoords=("axes fraction", "data"),
                  textcoords="offset points", va="center", fontsize=8.5, color=INK, annotation_clip=False)  # fmt: skip


def _frame(axes: Axes, names: Sequence[str], told: Mapping[str, Interval], axis: str) -> None:
    """Names at the left, first on top; from zero, or in powers of ten."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    found = [interval.estimate for interval in told.values()]
    if max(found) > 30 * min(found) > 0:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    axes.set_xlabel(axis)
