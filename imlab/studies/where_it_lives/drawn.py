"""The figures of the question where the 80 % lives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imlab.lab.claims.auditor import Loop
from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.plots.heat import heat
from imlab.lab.plots.levels import levels
from imlab.lab.plots.plane import Map, Move, Spot, plane
from imlab.lab.record.reading import Run
from imlab.lab.statistics.intervals import Interval
from imlab.studies.architectures.costs import CALIBRATION
from imlab.studies.architectures.region import FALL
from imlab.studies.published.speed import AFTER, BEFORE
from imlab.studies.where_it_lives.moved import USUAL
from imlab.studies.where_it_lives.reading import BOX_NAMES, MS, PERCENT, over, told
from imlab.studies.where_it_lives.scaled import PEAK
from imlab.studies.where_it_lives.searched import AWAY_S, WANTED
from imlab.studies.where_it_lives.table import LOOP, NONE

SHOWN = ("cache", "loop", "CPU", "cache + loop + CPU")
CALLED = {"cache": "the cache alone", "loop": "the event loop alone", "CPU": "cheaper CPU alone",
          "cache + loop + CPU": "all three"}  # fmt: skip
LEVEL = {"published": FALL * PERCENT}


def figures(run: Run) -> dict[str, Plot]:
    """One figure for each part of the answer."""
    rows, stamp = run.rows(), imprint(run)
    stamp = Imprint(f"simulated in virtual time; {CALIBRATION.source}; {stamp.caption}", stamp.watermark)
    return {
        "table": _table(rows, stamp),
        "region": _region(rows, stamp),
        "where": _where(rows, stamp),
        "deciders": _deciders(rows, stamp),
        "open": _open(rows, stamp),
        "hits": _hits(rows, stamp),
        "nodes": _nodes(rows, stamp),
    }


def _table(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """Where each change takes the published loop, on Little's hyperbola."""
    rate, mean = (over(rows, "table", value, ["changes"]) for value in ("rate_per_s", "mean_s"))
    spots = {str(key[0]): Spot(rate[key], mean[key]) for key in rate}
    loop = Loop(LOOP.users, LOOP.think.mean_s)
    line = [(loop.rate(seconds), seconds) for seconds in np.linspace(0.015, 0.24, 60).tolist()]
    marks = {"published, before": BEFORE, "published, after": AFTER}
    return plane(
        {CALLED[name]: Move(spots[NONE], spots[name]) for name in SHOWN},
        title="The published loop: what the cache, the event loop and cheaper CPU make of it",
        known=Map({f"Little's law for {LOOP.users} users": line},
                  {name: (row.rate, row.latency) for name, row in marks.items()}),
        quantity="mean response",
        imprint=stamp,
    )  # fmt: skip


def _region(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """How much of the box falls by at least so much."""
    found = over(rows, "least", "share", ["box", "least"])
    lines = {
        BOX_NAMES[box]: [Point(_number(key[1]) * PERCENT, _percent(one)) for key, one in found.items() if key[0] == box]
        for box in dict.fromkeys(str(key[0]) for key in found)
    }
    return curves(
        [Panel("share of the points (%)", lines)],
        title="How often the mean response falls by at least so much",
        subtitle="old architecture to new, one closed loop per point; hits 63 to 91 % everywhere; published: 80 %",
        axis="the mean response falls by at least (%)",
        log=False,
        imprint=stamp,
    )


def _where(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """Which loads and which misses reach it."""
    found = over(rows, "where", "reaches", ["wanted", "away_s"])
    cells = {(_row(_number(key[0])), _column(_number(key[1]))): one for key, one in found.items()}
    rows_first = [(_row(low), _column(near)) for low in WANTED[:-1] for near in AWAY_S[:-1]]
    return heat(
        {key: cells[key] for key in rows_first if key in cells},
        title=f"Where the mean response falls by {FALL:.0%} or more",
        rows="threads that the users want, per thread",
        columns="a miss is away for (ms)",
        quantity="points that reach it",
        unit="%",
        scale=PERCENT,
        imprint=stamp,
    )


def _deciders(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """What each parameter explains alone."""
    found = told(rows, "decides")
    mean = found.groupby("parameter")["of_fall"].mean().sort_values(ascending=False)
    return levels(
        {str(name): found[found["parameter"] == name]["of_fall"].tolist() for name in mean.index},
        title="What decides how far the mean response falls",
        axis="share of the fall's variance over the box that it explains alone (%)",
        scale=PERCENT,
        unit="%",
        ours="threads wanted",
        imprint=stamp,
    )


def _open(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """The fall at equal offered load."""
    found = over(rows, "open", "fall", ["away_s", "cores", "load"])
    lines: dict[str, list[Point]] = {}
    for (away_s, cores, load), one in found.items():
        name = f"a miss {_number(away_s) * MS:g} ms away, {_number(cores):g} process{'es' * (cores != 1)}"
        lines.setdefault(name, []).append(Point(_number(load) * PERCENT, _percent(one)))
    return curves(
        [Panel("the mean response falls by (%)", lines, LEVEL)],
        title="At equal offered load the fall hangs on the load, and on what the cores were busy with",
        subtitle="open loop, Poisson arrivals; 32 threads to a process of the old side; hits 63 to 91 %",
        axis="load, as % of the rate that the old side can carry at most",
        log=False,
        imprint=stamp,
    )


def _hits(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """The fall by hit ratio, in both loops."""
    names = {"closed": f"closed loop, {LOOP.users} users with {LOOP.think.mean_s * MS:g} ms of think time",
             "open": f"open loop at {USUAL:.0%} of what the old side carries"}  # fmt: skip
    lines: dict[str, list[Point]] = {}
    for (model, hits), one in over(rows, "hits", "fall", ["model", "hits"]).items():
        lines.setdefault(names[str(model)], []).append(Point(_number(hits) * PERCENT, _percent(one)))
    return curves(
        [Panel("the mean response falls by (%)", lines, LEVEL)],
        title="The same two services, the same hit ratios, two load models",
        subtitle="old side: 63 % of the fetches hit; a miss is 150 ms away on average",
        axis="fetches that hit on the new side (%)",
        log=False,
        imprint=stamp,
    )


def _nodes(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """What fleets carry, whole and per node."""
    whole, each = (over(rows, "nodes", value, ["database", "nodes"]) for value in ("rate_per_s", "each_per_s"))
    panels = [
        Panel("messages/s, in thousands", _by_database(whole, 1e-3), {"published peak": PEAK * 1e-3}),
        Panel("messages/s and node", _by_database(each, 1.0)),
    ]
    return curves(
        panels,
        title="What a fleet carries, by the database behind it",
        subtitle="each node one core; a message takes its CPU there and one commit",
        axis="nodes",
        imprint=stamp,
    )


def _by_database(found: dict[tuple[object, ...], Interval], scale: float) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = {}
    for (database, nodes), one in found.items():
        lines.setdefault(str(database), []).append(Point(_number(nodes), one.map(lambda value: value * scale)))
    return lines


def _row(low: float) -> str:
    high = WANTED[WANTED.index(low) + 1]
    return f"{low:g} to {high:g}" if np.isfinite(high) else f"over {low:g}"


def _column(near: float) -> str:
    return f"{near * MS:g} to {AWAY_S[AWAY_S.index(near) + 1] * MS:g}"


def _percent(one: Interval) -> Interval:
    return one.map(lambda value: value * PERCENT)


def _number(value: object) -> float:
    """A label that the table holds as a number."""
    return float(str(value))
