"""Sixteen ways to cache, read from stored rows: what each of the four parts moves, and what is asked makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imlab.errors import InvalidRun
from imlab.lab.attribution.contrasts import log_table
from imlab.lab.attribution.shapley import first_in, last_in, shapley
from imlab.lab.attribution.shares import Attribution, Step, attribute
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.lab.statistics.ratio import ratio_interval
from imlab.studies.cache_hits.cells import PARTS, RATE, RATES, USUALLY, WORKLOADS
from imlab.studies.cache_hits.tried import BY_RATE, MEASURED, REPLAYED

Floats = NDArray[np.float64]

MS, PERCENT = 1e3, 100.0
RATIOS = {  # what is shared out on ln -> column, in words, unit, scale
    "reads": ("misses", "reads of the origin per fetch", "%", PERCENT),
    "mean": ("mean_s", "mean response", "ms", MS),
    "p50": ("p50_s", "p50", "ms", MS),
    "p99": ("p99_s", "p99", "ms", MS),
}
HITS = "hits (points)"
NOTHING, EVERYTHING, FLIGHT = "nothing", ", ".join(PARTS), "single flight"
WAYS: Mapping[str, Callable[[Floats], Floats]] = {"Shapley": shapley, "alone, first in": first_in, "last in": last_in}


def some(rows: pd.DataFrame, what: str, workload: str = "") -> pd.DataFrame:
    """Rows of one kind that may be counted; InvalidRun when there is none."""
    sound = trusted(rows)
    if sound.empty or "what" not in sound or not (sound["what"] == what).any():
        raise InvalidRun(f"nothing {what} can be counted: every trial failed or was rejected")
    found = sound[sound["what"] == what]
    return found[found["workload"] == workload] if workload else found


def cells(rows: pd.DataFrame, value: str, what: str = MEASURED, workload: str = USUALLY) -> pd.DataFrame:
    """One number per block (row) and cell (column); empty where some cell never had one."""
    found = some(rows, what, workload)
    if value not in found or found[value].isna().all():
        return pd.DataFrame()
    table = by_block(found, value, list(PARTS))
    return table if table.shape[1] == 2 ** len(PARTS) and len(table) else pd.DataFrame()


def shared(rows: pd.DataFrame, measure: str) -> Attribution | None:
    """One ratio shared out among the parts; None where not all cells of any block have it."""
    found = cells(rows, RATIOS[measure][0])
    return None if found.empty or (found <= 0).to_numpy().any() else attribute(found, PARTS)


def points(rows: pd.DataFrame, what: str = MEASURED, workload: str = USUALLY) -> Floats | None:
    """Hit ratios in percent, shape (blocks, 16), in the order of the factorial; None where a cell has none."""
    found = cells(rows, "said_hits" if what == REPLAYED else "hits", what, workload)
    if found.empty:
        return None
    return np.asarray(PERCENT * np.exp(log_table(found.clip(lower=1e-9), PARTS)))  # log_table orders the cells


def parted(values: Floats, way: str) -> dict[str, Interval]:
    """What each part adds, in the unit of the values, over blocks."""
    return {part: mean_interval(added) for part, added in zip(PARTS, WAYS[way](values).T, strict=True)}


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per measure and part: its share by Shapley, and what it did first and last."""
    lines = list(_in_points(HITS, points(rows)))
    for measure, (_, words, *_) in RATIOS.items():
        if found := shared(rows, measure):
            for name, part in found.parts.items():
                lines.append({"measure": words, "part": name, "Shapley": part.shapley.changed(),
                              "share": part.shapley.shared(), "alone, first in": part.first.changed(),
                              "last in": part.last.changed()})  # fmt: skip
    if not lines:
        raise InvalidRun("no measure has all sixteen cells in any block")
    return pd.DataFrame(lines).set_index(["measure", "part"])


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Every cell beside its replay, single flight, the workloads."""
    rows = run.rows()
    return {"cells": every_cell(rows), "flight": flight(rows), "workloads": workloads(rows)}


def every_cell(rows: pd.DataFrame) -> pd.DataFrame:
    """Each cell's treatment as counted and as replayed, and its times."""
    told = {
        "hits (%)": ("hits", PERCENT),
        "replayed": ("said_hits", PERCENT),
        "of them second level (%)": ("second_hits", PERCENT),
        "shared reads (%)": ("shared", PERCENT),
        "reads per fetch (%)": ("misses", PERCENT),
        "reads, replayed": ("said_misses", PERCENT),
        "mean (ms)": ("mean_s", MS),
        "p50 (ms)": ("p50_s", MS),
        "p90 (ms)": ("p90_s", MS),
        "p99 (ms)": ("p99_s", MS),
    }
    found = {name: by_cell(cells(rows, value)) for name, (value, _) in told.items()}
    return pd.DataFrame({
        name: {cell: mean_interval(values).text(told[name][1]) for cell, values in column.items()}
        for name, column in found.items() if column
    }).rename_axis("new")  # fmt: skip


def by_cell(found: pd.DataFrame) -> dict[str, list[float]]:
    """``limit, single flight`` -> one value per block, in the order of the factorial; ``nothing``: all old."""
    if found.empty:
        return {}
    names = [str(name) for name in found.columns.names]
    named = {tuple(_new(dict(zip(names, column, strict=True)))): column for column in found.columns}
    return {called(new): found[column].tolist() for new, column in sorted(named.items())}


