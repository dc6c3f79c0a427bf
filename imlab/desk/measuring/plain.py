"""What a study says that has no words of its own: a table, figures and a sentence on the latencies of its cells.

The first cell is what the others are held against, at the median and at the 99th percentile, block by block; a study
without factors is told as it is. More words than that need the study's own ``answer``, ``figures``, ``conclusion``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.plots.ecdf import MARKED, ecdf
from imlab.lab.plots.figure import COLOURS, Plot, imprint
from imlab.lab.plots.forest import forest
from imlab.lab.plots.percentiles import percentiles
from imlab.lab.record.latencies import Latencies, latencies
from imlab.lab.record.quantiles import quantiles
from imlab.lab.record.reading import Run
from imlab.lab.statistics.effect import Effect
from imlab.lab.statistics.multiple import adjusted

COMPARED = {"p50": 0.5, "p99": 0.99}
SHOWN = (0.5, 0.9, 0.99)
FEW = 0.001  # of requests that waited for a lane: fewer move no percentile that is told


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Per cell, over all its requests: how many, how many failed, and percentiles in ms, empty where withheld.

    ``rows`` are trusted; the factors are the columns between the lab's own. Without ``latency_s`` the table is empty.
    """
    if "latency_s" not in rows:
        return pd.DataFrame()
    names = list(rows.columns)
    factors = names[names.index("seed") + 1 : names.index("outcome")]
    return pd.DataFrame([_line(some, factors) for _, some in rows.groupby("cell")])


def figures(run: Run) -> dict[str, Plot]:
    """Effects against the first cell, then the percentiles, then the distributions where no percentile marked on them
    is withheld for a late generator; none where the rows have no latency, and effects alone of many cells.
    """
    try:
        told = latencies(run)
    except InvalidRun:
        return {}
    question = " ".join(run.manifest.question.split())
    drawn = dict(_effects(told, question, run))
    if len(told.cells) <= len(COLOURS):
        samples = {name: some["latency_s"] for name, some in told.cells.items()}
        lags = {name: some["lag_s"] for name, some in told.cells.items() if "lag_s" in some}
        drawn["percentiles"] = percentiles(samples, question, lags=lags, imprint=imprint(run))
        if not any(_late(some) for some in told.cells.values()):
            drawn["distribution"] = ecdf(samples, question, imprint=imprint(run))
    return drawn


def conclusion(run: Run) -> str:
    """Every cell against the first at p50 and p99, each with its interval and verdict, or why there is none."""
    told = latencies(run)
    parts = [f"At {name}, {_sentence(told, q)}." for name, q in COMPARED.items()]
    if len(told.cells) > 1:
        parts.append(f"Margin {told.margin * 100:.3g} %.")
    if told.waited >= FEW:
        parts.append(f"{told.waited * 100:.3g} % of requests waited for a free lane, which is in their latency.")
    return " ".join(parts)


def _line(some: pd.DataFrame, factors: list[str]) -> dict[str, object]:
    """One cell of the table."""
    found = quantiles(some["latency_s"], SHOWN, some.get("lag_s"))
    times = {f"{one.name}_ms": math.nan if one.value is None else one.value * 1e3 for one in found}
    sizes = {"blocks": some["block"].nunique(), "requests": len(some), "failed": int(some["latency_s"].isna().sum())}
    return {factor: some.iloc[0][factor] for factor in factors} | sizes | times


def _late(some: pd.DataFrame) -> bool:
    """Whether the generator was too late, in a cell, for one of the percentiles that are marked."""
    return any("late" in one.withheld for one in quantiles(some["latency_s"], MARKED, some.get("lag_s")))


def _effects(told: Latencies, question: str, run: Run) -> Iterator[tuple[str, Plot]]:
    """The forest, where there is something to compare and a percentile to compare it by."""
    found: dict[str, Effect] = {}
    for at, q in COMPARED.items():
        try:
            found |= {f"{name}\n{at}": effect for name, effect in told.effects(q).items()}
        except InvalidRun:
            continue  # the sentence says why
    if found:
        yield "effects", forest(found, question, f"latency against {next(iter(told.cells))}", imprint(run))


def _sentence(told: Latencies, q: float) -> str:
    """What may be said at one percentile."""
    try:
        effects = told.effects(q)
        if not effects:
            return f"{told.typical(q).text(1e3, 'ms')}"
    except InvalidRun as error:
        return f"withheld ({error})"
    words: Mapping[str, str] = {name: effect.text() for name, effect in effects.items()}
    if len(effects) > 1:
        words = {name: effect.text() for name, effect in adjusted(effects).items()}
    return f"against {next(iter(told.cells))}: " + ", ".join(f"{name} {text}" for name, text in words.items())
