"""Where the time goes: stacked horizontal bars, one per cell or one per item, each stage in order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, HATCHES, INK, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import broken, digits, legend_below, lines

LETTERED = 0.06  # of the longest bar: a shorter segment has no room for its number


def stage_bars(
    bars: Mapping[str, Mapping[str, float]],
    title: str,
    subtitle: str = "mean stages of the requests around the median",
    unit: str = "ms",
    scale: float = 1e3,
    counts: Mapping[str, int] | None = None,
    axis: str = "time since the start",
    imprint: Imprint | None = None,
) -> Plot:
    """Bars by label: stage -> seconds, in order of time, as ``Stages.at(0.5)`` or ``Stages.item(0)`` give them.

    ``scale`` turns the values into the unit; ``counts`` says how many items stand behind each bar; what is stacked
    need not be time, if ``axis`` says what it is.
    """
    names = list(dict.fromkeys(name for parts in bars.values() for name in parts))
    if not bars or not 0 < len(names) <= len(COLOURS):
        raise UsageError(f"stacked bars need a bar and up to {len(COLOURS)} stages, not {len(bars)} and {len(names)}")
    with style():
        labels = [_called(label, counts) for label in bars]
        slot = max(0.46, 0.16 * max(map(lines, labels)))
        figure, axes = sheet(1.8 + slot * len(bars) + 0.19 * ((len(names) + 3) // 4), title, subtitle)
        whole = {label: sum(parts.values()) * scale for label, parts in bars.items()}
        _stack(axes, names, list(bars.values()), scale, max(whole.values()))
        for place, total in enumerate(whole.values()):
            axes.annotate(f"{digits(total)} {unit}", (total, place), (5, 0), textcoords="offset points",
                          va="center", fontweight="bold")  # fmt: skip
        _frame(axes, labels, f"{axis} ({unit})", max(whole.values()))
        legend_below(figure, axes, min(4, len(names)))
        alt = f"Stacked bars of {len(names)} stages in {unit}. " + " ".join(_told(bars, scale, unit))
        return finish(figure, axes, title, alt, imprint or Imprint())


def _stack(axes: Axes, names: Sequence[str], bars: Sequence[Mapping[str, float]], scale: float, longest: float) -> None:
    """Each stage beside the one before it, with its number where there is room."""
    lefts = [0.0] * len(bars)
    for look, name in enumerate(names):
        widths = [parts.get(name, 0.0) * scale for parts in bars]
        axes.barh(range(len(bars)), widths, left=lefts, height=0.62, color=COLOURS[look], hatch=HATCHES[look],
                  edgecolor="white", linewidth=0.8, label=name)  # fmt: skip
        for place, (left, width) in enumerate(zip(lefts, widths, strict=True)):
            if width >= LETTERED * longest:
                axes.text(left + width / 2, place, digits(width), ha="center", va="center", fontsize=8,
                          color=INK, bbox=_PLATE)  # fmt: skip
        lefts = [left + width for left, width in zip(lefts, widths, strict=True)]


_PLATE = {"boxstyle": "round,pad=0.18", "facecolor": "white", "edgecolor": "none", "alpha": 0.88}


def _frame(axes: Axes, labels: Sequence[str], axis: str, longest: float) -> None:
    """Labels at the left, first bar on top, room for the totals at the right, stages named below."""
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0, longest * 1.14)
    axes.set_xlabel(axis)
    axes.set_ylim(len(labels) - 0.5, -0.5)


def _called(label: str, counts: Mapping[str, int] | None) -> str:
    return f"{broken(label)}\nn = {counts[label]:,}" if counts else broken(label)


def _told(bars: Mapping[str, Mapping[str, float]], scale: float, unit: str) -> list[str]:
    """Each bar in words."""
    return [
        f"{label}: {digits(sum(parts.values()) * scale)} {unit}, of it "
        + ", ".join(f"{name} {digits(seconds * scale)}" for name, seconds in parts.items())
        + "."
        for label, parts in bars.items()
    ]
