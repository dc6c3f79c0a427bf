"""From old to new, factor by factor: steps that multiply to the whole, on an axis where equal ratios are equally long.

A ratio has no zero to stand on, so nothing here is a bar from the axis: old and new are points, a step is the way
from the point before it to its own, and its length is its ratio wherever in the fall it stands.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from imlab.errors import UsageError
from imlab.lab.attribution.shares import Step, Waterfall, change_text
from imlab.lab.plots.figure import COLOURS, FAINT, HATCHES, INK, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import broken, lines
from imlab.lab.statistics.intervals import Interval

LOOKS = {  # what a step does -> colour, hatch, marker
    "less": (COLOURS[2], HATCHES[0], "D"),
    "more": (COLOURS[1], HATCHES[1], "X"),
    "unseen": ("#b5b5b5", HATCHES[2], "o"),
}
DECADE = 8.0  # from this ratio on, ticks at 1, 2 and 5 of each power of ten


def waterfall(
    fall: Waterfall,
    title: str,
    quantity: str = "latency",
    unit: str = "ms",
    scale: float = 1e3,
    imprint: Imprint | None = None,
) -> Plot:
    """One line per step, the old value on top and the new one below; ``scale`` turns values into the unit."""
    if not fall.steps:
        raise UsageError("a waterfall needs a step")
    with style():
        names = [broken(name) for name in ("all old", *fall.steps, "all new")]
        note = f"{fall.how}; {_whiskers(fall.whole)}"
        figure, axes = sheet(1.5 + max(0.5, 0.17 * max(map(lines, names))) * len(names), title, note)
        levels = [value * scale for value in itertools.accumulate(
            (step.ratio.estimate for step in fall.steps.values()), float.__mul__, initial=fall.old)]  # fmt: skip
        for place, (before, step) in enumerate(zip(levels[:-1], fall.steps.values(), strict=True), start=1):
            _step(axes, place, before, step)
        _ends(axes, fall, scale, unit)
        for place, level in enumerate(levels):  # each step begins where the one before it ended
            axes.plot([level, level], [place, place + 1], color=FAINT, linewidth=0.8, linestyle=":", zorder=1)
        _frame(axes, names, f"{quantity} ({unit}, log scale)")
        ends = f"from {_digits(fall.old * scale)} to {_digits(fall.new * scale)} {unit}"
        alt = f"Waterfall of {quantity} {ends}: {note}. {_told(fall.steps, fall.whole)}"
        return finish(figure, axes, title, alt, imprint or Imprint())


def seen(ratio: Interval) -> str:
    """less, more, or unseen where the interval holds 1 or there is none."""
    if not ratio.given or ratio.low <= 1.0 <= ratio.high:
        return "unseen"
    return "less" if ratio.estimate < 1 else "more"


def _step(axes: Axes, place: int, before: float, step: Step) -> None:
    """From the point before to this one, with the interval around its end."""
    colour, hatch, marker = LOOKS[seen(step.ratio)]
    after = before * step.ratio.estimate
    axes.barh(place, after - before, left=before, height=0.46, color=colour, hatch=hatch, edgecolor="white",
              linewidth=0.8, alpha=0.85, zorder=2)  # fmt: skip
    _point(axes, place, before, step.ratio, marker)
    _beside(axes, place, step.changed(), step.shared())


def _ends(axes: Axes, fall: Waterfall, scale: float, unit: str) -> None:
    """Where it began and where it came to."""
    old, new = fall.old * scale, fall.new * scale
    axes.plot(old, 0, "s", color=INK, markersize=6, zorder=4)
    _beside(axes, 0, f"{_digits(old)} {unit}", "")
    _point(axes, len(fall.steps) + 1, old, fall.whole, "s")
    _beside(axes, len(fall.steps) + 1, f"{_digits(new)} {unit}", change_text(fall.whole))


def _point(axes: Axes, place: int, before: float, ratio: Interval, marker: str) -> None:
    """An estimate with its whiskers."""
    if ratio.given:
        axes.plot([before * ratio.low, before * ratio.high], [place, place], color=INK, linewidth=1.4, marker="|",
                  markersize=7, zorder=3)  # fmt: skip
    axes.plot(before * ratio.estimate, place, marker, color=INK, markersize=5.5, markeredgecolor="white", zorder=4)


def _beside(axes: Axes, place: int, upper: str, lower: str) -> None:
    """Words at the right of the panel, in two lines at most."""
    for text, off, colour in ((upper, 5 if lower else 0, INK), (lower, -6, FAINT)):
        axes.annotate(text, (1, place), (8, off), xycoords=("axes fraction", "data"), textcoords="offset points",
                      va="center", fontsize=8.3, color=colour, annotation_clip=False)  # fmt: skip


def _frame(axes: Axes, names: Sequence[str], axis: str) -> None:
    """Names at the left, old on top; round numbers below, however short the way."""
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.use_sticky_edges = False
    axes.margins(x=0.06)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high / low > DECADE else MaxNLocator(5))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.set_xlabel(axis)


def _whiskers(whole: Interval) -> str:
    told = f"whiskers: {whole.level * 100:.0f} %, {whole.n} blocks" if whole.given else whole.method
    return f"{told}; grey: may be no change"


def _told(steps: Mapping[str, Step], whole: Interval) -> str:
    """The steps in words."""
    return ". ".join([*(f"{name}: {step.text()}" for name, step in steps.items()), f"Whole: {change_text(whole)}."])


def _digits(value: float) -> str:
    """Three digits, never in powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
