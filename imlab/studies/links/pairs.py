"""Predicted beside measured, network by network: a bar and a tick for the prediction, marks for what was measured."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from imlab.errors import UsageError
from imlab.lab.plots.figure import COLOURS, INK, MARKERS, Imprint, Plot, finish, sheet, style
from imlab.lab.plots.room import digits, legend_below
from imlab.studies.links.cases import TUN, VIRTUAL, Case, geometric
from imlab.studies.links.taps import CONNECTIONS

LANES = {connection: (place - 0.5) * 0.4 for place, connection in enumerate(CONNECTIONS)}


def pairs(networks: Mapping[str, Sequence[Case]], title: str, imprint: Imprint | None = None) -> Plot:
    """A row per network and a lane per connection, over a logarithmic axis of seconds."""
    if not networks or not any(networks.values()):
        raise UsageError("predictions need a network and a note")
    with style():
        subtitle = "bar: 5 to 95 % of the simulated notes, tick their median; marks: notes measured, one a block"
        figure, axes = sheet(1.7 + 0.46 * len(networks), title, subtitle)
        for place, some in enumerate(networks.values()):
            for case in some:
                _lane(axes, place, case)
        _frame(axes, list(networks))
        legend_below(figure, axes, 2)
        told = " ".join(_told(case) for some in networks.values() for case in some)
        return finish(figure, axes, title, f"Seconds from tap to first sound. {told}", imprint or Imprint())


def absent(title: str, why: str, imprint: Imprint | None = None) -> Plot:
    """A sheet that says why there is nothing to see."""
    with style():
        figure, axes = sheet(1.9, title)
        axes.set_axis_off()
        axes.text(0, 0.5, textwrap.fill(why, 84), transform=axes.transAxes, ha="left", va="center", color=INK)
        return finish(figure, axes, title, f"No figure: {why}", imprint or Imprint())


def _lane(axes: Axes, place: int, case: Case) -> None:
    """One case."""
    look = CONNECTIONS.index(case.connection)
    colour, at = COLOURS[look], place + LANES[case.connection]
    simulated, measured = case.notes(VIRTUAL), case.notes(TUN)
    if len(simulated):
        axes.plot(case.band, [at, at], color=colour, linewidth=6, alpha=0.3, solid_capstyle="butt")
        axes.plot(float(np.median(simulated)), at, "|", color=INK, markersize=11, markeredgewidth=1.6)
    axes.plot(measured, [at] * len(measured), MARKERS[look], color=colour, markersize=4.2, markeredgecolor="white",
              markeredgewidth=0.5, zorder=3)  # fmt: skip


def _frame(axes: Axes, names: Sequence[str]) -> None:
    """Near networks on top; what the looks mean, named once."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("time from the tap to the first sound (s)")
    for look, connection in enumerate(CONNECTIONS):
        axes.plot([], [], color=COLOURS[look], linewidth=6, alpha=0.3, label=f"predicted, {connection}")
    for look, connection in enumerate(CONNECTIONS):
        axes.plot([], [], MARKERS[look], color=COLOURS[look], label=f"measured, {connection}")


def _told(case: Case) -> str:
    """A case in words."""
    predicted, measured = (f"{digits(geometric(blocks).estimate)} s" if len(blocks) else "not told"
                           for blocks in (case.predicted, case.measured))  # fmt: skip
    return f"{case.network}, {case.connection}: predicted {predicted}, measured {measured}."
