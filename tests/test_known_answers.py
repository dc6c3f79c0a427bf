"""What the study of known answers calls right and wrong: rows are made here by its own systems, and then bent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from imlab.errors import InvalidRun
from imlab.lab.known.systems import truth
from imlab.lab.load.schedule import Poisson
from imlab.lab.plan.factorial import label
from imlab.studies.known_answers.cases import AGAIN, AIM, CASES, COLLECTS, GENERATOR, ONE_LINE, PLAIN, SLOWER, Case
from imlab.studies.known_answers.checks import checks, controls, floor, own_lag, trustworthy
from imlab.studies.known_answers.reading import table
from imlab.studies.q00_can_you_trust_this_machine import EXPERIMENT

WAY_US = 150.0  # there and back


def block(case: Case, number: int) -> pd.DataFrame:
    """One window of a system that answers as it should, over a way that takes a little."""
    rng = np.random.default_rng((number, CASES.index(case)))
    arrivals = Poisson(case.rate, 2.0).draw(np.random.default_rng(number))
    known = (truth(case.system, arrivals, number) - arrivals) * 1e6
    return pd.DataFrame(
        {
            "block": number,
            "case": label(case),
            "latency_us": known + WAY_US * rng.uniform(0.8, 1.2, len(known)),
            "truth_us": known,
        }
    )


def rungs(number: int) -> pd.DataFrame:
    """The generator's own lateness; the last rate was too much."""
    lag = {"lag_p50_us": 40.0, "lag_p99_us": 300.0 + number, "busy": 0.2}
    lines = [{"block": number, "case": label(GENERATOR), "rate": rate} | lag for rate in GENERATOR.rates]
    return pd.DataFrame(lines).assign(limit=pd.Series([None] * (len(lines) - 1) + ["achieved 0.9"]))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Seven sound blocks."""
    cases = [case for case in CASES if isinstance(case, Case)]
    parts = [block(case, number) for number in range(7) for case in cases] + [rungs(number) for number in range(7)]
    return pd.concat(parts, ignore_index=True).assign(outcome="ok", kept=True)


def of(rows: pd.DataFrame, case: Case) -> pd.Series:
    return rows["case"] == label(case)


def test_a_sound_machine_gets_everything_right(rows: pd.DataFrame) -> None:
    found = checks(rows)
    assert [check.asked for check in found if check.right is not True] == []
    assert len(found) == 10, "two controls, and a middle and a tail of four systems"


WRONGS: list[tuple[str, Case, Callable[[pd.Series], pd.Series], list[str]]] = [
    ("nothing looks like something", AGAIN, lambda seen: seen * 1.04, ["the same system again"]),
    ("3 % is not seen", SLOWER, lambda seen: seen / 1.03, ["3 % more delay"]),
    ("3 % is seen the wrong way round", SLOWER, lambda seen: seen / 1.06, ["3 % more delay"]),
    ("a queue is too fast", ONE_LINE, lambda seen: seen * 0.9, ["M/M/1, p50", "M/M/1, p90"]),
    ("pauses are not felt", COLLECTS, lambda seen: seen.clip(upper=20_300.0), ["collector, p95"]),
]


@pytest.mark.parametrize(("case", "bend", "wrong"), [case[1:] for case in WRONGS], ids=[case[0] for case in WRONGS])
def test_what_is_wrong_is_called_so(
    rows: pd.DataFrame, case: Case, bend: Callable[[pd.Series], pd.Series], wrong: list[str]
) -> None:
    bent = rows.copy()
    bent.loc[of(rows, case), "latency_us"] = bend(rows.loc[of(rows, case), "latency_us"])
    assert [check.asked for check in checks(bent) if check.right is False] == wrong
    assert (table(bent)["right"] == "NO").sum() == len(wrong)


def test_under_six_blocks_nothing_is_judged(rows: pd.DataFrame) -> None:
    few = rows[rows["block"] < 5]
    assert {check.right for check in checks(few)} == {None}


def test_the_floor_is_what_nothing_may_show(rows: pd.DataFrame) -> None:
    nothing = controls(rows)["the same system again"].change
    assert floor(rows) == max(-nothing.low, nothing.high) < EXPERIMENT.margin


def test_lateness_is_told_at_the_rate_that_is_asked_for_and_not_where_the_generator_was_the_limit(
    rows: pd.DataFrame,
) -> None:
    assert own_lag(rows).startswith(f"p99 of its own lag at {AIM:,} arrivals/s: 0.303 [")
    limited = rows.assign(limit=rows["limit"].mask(rows["rate"] == AIM, "busy"))
    assert "could not offer it" in own_lag(limited)


def test_rows_that_may_not_be_counted_say_nothing(rows: pd.DataFrame) -> None:
    with pytest.raises(InvalidRun):
        trustworthy(rows.assign(kept=False))
    with pytest.raises(InvalidRun, match="constant"):
        checks(rows[~of(rows, PLAIN)])
