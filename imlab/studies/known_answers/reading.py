"""Known answers read from stored rows: the table of right and wrong, the figures, the sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from imlab.lab.plan.factorial import label
from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.ecdf import ecdf
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.plots.forest import forest
from imlab.lab.plots.percentiles import percentiles
from imlab.lab.plots.timeline import canary_timeline
from imlab.lab.record.reading import Run
from imlab.lab.statistics.intervals import FEWEST
from imlab.lab.statistics.sample_size import advice
from imlab.studies.known_answers import checks as known
from imlab.studies.known_answers.cases import (
    COLLECTS,
    FOUR_LINES,
    GENERATOR,
    ONE_LINE,
    STALLS,
    TOLERANCE,
    Case,
)

RIGHT = {True: "yes", False: "NO", None: "cannot be said"}
MARGINS = (0.01, 0.03, 0.10)  # that people ask a machine to see


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per known answer."""
    return pd.DataFrame(
        [
            {"asked": check.asked, "known": check.known, "found": check.found, "right": RIGHT[check.right]}
            for check in known.checks(known.trustworthy(rows))
        ]
    )


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The canaries, how many blocks an effect needs here, the generator rate by rate."""
    rows = known.trustworthy(run.rows())
    return {
        "canaries": pd.DataFrame(_canaries(run)),
        "advice": pd.DataFrame(_advice(rows)),
        "generator": pd.DataFrame(_rungs(rows)),
    }


def figures(run: Run) -> dict[str, Plot]:
    """The controls; queues and pauses beside their truth; the generator's own lateness; the canaries."""
    rows, stamp = known.trustworthy(run.rows()), imprint(run)
    return {
        "controls": forest(known.controls(rows), "What this machine says of nothing, and of 3 %", "p50", stamp),
        "queues": _beside(rows, (ONE_LINE, FOUR_LINES), "Queues beside their truth", stamp),
        "pauses": percentiles(
            dict(_pairs(rows, (STALLS, COLLECTS))), "A stall and a collector beside their truth", imprint=stamp
        ),
        "generator": _lateness(rows, stamp),
        "canaries": canary_timeline(run),
    }


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = known.trustworthy(run.rows())
    found = known.checks(rows)
    judged = [check for check in found if check.right is not None]
    wrong = [f"{check.asked}: {check.found}" for check in judged if not check.right]
    if not judged:
        return f"Nothing can be said: under {FEWEST} blocks there is no interval."
    more = known.controls(rows)["3 % more delay"]
    told = f"3 % more delay is found as {more.change.text(100, '%')}; {known.own_lag(rows)}"
    if wrong:
        return f"{len(wrong)} of {len(judged)} known answers were missed ({'; '.join(wrong)}): do not trust this " \
               f"machine now; {told}."  # fmt: skip
    return (
        f"All {len(judged)} known answers were found, systems within {TOLERANCE:.0%} of their truth; nothing under "
        f"{known.floor(rows):.2%} means anything here (the same system twice); {told}."
    )


def _beside(rows: pd.DataFrame, cases: Sequence[Case], title: str, stamp: Imprint) -> Plot:
    return ecdf(dict(_pairs(rows, cases)), title, "latency", imprint=stamp)


def _pairs(rows: pd.DataFrame, cases: Sequence[Case]) -> Iterator[tuple[str, pd.Series]]:
    """What was known and what was measured, in seconds."""
    for case in cases:
        own = known.asked_of(rows, case)
        yield f"{case.name}, known", own["truth_us"] * 1e-6
        yield f"{case.name}, measured", own["latency_us"] * 1e-6


def _lateness(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """Lag over rate."""
    lines = {
        name: [Point(rate, seen) for rate, seen in known.lateness(rows, column).items()]
        for name, column in (("p50", "lag_p50_us"), ("p99", "lag_p99_us"))
    }
    panel = Panel("generator's own lag (ms)", {name: [_ms(point) for point in line] for name, line in lines.items()})
    return curves([panel], "How late the generator is, with the server on another core", "offered arrivals per second",
                  "a rate that it could not offer is left out; medians over blocks with 95 % intervals",
                  imprint=stamp)  # fmt: skip


def _ms(point: Point) -> Point:
    return Point(point.x, point.y.map(lambda seconds: seconds * 1e3))


def _rungs(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """One line per rate: lag over blocks, how busy, in how many blocks the generator was the limit, and why."""
    middles, tails = known.lateness(rows, "lag_p50_us"), known.lateness(rows)
    rungs = rows[rows["case"] == label(GENERATOR)]
    for here in GENERATOR.rates:
        seen = rungs[rungs["rate"] == here]
        if seen.empty:
            continue
        beyond = seen["limit"].dropna() if "limit" in seen else seen.iloc[:0]["case"]
        yield {
            "arrivals/s": here,
            "lag p50": middles[here].text(1e3, "ms") if here in middles else "",
            "lag p99": tails[here].text(1e3, "ms") if here in tails else "",
            "busy": f"{seen['busy'].mean():.0%}",
            "blocks at its limit": f"{len(beyond)} of {seen['block'].nunique()}",
            "why": beyond.iloc[0] if len(beyond) else "",
        }


def _canaries(run: Run) -> Iterator[dict[str, object]]:
    """Each loop's cost, and how far it moved over the run."""
    for name, seen in run.manifest.canaries.items():
        yield {"canary": name} | {what: round(value, 9) for what, value in seen.items()}


def _advice(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Blocks that an effect of a size needs on this machine, from nothing against nothing."""
    nothing = next(iter(known.controls(rows).values()))
    if len(nothing.blocks) < FEWEST:
        return
    for margin in MARGINS:
        told = advice(nothing, margin)
        yield {
            "a difference of": f"{margin:.0%}",
            "blocks to find it": told.to_find,
            "blocks to exclude it": told.to_exclude,
            "to be safe": told.cautious,
        }