def called(new: tuple[bool, ...]) -> str:
    """The parts that are new, in words."""
    return ", ".join(part for part, is_new in zip(PARTS, new, strict=True) if is_new) or NOTHING


def _new(cell: Mapping[str, str]) -> list[bool]:
    return [cell[part] == levels[1] for part, levels in PARTS.items()]


def flight(rows: pd.DataFrame) -> pd.DataFrame:
    """What single flight does beside each set of the others: reads without it and with it, and those who waited."""
    reads, waited = by_cell(cells(rows, "misses")), by_cell(cells(rows, "shared"))
    lines = []
    for name in [name for name in reads if FLIGHT not in name]:
        other = FLIGHT if name == NOTHING else f"{name}, {FLIGHT}"
        saved = mean_interval(np.subtract(reads[name], reads[other]))
        lines.append({"beside": name, "reads per fetch without (%)": mean_interval(reads[name]).text(PERCENT),
                      "with (%)": mean_interval(reads[other]).text(PERCENT), "saved (points)": saved.text(PERCENT),
                      "waited for another's (%)": mean_interval(waited[other]).text(PERCENT)})  # fmt: skip
    return pd.DataFrame(lines).set_index("beside") if lines else pd.DataFrame()


def workloads(rows: pd.DataFrame) -> pd.DataFrame:
    """The hit ratio shared out under each workload: replayed, and measured where it was."""
    lines = []
    for what in (REPLAYED, MEASURED):
        for workload in WORKLOADS:
            if (values := points(rows, what, workload)) is not None:
                ends = " to ".join(mean_interval(values[:, end]).text() for end in (0, -1))
                lines += [{"asked": workload, "how": what, "hits (%)": ends, **line}
                          for line in _in_points("", values)]  # fmt: skip
    kept = pd.DataFrame(lines).drop(columns="measure", errors="ignore")
    return kept.set_index(["asked", "how", "part"]) if lines else kept


def _in_points(measure: str, values: Floats | None) -> list[dict[str, str]]:
    if values is None:
        return []
    ways = {way: parted(values, way) for way in WAYS}
    whole = values[:, -1] - values[:, 0]
    shares = [ratio_interval(added, whole) for added in shapley(values).T]
    return [
        {
            "measure": measure,
            "part": part,
            "Shapley": ways["Shapley"][part].text(),
            "share": Step(ways["Shapley"][part], share).shared(),
            **{way: ways[way][part].text() for way in ("alone, first in", "last in")},
        }
        for part, share in zip(PARTS, shares, strict=True)
    ]


def by_rate(rows: pd.DataFrame, value: str = "said_misses") -> dict[str, dict[float, Interval]]:
    """Cell in words -> rate -> a share of the fetches, replayed; by default those that read the origin."""
    found = some(rows, BY_RATE)
    told: dict[str, dict[float, Interval]] = {}
    for rate, own in found.groupby("rate"):
        for cell, values in by_cell(by_block(own, value, list(PARTS))).items():
            told.setdefault(cell, {})[float(str(rate))] = mean_interval(values)
    return told


def sent(rows: pd.DataFrame, workload: str) -> Interval:
    """Notes sent per fetch: what filling at upload can turn into hits, where each is missed once."""
    return mean_interval(some(rows, REPLAYED, workload).groupby("block")["sent"].mean())


def second_alone(rows: pd.DataFrame, level: float = 0.95) -> Interval:
    """Hit ratio in points: two levels less one, at the old size, with nothing else changed."""
    values = points(rows)
    if values is None:
        raise InvalidRun("no block has all sixteen cells")
    return mean_interval(first_in(values)[:, list(PARTS).index("second level")], level)


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    values = points(rows)
    if values is None:
        return "No block has all sixteen cells: nothing can be shared out."
    ends = " to ".join(mean_interval(values[:, end]).text() for end in (0, -1))
    parts, alone = parted(values, "Shapley"), parted(values, "alone, first in")
    told = ", ".join(f"{part} {found.text()} (alone {alone[part].text()})" for part, found in parts.items())
    others = []
    for workload in list(WORKLOADS)[1:]:
        if (found := points(rows, REPLAYED, workload)) is not None:
            filled = parted(found, "Shapley")["filled at upload"]
            others.append(f"{filled.text()} with {workload}")
    reads = shared(rows, "reads")
    saved = f"; {FLIGHT} makes the reads {reads.parts['single flight'].shapley.changed()}" if reads else ""
    beside = f"; replayed, filling at upload moves {', '.join(others)}" if others else ""
    bound = f"each sent note is first asked for once, {sent(rows, USUALLY).text(PERCENT)} % of the fetches"
    slowly = by_rate(rows, "said_hits")
    slow = " to ".join(slowly[cell][RATES[0]].text(PERCENT) for cell in (NOTHING, EVERYTHING))
    return (
        f"At {RATE:,.0f} requests/s the hits go from {ends} % (replayed at {RATES[0]:g}/s: {slow} %), in points: "
        f"{told}{saved}; {bound}{beside}."
    )
