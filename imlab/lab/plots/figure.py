"""The sheet every figure is printed on: one look, colours that all eyes tell apart, and bytes that repeat.

Eight colours of Okabe and Ito (2008), chosen so that the common kinds of colour blindness can tell them apart, each
with a marker, a line and a hatch of its own: no meaning hangs on colour alone. Figures are made without pyplot
and saved without dates, random ids or fonts of the reader's machine, so the same data are the same bytes.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from imlab.errors import UsageError
from imlab.lab.plots.room import SUBTITLE, WATERMARK, fit, grow
from imlab.lab.record.reading import Run

INK, FAINT, RULE = "#222222", "#6b6b6b", "#d9d9d9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7a7a7a", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "////", "----", "\\\\\\\\", "xxxx", "||||", "++++", "//")  # no dots: each is a circle in SVG, 250 kB
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), "-", (0, (4, 1)), "-", "--")

WIDTH = 7.2  # inches: a column of a report, and of a notebook
USUAL_LINES = 3  # of a caption: every sheet has room for them
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # it comes with matplotlib: the same shapes everywhere
    "font.size": 9.0,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
    "hatch.linewidth": 0.5,
    "figure.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "imlab",
}


@dataclass(frozen=True, slots=True)
class Imprint:
    """What stands on a figure besides its data: where it comes from, and what must stand across it."""

    caption: str = ""
    watermark: str = ""


def imprint(run: Run) -> Imprint:
    """The imprint of a run: where it was measured, its design, the machine, the versions."""
    return Imprint(f"{run.label}; {run.manifest.caption}", run.manifest.watermark)


@dataclass(frozen=True)
class Plot:
    """A finished figure with the sentence that says what it shows; a notebook displays it as SVG."""

    figure: Figure
    title: str
    alt: str

    def svg(self) -> str:
        """As SVG with title and description for screen readers; the same plot gives the same text."""
        with style():
            data = io.StringIO()
            self.figure.savefig(data, format="svg", metadata={"Date": None, "Creator": None})
        head, tag, tail = data.getvalue().partition("<svg ")
        attributes, end, body = tail.partition(">")
        told = f"\n <title>{escape(self.title)}</title>\n <desc>{escape(self.alt)}</desc>"
        tight = re.sub(r">\s+<", "><", body)  # letters are paths, so blanks say nothing, and are a sixth of a notebook
        return f'{head}{tag}role="img" {attributes}{end}{told}{tight}'

    def save(self, path: Path) -> Path:
        """Into a file, .svg or .png by its name; PNG is for looking, SVG for keeping."""
        if path.suffix == ".svg":
            path.write_text(self.svg())
        elif path.suffix == ".png":
            with style():
                self.figure.savefig(path, dpi=144, metadata={"Software": None, "Description": self.alt})
        else:
            raise UsageError(f"figures are saved as .svg or .png, not {path.suffix!r}")
        return path

    def _repr_svg_(self) -> str:
        """For Jupyter."""
        return self.svg()


@contextmanager
def style() -> Iterator[None]:
    """The house's look while a figure is made or saved; what the reader has set elsewhere does not matter."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def sheet(height: float, title: str, subtitle: str = "") -> tuple[Figure, Axes]:
    """An empty figure of one panel, ``height`` inches high, with its title and a quieter line under it."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    head(axes, title, subtitle)
    return figure, axes


def head(axes: Axes, title: str, subtitle: str = "") -> None:
    """Title and subtitle over a panel; ``finish`` breaks them into the lines they need."""
    axes.set_title(textwrap.fill(title, 72), pad=22 if subtitle else 8)
    if subtitle:
        axes.annotate(
            subtitle, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", color=FAINT, fontsize=8.5,
            label=SUBTITLE, in_layout=False,
        )  # fmt: skip


def finish(figure: Figure, axes: Axes, title: str, alt: str, imprint: Imprint) -> Plot:
    """Print the imprint, caption below everything, watermark across the panel; then find room for all words."""
    if imprint.caption:
        lines = [line for part in imprint.caption.split("\n") for line in textwrap.wrap(part, 120)]
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=6.8, color=FAINT)
        grow(figure, 8.5 * max(0, len(lines) - USUAL_LINES))
    if imprint.watermark:
        watermark(axes, imprint.watermark)
        alt = f"{imprint.watermark}. {alt}"
    fit(figure)
    return Plot(figure, title, alt)


def watermark(axes: Axes, text: str) -> None:
    """What must stand across a panel, if anything."""
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", rotation=18, label=WATERMARK,
        fontsize=24, fontweight="bold", color="#B00020", alpha=0.28, zorder=10, in_layout=False,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],  # on dark cells of a map, too
    )  # fmt: skip
