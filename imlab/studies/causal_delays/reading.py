"""Stages held up on purpose, read from stored rows: what each is worth, and what that predicts of the four changes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from imlab.lab.attribution.shares import change_text
from imlab.lab.record.reading import Run
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.studies.causal_delays.cases import NEVER, STAGES
from imlab.studies.causal_delays.factorial import MEASURES, Earned, earned
from imlab.studies.causal_delays.predicted import (
    DATABASE_S,
    FACTORS,
    FIRST,
    FIRST_BYTE_S,
    LAST,
    NOT_PREDICTED,
    Prediction,
    Predictor,
)
from imlab.studies.causal_delays.slopes import Measured, Slope

MS, US, PERCENT = 1e3, 1e6, 100.0
LEAST_S = 1e-4  # seconds: below it no response lies, whatever a straight line says
UNMEASURED = "not measured: no run of q16_who_earned_it"


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per side and stage: how often it is passed, and what a millisecond of it costs the response."""
    measured = Measured(rows)
    medians = {(one.side, one.stage): one for one in _slopes(measured, "p50_s")}
    return pd.DataFrame([
        {"side": one.side, "stage": one.stage, "in words": STAGES[one.stage],
         "passes a request": mean_interval(one.passes).text(),
         "mean, ms per ms": one.interval.text(),
         "for each time it is passed": one.each.text() if one.passed else "never passed",
         "p50, ms per ms": median.interval.text() if (median := medians.get((one.side, one.stage))) else "",
         "seen": _seen(one)}
        for one in measured.slopes("mean_s")
    ]).set_index(["side", "stage"])  # fmt: skip


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Predictions beside what was measured, and costs."""
    measured = Measured(run.rows())
    return {"predictions": predictions(measured, earned(run)), "costs": costs(measured)}


def predictions(measured: Measured, known: Earned | None) -> pd.DataFrame:
    """A line per measure, factor and place; off by: predicted less measured, in points."""
    lines = []
    for value, called in MEASURES.items():
        for factor, when, how, predicted in _every(measured, value):
            real = _known(known, value, factor, when)
            off = (predicted.estimate - real.estimate) * PERCENT if predicted and real else math.nan
            lines.append({"measure": called, "change": factor, "place": when, "by": how,
                          "predicted": change_text(predicted) if predicted else "",
                          "measured": change_text(real) if real else UNMEASURED,
                          "off by (points)": "" if math.isnan(off) else f"{off:+.1f}",
                          "where": known.whence if real and known else ""})  # fmt: skip
    return pd.DataFrame(lines).set_index(["measure", "change", "place"])


def costs(measured: Measured) -> pd.DataFrame:
    """What the stages cost alone, and the distances that are stated."""
    found = {"encode json": "framing an answer, JSON", "encode protobuf": "framing an answer, protobuf",
             "decode json": "the client decodes JSON", "decode protobuf": "the client decodes protobuf",
             "find, kept": "asking the database, connection kept", "find, fresh": "the same, a new connection",
             "get, kept": "reading an object, connection kept", "get, fresh": "the same, a new connection",
             "look, kept": "looking at the second level, connection kept", "look, fresh": "the same, a new connection",
             "accept": "a client's own connection, beside one that is kept"}  # fmt: skip
    lines = [
        {"what": words, "us": mean_interval(measured.cost_s(of)).text(US), "from": "measured, nobody else about"}
        for of, words in found.items()
    ]
    lines += [{"what": words, "us": f"{seconds * US:,.0f}", "from": "stated"}
              for words, seconds in (("the first byte of an object, on average", FIRST_BYTE_S),
                                     ("the database's way, there and back", DATABASE_S))]  # fmt: skip
    return pd.DataFrame(lines).set_index("what")


def effects(measured: Measured, known: Earned | None, value: str) -> dict[str, Effect]:
    """Predicted, and measured where it was, for a figure."""
    found: dict[str, Effect] = {}
    told = [one for one in _all(measured, value) if (one.before > 0).all()]
    for when, place in ((FIRST, "first in"), (LAST, LAST)):
        for factor in FACTORS:
            found |= {f"{factor}, {place}: {one.how}": paired(one.before, np.maximum(one.after, LEAST_S))
                      for one in told if (one.factor, one.when) == (factor, when)}  # fmt: skip
            if known and (logs := known.logs.get((value, factor, when))) is not None:
                found[f"{factor}, {place}: measured"] = paired(np.ones(len(logs)), np.exp(logs))
    return found


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    measured, known = Measured(run.rows()), earned(run)
    slopes = measured.slopes("mean_s")
    passed = [one for one in slopes if one.passed]
    found = sum(one.found for one in passed)
    never = next(one for one in slopes if (one.side, one.stage) == NEVER)
    waits = [one.each.estimate for one in passed if one.stage != "frame"]
    burns = {one.side: one.each.text() for one in passed if one.stage == "frame"}
    said = []
    for factor, when, how, predicted in _every(measured, "mean_s"):
        real = _known(known, "mean_s", factor, when)
        if predicted is not None and when == FIRST:
            beside = f"measured {change_text(real)}" if real else "not measured"
            said.append(f"{factor} ({how}) {change_text(predicted)}, {beside}")
    return (
        f"Delays are seen in {found} of {len(passed)} stages that they were put into, and where no request passes "
        f"the mean moves by {never.interval.text()} ms per ms; for each ms and pass the mean takes "
        f"{min(waits):.2g} to {max(waits):.2g} ms longer where a stage waits, and where it burns processor time "
        f"{burns['old']} ms in the old architecture, {burns['new']} in the new; so, each change alone, the mean should "
        f"change by: {'; '.join(said)}; asynchrony: {NOT_PREDICTED}."
    )


def _every(measured: Measured, value: str) -> Iterator[tuple[str, str, str, Interval | None]]:
    """Each factor and place with its predictions, or the word that there is none."""
    told = _all(measured, value)
    for when in (FIRST, LAST):
        for factor in FACTORS:
            of = [one for one in told if (one.factor, one.when) == (factor, when)]
            yield from ((factor, when, one.how, _ratio(one)) for one in of)
            if not of:
                yield factor, when, NOT_PREDICTED, None


def _all(measured: Measured, value: str) -> list[Prediction]:
    return list(Predictor(measured, value).all()) if measured.has(value) else []


def _ratio(one: Prediction) -> Interval:
    return one.change.map(lambda change: 1 + change)


def _known(known: Earned | None, value: str, factor: str, when: str) -> Interval | None:
    logs = known.logs.get((value, factor, when)) if known else None
    return None if logs is None else mean_interval(logs).map(math.exp)


def _slopes(measured: Measured, value: str) -> list[Slope]:
    return measured.slopes(value) if measured.has(value) else []


def _seen(one: Slope) -> str:
    """Whether the response tells of it."""
    if not one.interval.given:
        return one.interval.method
    return "yes" if one.found else "no"
