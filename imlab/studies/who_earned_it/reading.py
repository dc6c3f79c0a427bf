"""Sixteen mixtures of two architectures, read from stored rows: what each of the four changes earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.attribution.contrasts import Contrast
from imlab.lab.attribution.shares import Attribution, Step, attribute, change_text
from imlab.lab.plan.factorial import label
from imlab.lab.plots.figure import Plot, imprint
from imlab.lab.plots.waterfall import waterfall
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.intervals import mean_interval
from imlab.studies.who_earned_it.cells import CHANGES, CLOSED, OPEN

MS, US = 1e3, 1e6
FIRST = ("cache", "asynchrony", "reuse", "framing")  # an order in which a team might switch; the other is its reverse
MEASURED = {  # what is shared out -> column, loop, in words, unit, scale
    "p50": ("p50_s", OPEN, "p50 at equal offered load", "ms", MS),
    "p99": ("p99_s", OPEN, "p99 at equal offered load", "ms", MS),
    "mean": ("mean_s", OPEN, "mean at equal offered load", "ms", MS),
    "cpu": ("cpu_s", OPEN, "CPU of the service for a request", "us", US),
    "p50, users": ("p50_s", CLOSED, "p50 of a closed loop", "ms", MS),
    "mean, users": ("mean_s", CLOSED, "mean of a closed loop", "ms", MS),
}


def cells(rows: pd.DataFrame, value: str, loop: str) -> pd.DataFrame:
    """One number per block (row) and cell (column), of one loop; empty where some cell never had one."""
    sound = trusted(rows)
    if sound.empty or "loop" not in sound:
        raise InvalidRun("no window can be counted: every trial failed or was rejected")
    some = sound[sound["loop"] == loop]
    if value not in some or some[value].isna().all():
        return pd.DataFrame()
    return by_block(some, value, list(CHANGES))


def shared(rows: pd.DataFrame, measure: str) -> Attribution | None:
    """One measure shared out among the changes; None where not all cells of any block have it."""
    value, loop, *_ = MEASURED[measure]
    found = cells(rows, value, loop)
    if found.empty or found.shape[1] < 2 ** len(CHANGES):
        return None
    return attribute(found, CHANGES)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per measure and change: its share by Shapley, and what it did first and last."""
    lines = [
        {"measure": measure, "change": name, **_line(part.shapley, part.first, part.last)}
        for measure in MEASURED
        if (found := shared(rows, measure))
        for name, part in found.parts.items()
    ]
    if not lines:
        raise InvalidRun("no measure has all sixteen cells in any block")
    return pd.DataFrame(lines).set_index(["measure", "change"])


def _line(shapley: Step, first: Step, last: Step) -> dict[str, str]:
    return {
        "Shapley": shapley.changed(),
        "share": shapley.shared(),
        "alone, first in": first.changed(),
        "last in": last.changed(),
    }


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """All sixteen cells, their treatments, and what the changes do to each other."""
    rows = run.rows()
    return {"cells": every_cell(rows), "treatments": treatments(rows), "interactions": interactions(rows)}


def every_cell(rows: pd.DataFrame) -> pd.DataFrame:
    """Each mixture's own figures, old first."""
    found = {
        f"{words} ({unit})": _texts(cells(rows, value, loop), scale)
        for value, loop, words, unit, scale in MEASURED.values()
    }
    return pd.DataFrame({name: column for name, column in found.items() if column}).rename_axis("switched to new")


def treatments(rows: pd.DataFrame) -> pd.DataFrame:
    """The proof that each cell had its treatment, counted by the service while it was asked."""
    counted = {
        "hits (%)": ("hits", 100.0),
        "of them in the second level (%)": ("second_hits", 100.0),
        "connections a request": ("connections", 1.0),
        "bytes an answer": ("answer_bytes", 1.0),
        "most at once": ("at_once", 1.0),
    }
    found = {name: _texts(cells(rows, value, OPEN), scale) for name, (value, scale) in counted.items()}
    return pd.DataFrame({name: column for name, column in found.items() if column}).rename_axis("switched to new")


def interactions(rows: pd.DataFrame) -> pd.DataFrame:
    """What two changes do together beyond what each does, on the logarithm; a product of 1 would be none."""
    found = {
        f"{words} ({unit})": {one.name: one.text().partition(": ")[2] for one in _pairs(shares.contrasts)}
        for measure, (_, _, words, unit, _) in MEASURED.items()
        if (shares := shared(rows, measure))
    }
    return pd.DataFrame(found).rename_axis("together")


def figures(run: Run) -> dict[str, Plot]:
    """Falls by Shapley: of median, tail, mean, CPU, and of a closed loop; that of the mean in two orders."""
    rows, stamp = run.rows(), imprint(run)
    drawn: dict[str, Plot] = {}
    for measure, (_, _, words, unit, scale) in MEASURED.items():
        if shares := shared(rows, measure):
            title = f"Who earned it: {words}"
            drawn[measure.replace(", ", "_")] = waterfall(shares.waterfall(), title, words, unit, scale, stamp)
    if shares := shared(rows, "mean"):
        for name, order in (("mean_first", FIRST), ("mean_reversed", FIRST[::-1])):
            title = f"The same fall, switched in this order: {', '.join(order)}"
            drawn[name] = waterfall(shares.waterfall(order), title, MEASURED["mean"][2], "ms", MS, stamp)
    return drawn


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    told = []
    for measure in ("mean", "p50", "p99", "cpu"):
        if shares := shared(rows, measure):
            parts = sorted(shares.parts.items(), key=lambda part: part[1].shapley.ratio.estimate)
            whole = ", ".join(f"{name} {part.shapley.shared()}" for name, part in parts)
            told.append(f"{MEASURED[measure][2]} changes by {change_text(shares.whole)}: {whole}")
    if not told:
        return "No measure has all sixteen cells in any block: nothing can be shared out."
    return "; ".join(told) + "."


def _texts(found: pd.DataFrame, scale: float) -> dict[str, str]:
    """Cell in words -> mean over blocks with its interval, in the order of the factorial."""
    if found.empty:
        return {}
    names = [str(name) for name in found.columns.names]
    named = {tuple(_places(dict(zip(names, column, strict=True)))): column for column in found.columns}
    return {_switched(places): mean_interval(found[column]).text(scale) for places, column in sorted(named.items())}


def _places(cell: Mapping[str, str]) -> list[bool]:
    return [cell[name] == label(levels[1]) for name, levels in CHANGES.items()]


def _switched(places: Sequence[bool]) -> str:
    """``asynchrony, reuse``; ``nothing``: all old."""
    names = [name for name, new in zip(CHANGES, places, strict=True) if new]
    return ", ".join(names) or "nothing"


def _pairs(found: Sequence[Contrast]) -> list[Contrast]:
    return [one for one in found if one.name.count("×") == 1]
