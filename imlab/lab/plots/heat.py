"""One quantity over two factors, as a map: its colour for the eye, its number for the reader, in every cell.

The colours are cividis, which rises in lightness alike for all eyes (Nuñez and others 2018). A cell that was not
measured is hatched: empty is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from imlab.errors import UsageError
from imlab.lab.plots.figure import FAINT, INK, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import broken, digits, lines, span
from imlab.lab.statistics.intervals import Interval

WIDEST, HIGHEST = 8, 16  # columns and rows that leave room for their numbers
Cells = Mapping[tuple[str, str], Interval]


def heat(
    cells: Cells,
    title: str,
    rows: str,
    columns: str,
    quantity: str,
    unit: str,
    scale: float = 1.0,
    log: bool = False,
    imprint: Imprint | None = None,
) -> Plot:
    """Cells by (row, column), in the order of their first appearance; ``rows`` and ``columns`` name the factors.

    ``scale`` turns the values into the unit; ``log`` spreads colours evenly over ratios.
    """
    down = list(dict.fromkeys(row for row, _ in cells))
    across = list(dict.fromkeys(column for _, column in cells))
    if not cells or len(down) > HIGHEST or len(across) > WIDEST:
        raise UsageError(f"a heat map has 1 to {HIGHEST} rows and {WIDEST} columns, not {len(down)} and {len(across)}")
    values = [cell.estimate * scale for cell in cells.values()]
    if log and min(values) <= 0:
        raise UsageError(f"ratios need values above zero, not {min(values):g} {unit}")
    norm = _norm(min(values), max(values), log)
    with style():
        names = [broken(row, 24) for row in down]
        slot = max(0.46, 0.16 * max(map(lines, names)))
        blocks = [cell.n for cell in cells.values()]
        said = f"each cell: mean and 95 % interval over {span(blocks)}"
        missing = len(down) * len(across) - len(cells)
        figure, axes = sheet(1.9 + slot * len(down), title, said + ("; hatched: not measured" if missing else ""))
        for y, row in enumerate(down):
            for x, column in enumerate(across):
                _cell(axes, x, y, cells.get((row, column)), norm, scale, len(across))
        _frame(axes, [broken(column, 64 // len(across)) for column in across], names, rows, columns)
        _bar(figure, axes, norm, f"{quantity} ({unit})")
        told = [f"{row}, {column}: {cell.text(scale, unit)}" for (row, column), cell in cells.items()]
        lacks = [f"{row}, {column}: not measured" for row in down for column in across if (row, column) not in cells]
        alt = f"{quantity} by {rows} and {columns}. {'. '.join(told + lacks)}."
        return finish(figure, axes, title, alt, imprint or Imprint())


def _norm(low: float, high: float, log: bool) -> Normalize:
    """From least to most; where all is equal, the middle colour."""
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 1, high + 1)
    return LogNorm(low, high) if log else Normalize(low, high)


def _cell(axes: Axes, x: int, y: int, cell: Interval | None, norm: Normalize, scale: float, across: int) -> None:
    """A square with its numbers, dark on light or light on dark."""
    place = x - 0.5, y - 0.5
    if cell is None:
        axes.add_patch(Rectangle(place, 1, 1, facecolor="white", edgecolor=FAINT, hatch="////", linewidth=0.0))
        return
    colour = mpl.colormaps["cividis"](float(norm(cell.estimate * scale)))
    axes.add_patch(Rectangle(place, 1, 1, facecolor=colour, edgecolor="white", linewidth=1.2))
    ink = INK if 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 0.5 else "white"
    between = f"[{digits(cell.low * scale)}, {digits(cell.high * scale)}]" if cell.given else ""
    axes.text(x, y - (0.16 if between else 0), digits(cell.estimate * scale), color=ink, ha="center", va="center",
              fontsize=9, fontweight="bold")  # fmt: skip
    if between:
        axes.text(x, y + 0.2, between, color=ink, ha="center", va="center", fontsize=7.5 if across <= 6 else 6)


def _frame(axes: Axes, across: list[str], down: list[str], rows: str, columns: str) -> None:
    """Levels at the left and below, first row on top."""
    axes.set_xlim(-0.5, len(across) - 0.5)
    axes.set_ylim(len(down) - 0.5, -0.5)
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel(columns)
    axes.set_ylabel(rows)


def _bar(figure: Figure, axes: Axes, norm: Normalize, name: str) -> None:
    """The colours with their values; in so few steps that matplotlib draws them and puts no picture into the SVG."""
    colours = mpl.colormaps["cividis"].resampled(32)
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, fraction=0.05, pad=0.02)
    if isinstance(norm, LogNorm):
        bar.set_ticks(LogLocator(subs=(1.0, 2.0, 5.0)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5)
    bar.set_label(name, color=INK)
