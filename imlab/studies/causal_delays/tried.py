"""What a trial does: one case asked by the clock, its delays counted; or the stages' own costs, without a load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imlab.errors import InvalidRun
from imlab.lab.load.validity import Validity
from imlab.lab.plan.design import Row, Trial
from imlab.studies.architectures.stage import stage
from imlab.studies.architectures.timed import Caches
from imlab.studies.architectures.windows import open_window
from imlab.studies.architectures.workload import USUAL
from imlab.studies.cache_hits.tried import AWAY_S, doubts
from imlab.studies.causal_delays.cases import SIDES, Case
from imlab.studies.causal_delays.costs import TIMES, accepting, costs
from imlab.studies.who_earned_it.cells import RATE

ASKED, COST = "asked", "cost"
WINDOW_S = {"smoke": 0.6, "quick": 1.9, "full": 10.0}
WARM_UP_S = {"smoke": 0.1, "quick": 0.3, "full": 1.0}
LATE_S = 0.003  # a delay may be so much longer, on average, than it was asked for: timers, and a core that is taken
PLACES = ("database", "objects", "cache")


def asked(trial: Trial, case: Case) -> Iterator[Row]:
    """One window; in the new architecture as it is, what a client's connection costs, too."""
    scale, side = trial.scale, SIDES[case.side]
    with stage(trial, side, USUAL, slowed=case.slowed) as here:
        before = here.counters()
        seen = open_window(here, RATE, WINDOW_S[scale], WARM_UP_S[scale], smoke=True)  # judged here
        after, count = here.counters(), len(seen.load.intended)
        told = {"side": case.side, "stage": case.stage, "asked_s": case.delay_s}
        counted = passed(before, after, count, case.stage)
        questions = {f"{place}_questions": (after[f"imlab_doors_{place}_questions"]
                                            - before[f"imlab_doors_{place}_questions"]) / count
                     for place in PLACES}  # fmt: skip
        said = Caches(here.asked, side.caching).found(seen.load.intended, AWAY_S)
        why = Validity(errors=1.0).reasons(seen.load, seen.warm_up_s) + list(doubts(seen.treatment, said))
        why += list(amiss(case, counted))
        if why and scale != "smoke":
            raise InvalidRun("; ".join(why))
        yield {"what": ASKED, **told, **seen.row(), **counted, **questions}
        if case == Case("new"):
            yield {"what": COST, "of": "accept", "cost_s": accepting(here.service.address, TIMES[scale])}


def passed(before: Mapping[str, float], after: Mapping[str, float], requests: int, stage: str) -> dict[str, float]:
    """How often a request passes the slowed stage, and how long it was really held up each time."""
    if not stage:
        return {"passes": 0.0, "delay_s": 0.0}
    total, seconds = (f"imlab_delay_{stage}_total", f"imlab_delay_{stage}_seconds_total")
    count, took = (after[name] - before[name] for name in (total, seconds))
    return {"passes": count / requests, "delay_s": took / count if count else 0.0}


def amiss(case: Case, counted: Mapping[str, float]) -> Iterator[str]:
    """Why this is not the delay that there should have been."""
    if counted["passes"] and not case.delay_s - 0.001 <= counted["delay_s"] <= case.delay_s + LATE_S:
        yield f"{case.stage} was held up for {counted['delay_s'] * 1e3:.2f} ms, not {case.delay_s * 1e3:g}"


def priced(trial: Trial) -> Iterator[Row]:
    """The stages' own costs."""
    assert trial.scratch is not None
    found = costs(USUAL.catalogue.shelf(), trial.scratch, TIMES[trial.scale])
    yield from ({"what": COST, "of": name, "cost_s": seconds} for name, seconds in found.items())
