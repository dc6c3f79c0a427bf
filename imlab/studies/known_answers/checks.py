"""Each known answer beside what was found, and whether that is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.known.systems import Queue
from imlab.lab.known.theory import Steady
from imlab.lab.plan.factorial import label
from imlab.lab.record.quantiles import ABOVE
from imlab.lab.record.reading import trusted
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import Interval, median_interval
from imlab.studies.known_answers.cases import AGAIN, AIM, GENERATOR, HELD, PLAIN, SLOWER, TOLERANCE, Case
from imlab.studies.q00_can_you_trust_this_machine import EXPERIMENT

MIDDLE, TAILS = 0.5, (0.99, 0.95, 0.9, 0.75)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is known. ``right`` is None where the blocks do not carry an interval."""

    asked: str
    known: str
    found: str
    right: bool | None


def checks(rows: pd.DataFrame) -> list[Check]:
    """The controls first, then every system against its truth."""
    return [*_controls(rows), *(check for case in HELD for check in _held(rows, case))]


def asked_of(rows: pd.DataFrame, case: Case) -> pd.DataFrame:
    """The requests to one system that were answered."""
    own = rows[rows["case"] == label(case)]
    if own.empty or (answered := own.dropna(subset=["latency_us"])).empty:
        raise InvalidRun(f"no request to {case.name} can be counted: its trials failed or were rejected")
    return answered


def controls(rows: pd.DataFrame) -> dict[str, Effect]:
    """Nothing against nothing, and 3 % against nothing, at p50; what is known -> the effect."""
    against = {"the same system again": AGAIN, "3 % more delay": SLOWER}
    plain = _by_block(rows, PLAIN, MIDDLE)
    return {name: _effect(plain, _by_block(rows, case, MIDDLE), EXPERIMENT.margin) for name, case in against.items()}


def floor(rows: pd.DataFrame) -> float:
    """What nothing against nothing may show here: the far end of its 95 % interval, relative; NaN without one."""
    nothing = next(iter(controls(rows).values())).change
    return max(abs(nothing.low), abs(nothing.high))


def lateness(rows: pd.DataFrame, quantile: str = "lag_p99_us") -> dict[int, Interval]:
    """The generator's own lag in seconds, rate by rate, over blocks."""
    rungs = rows[(rows["case"] == label(GENERATOR)) & rows["limit"].isna()] if "limit" in rows else rows.iloc[:0]
    rates = sorted({int(rate) for rate in rungs["rate"].tolist()})
    return {rate: median_interval(rungs[rungs["rate"] == rate][quantile].to_numpy() * 1e-6) for rate in rates}


def own_lag(rows: pd.DataFrame) -> str:
    """How late the generator was at the rate that is asked for, in words."""
    seen = lateness(rows).get(AIM)
    told = seen.text(1e3, "ms") if seen else "not reached: the generator could not offer it"
    return f"p99 of its own lag at {AIM:,} arrivals/s: {told}"


def _controls(rows: pd.DataFrame) -> Iterator[Check]:
    nothing, more = controls(rows).items()
    yield Check(nothing[0], "no difference", nothing[1].text(), _judged(nothing[1], not nothing[1].seen
                or nothing[1].verdict == "equivalent"))  # fmt: skip
    yield Check(more[0], "slower, +3 %", more[1].text(), _judged(more[1], more[1].verdict == "slower"))


def _held(rows: pd.DataFrame, case: Case) -> Iterator[Check]:
    """The middle, and the furthest tail that every block can show, against the truth of the same requests."""
    fewest = int(asked_of(rows, case).groupby("block").size().min())
    allowed = [q for q in (MIDDLE, *sorted(TAILS)) if fewest * (1 - q) >= ABOVE - 1e-9]
    if not allowed:
        yield Check(case.name, "its truth", f"n too small ({fewest} requests in a block)", None)
    for q in dict.fromkeys((allowed[0], allowed[-1]) if allowed else ()):
        true, seen = _by_block(rows, case, q, "truth_us"), _by_block(rows, case, q)
        effect = _effect(true, seen, TOLERANCE)
        known = f"{true.mean() / 1e3:.3g} ms in these requests{_long_run(case, q)}"
        found = f"{seen.mean() / 1e3:.3g} ms: {effect.text()}"
        yield Check(f"{case.name}, p{q * 100:g}", known, found, _judged(effect, effect.verdict == "equivalent"))


def _long_run(case: Case, q: float) -> str:
    """What theory says of a queue that runs for ever."""
    if not isinstance(case.system, Queue):
        return ""
    return f" ({Steady(case.system, case.rate).quantile(q) * 1e3:.3g} in the long run)"


def _by_block(rows: pd.DataFrame, case: Case, q: float, column: str = "latency_us") -> pd.Series:
    """One quantile of each block, in microseconds."""
    return asked_of(rows, case).groupby("block")[column].quantile(q, interpolation="higher")


def _effect(old: pd.Series, new: pd.Series, margin: float) -> Effect:
    """Over the blocks that both have."""
    both = pd.concat([old, new], axis=1, join="inner").to_numpy(float)
    if len(both) == 0:
        raise InvalidRun("no block was kept in which both sides were measured")
    return paired(both[:, 0], both[:, 1], margin)


def _judged(effect: Effect, right: bool) -> bool | None:
    return right if effect.change.given else None


def trustworthy(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that may be counted; InvalidRun without any."""
    sound = trusted(rows)
    if sound.empty:
        raise InvalidRun("nothing can be counted: every trial failed or was rejected")
    return sound
