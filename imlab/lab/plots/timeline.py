"""A run as it went: what each block gave, in order of time, with the blocks that do not count and why.

And how the machine felt meanwhile: what the canaries cost between the blocks.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, DASHES, FAINT, MARKERS, RULE, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.figure import imprint as of_run
from imlab.lab.plots.room import broken, digits, legend_below, span
from imlab.lab.record.reading import Run

SHADE: dict[str, Any] = {"facecolor": RULE, "edgecolor": FAINT, "hatch": "////", "linewidth": 0.0, "alpha": 0.55}


@dataclass(frozen=True, slots=True)
class Moment:
    """A block: its value in each cell, NaN or absent where there is none, and why it was rejected, if it was."""

    block: int
    values: Mapping[str, float]
    reason: str = ""


def moments(run: Run, value: str, by: str | list[str]) -> list[Moment]:
    """The blocks of a run: the median of ``value`` per block and level of ``by``, rejected blocks included."""
    rows = run.rows()
    sound = rows[(rows["outcome"] == "ok") & (rows["warm_up"].ne(True) if "warm_up" in rows else True)]
    table = sound.pivot_table(index="block", columns=by, values=value, aggfunc="median", sort=False)
    return [
        Moment(
            block,
            {_named(level): float(table[level].get(block, math.nan)) for level in table.columns},
            _why(run.manifest.rejected.get(str(block), ())),
        )
        for block in range(run.manifest.blocks)
    ]


def _named(level: object) -> str:
    return ", ".join(map(str, level)) if isinstance(level, tuple) else str(level)


def _why(reasons: Sequence[str]) -> str:
    """Which limits were passed, without by how much: so blocks that fell to one limit share a letter."""
    limits = (reason.rpartition(" > ") for reason in reasons)
    return "; ".join(dict.fromkeys(f"{seen.rpartition(' ')[0]} over {limit}" for seen, _, limit in limits))


def timeline(
    moments: Sequence[Moment],
    title: str,
    quantity: str = "median latency",
    unit: str = "ms",
    scale: float = 1e3,
    imprint: Imprint | None = None,
) -> Plot:
    """A curve per cell over the blocks; rejected ones are shaded, their points hollow, their reasons named by letter.

    ``scale`` turns the values into the unit.
    """
    names = list(dict.fromkeys(name for moment in moments for name in moment.values))
    if not moments or not 0 < len(names) <= len(COLOURS):
        raise UsageError(f"a timeline tells 1 to {len(COLOURS)} cells apart, not {len(names)} in {len(moments)} blocks")
    if len({moment.block for moment in moments}) < len(moments):
        raise UsageError("a timeline has one moment for each block")
    ordered = sorted(moments, key=lambda moment: moment.block)
    lost = sum(1 for moment in ordered if moment.reason)
    reasons = len({moment.reason for moment in ordered} - {""})
    with style():
        said = f"{span([len(ordered)])} in the order they ran, {lost} rejected" + (": shaded, hollow" if lost else "")
        figure, axes = sheet(4.0 + 0.19 * ((len(names) + 1) // 2) + 0.19 * reasons, title, said)
        for look, name in enumerate(names):
            _curve(axes, look, name, ordered, scale)
        _shade(axes, ordered)
        _frame(axes, ordered, f"{quantity} ({unit})")
        legend_below(figure, axes, 2)
        alt = f"{quantity} in {unit} over {said}. " + " ".join(_told(ordered, name, scale) for name in names)
        why = "".join(f" Block {moment.block + 1} rejected: {moment.reason}." for moment in ordered if moment.reason)
        return finish(figure, axes, title, alt + why, imprint or Imprint())


def canary_timeline(run: Run, title: str = "How the machine felt between the blocks") -> Plot:
    """A curve per canary: its cost before each block and after the last, against its median over the run."""
    heard = run.canaries().dropna(subset=["median_s"])
    if heard.empty:
        raise UsageError(f"no canary sang in run {run.path.name}: it is older than they are")
    at = heard["block"] + heard["place"].map({"before": -0.5, "within": 0.0, "after": 0.5})
    names = list(dict.fromkeys(heard["name"]))
    blocks = [
        Moment(block, {}, _why(run.manifest.rejected.get(str(block), ()))) for block in range(run.manifest.blocks)
    ]
    lost = sum(1 for moment in blocks if moment.reason)
    alt = []
    with style():
        said = (
            f"{span([len(blocks)])}, {lost} rejected{': shaded' if lost else ''}; medians of small loops of known work"
        )
        figure, axes = sheet(4.2 + 0.19 * len({moment.reason for moment in blocks} - {""}), title, said)
        for look, name in enumerate(names):
            own = heard["name"] == name
            usual = float(heard.loc[own, "median_s"].median())
            costs = heard.loc[own, "median_s"] / usual
            axes.plot(at[own], costs, color=COLOURS[look], linestyle=DASHES[look], linewidth=1.3, marker=MARKERS[look],
                      markeredgecolor="white", label=f"{name}: 1 = {digits(usual * 1e6)} us")  # fmt: skip
            alt.append(
                f"{name}: median {digits(usual * 1e6)} us, {digits(costs.min())} to {digits(costs.max())} of it."
            )
        _shade(axes, blocks)
        _frame(axes, blocks, "cost of an operation (run's median = 1)")
        axes.set_yscale("log", base=2)
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, 0.5), max(high, 2.0))  # a quiet machine's is a flat line
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: digits(value)))
        legend_below(figure, axes, 2)
        return finish(figure, axes, title, " ".join([f"Canaries over {said}.", *alt]), of_run(run))


def _curve(axes: Axes, look: int, name: str, moments: Sequence[Moment], scale: float) -> None:
    """Kept blocks filled and joined, rejected ones hollow and apart."""
    colour = COLOURS[look]
    kept = [math.nan if moment.reason else _value(moment, name, scale) for moment in moments]
    axes.plot([moment.block for moment in moments], kept, color=colour, linestyle=DASHES[look], linewidth=1.3,
              marker=MARKERS[look], markeredgecolor="white", label=name)  # fmt: skip
    lost = [moment for moment in moments if moment.reason]
    axes.plot([moment.block for moment in lost], [_value(moment, name, scale) for moment in lost], linestyle="",
              marker=MARKERS[look], markerfacecolor="white", markeredgecolor=colour)  # fmt: skip


def _value(moment: Moment, name: str, scale: float) -> float:
    return moment.values.get(name, math.nan) * scale


def _shade(axes: Axes, moments: Sequence[Moment]) -> None:
    """Each rejected block, with the letter of its reason over it."""
    letters: dict[str, str] = {}
    for moment in moments:
        if not moment.reason:
            continue
        new = moment.reason not in letters
        letter = letters.setdefault(moment.reason, _letter(len(letters)))
        label = broken(f"{letter}: {moment.reason}", 60) if new else None
        axes.axvspan(moment.block - 0.5, moment.block + 0.5, label=label, zorder=0, **SHADE)
        axes.annotate(letter, (moment.block, 1), (0, -3), xycoords=("data", "axes fraction"), va="top", ha="center",
                      textcoords="offset points", fontsize=8, fontweight="bold", in_layout=False)  # fmt: skip


def _letter(place: int) -> str:
    """a to z, then aa."""
    rounds, rest = divmod(place, 26)
    return string.ascii_lowercase[rest] * (rounds + 1)


def _frame(axes: Axes, moments: Sequence[Moment], name: str) -> None:
    """Whole blocks below, room for the letters above."""
    axes.set_xlim(moments[0].block - 0.6, moments[-1].block + 0.6)
    axes.margins(y=0.14)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16, min_n_ticks=1))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda block, _: f"{block + 1:.0f}"))  # as people count
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("block, in the order they ran")
    axes.set_ylabel(name)


def _told(moments: Sequence[Moment], name: str, scale: float) -> str:
    """A cell in words: where its kept blocks lie."""
    values = [_value(moment, name, scale) for moment in moments if not moment.reason]
    seen = [value for value in values if not math.isnan(value)]
    return (
        f"{name}: {digits(min(seen))} to {digits(max(seen))} in {len(seen)} kept blocks."
        if seen
        else f"{name}: none kept."
    )
