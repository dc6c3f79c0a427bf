"""What each change did: effects with their intervals, the margin that does not matter, and the verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, FAINT, INK, RULE, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import broken, lines
from imlab.lab.statistics.effect import Effect

LOOKS = {  # verdict -> colour, marker
    "faster": (COLOURS[2], "D"),
    "slower": (COLOURS[1], "X"),
    "equivalent": (COLOURS[0], "s"),
    "inconclusive": ("#7a7a7a", "o"),
}


def forest(
    effects: Mapping[str, Effect],
    title: str,
    quantity: str = "latency",
    imprint: Imprint | None = None,
    wanted: str = "",
) -> Plot:
    """One line per effect: every block's own as ticks, the 95 % interval thin, the 90 % thick, the verdict in words.

    wanted: which change is good, in words; else the effects say whether less or more is better.
    """
    margins = {effect.margin for effect in effects.values()}
    if not effects or len(margins) > 1:
        raise UsageError(f"a forest needs effects under one margin, not {len(effects)} under {sorted(margins)}")
    margin = margins.pop()
    with style():
        subtitle = f"95 % interval thin, 90 % thick, ticks are blocks; grey: within the margin of {margin * 100:.3g} %"
        names = [f"{broken(name)}\n{effect.change.n} blocks" for name, effect in effects.items()]
        figure, axes = sheet(1.55 + max(0.46, 0.16 * max(map(lines, names))) * len(effects), title, subtitle)
        axes.axvspan(math.expm1(-math.log1p(margin)), margin, color=RULE, alpha=0.7, linewidth=0, zorder=0)
        axes.axvline(0, color=FAINT, linewidth=0.9, zorder=1)
        for place, effect in enumerate(effects.values()):
            _line(axes, place, effect)
        _frame(axes, names, f"change of {quantity} ({wanted or _sides(effects)})")
        alt = f"Change of {quantity} with 95 % intervals. " + ". ".join(
            f"{name}: {effect.text()}, {effect.change.n} blocks" for name, effect in effects.items()
        )
        return finish(figure, axes, title, alt + ".", imprint or Imprint())


def _line(axes: Axes, place: int, effect: Effect) -> None:
    """One effect."""
    colour, marker = LOOKS[effect.verdict]
    axes.plot(effect.blocks, [place + 0.24] * len(effect.blocks), "|", color=FAINT, markersize=5, markeredgewidth=0.8)
    if effect.change.given:
        axes.plot([effect.change.low, effect.change.high], [place, place], color=colour, linewidth=1.3)
        axes.plot([effect.narrow.low, effect.narrow.high], [place, place], color=colour, linewidth=3.6,
                  solid_capstyle="butt")  # fmt: skip
    axes.plot(effect.change.estimate, place, marker, color=colour, markersize=5.5, markeredgecolor="white")
    axes.annotate(effect.text(), (1, place), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                  va="center", fontsize=8.5, color=INK, annotation_clip=False)  # fmt: skip


def _frame(axes: Axes, names: Sequence[str], label: str) -> None:
    """Names at the left, first on top, zero always in sight, percent below."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:+.3g} %" if value else "0"))
    axes.set_xlabel(label)


def _sides(effects: Mapping[str, Effect]) -> str:
    better = {"lower": "less is better", "higher": "more is better"}
    return " / ".join(sorted({better[effect.better] for effect in effects.values()}))
