"""Every measured note over the prediction that had the same luck, with the diagonal on which both agree."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from imlab.lab.plots.figure import COLOURS, FAINT, INK, MARKERS, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import legend_below
from imlab.studies.links.cases import Case
from imlab.studies.links.networks import PERFECT
from imlab.studies.links.taps import CONNECTIONS

APART = log(1.5)  # a note so far off the diagonal is named, but of the perfect network, where the machine is all


def agreement(some: Sequence[Case], title: str, imprint: Imprint | None = None) -> Plot:
    """Both axes in seconds, logarithmic; each case needs a block in which both engines heard its note."""
    with style():
        subtitle = "one mark is one note, in both engines with the same links and the same seed"
        figure, axes = sheet(5.6, title, subtitle)
        points = {case: pd.DataFrame({"x": case.predicted, "y": case.measured}).dropna() for case in some}
        for case, both in points.items():
            look = CONNECTIONS.index(case.connection)
            axes.plot(both["x"], both["y"], MARKERS[look], color=COLOURS[look], markersize=4.6, alpha=0.75,
                      markeredgecolor="white", markeredgewidth=0.5)  # fmt: skip
        named = [(case.network, x, y) for case, both in points.items() for x, y in both.to_numpy()
                 if abs(log(y / x)) > APART and case.network != PERFECT.name]  # fmt: skip
        for network, x, y in named:
            axes.annotate(network, (x, y), (-5, 4) if y > x else (5, -9), textcoords="offset points", fontsize=7.5,
                          color=INK, ha="right" if y > x else "left", in_layout=False)  # fmt: skip
        _frame(axes, pd.concat(list(points.values())))
        legend_below(figure, axes, 3)
        told = [f"{network}: predicted {x:.3g} s, measured {y:.3g} s." for network, x, y in named]
        count = sum(map(len, points.values()))
        alt = f"{count} notes, measured over predicted. Off the diagonal by more than a half: "
        return finish(figure, axes, title, alt + (" ".join(told) or "none."), imprint or Imprint())


def _frame(axes: Axes, points: pd.DataFrame) -> None:
    """The same scale both ways, and the diagonal."""
    ends = points.to_numpy().min() / 1.4, points.to_numpy().max() * 1.4
    axes.plot(ends, ends, color=FAINT, linewidth=0.9, zorder=1, label="both agree")
    for look, connection in enumerate(CONNECTIONS):
        axes.plot([], [], MARKERS[look], color=COLOURS[look], label=connection)
    for axis, told in ((axes.xaxis, "predicted"), (axes.yaxis, "measured")):
        axis.set_label_text(f"{told} time from the tap to the first sound (s)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
