"""What a trial of one cell does: a window on a real service, and replays of what it was not asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imlab.errors import InvalidRun
from imlab.lab.load.script import FETCH, SEND
from imlab.lab.load.validity import Validity
from imlab.lab.plan.design import Row, Trial
from imlab.stack.service.first_byte import FirstByte
from imlab.studies.architectures.manipulation import KEPT, Treatment
from imlab.studies.architectures.stage import stage
from imlab.studies.architectures.timed import Caches, Found, evenly
from imlab.studies.architectures.windows import open_window
from imlab.studies.architectures.workload import Asked
from imlab.studies.cache_hits.cells import RATE, RATES, USUALLY, WORKLOADS, architecture, caching

MEASURED, REPLAYED, BY_RATE = "measured", "replayed", "by rate"
FAR = FirstByte()
AWAY_S = (FAR.low_s + FAR.high_s) / 2 + 0.002  # a read: the first byte, the database's way, and some work
WINDOW_S = {"smoke": 0.8, "quick": 1.25, "full": 4.0}
WARM_UP_S = 0.15  # the caches are warm when it begins: connections, code
ASKED = {"smoke": (USUALLY,), "quick": (USUALLY,), "full": tuple(WORKLOADS)}  # of a real service
WITHIN = 0.015  # of the fetches: how far counts and replay may be apart


def measured(trial: Trial, workload: str) -> Row:
    """One window, and what the replay says of the same requests at the same moments."""
    cell, smoke = architecture(trial.settings), trial.scale == "smoke"
    with stage(trial, cell, WORKLOADS[workload]) as here:
        seen = open_window(here, RATE, WINDOW_S[trial.scale], WARM_UP_S, smoke=True)  # judged here: see doubts
        said = Caches(here.asked, cell.caching).found(seen.load.intended, AWAY_S)
    why = Validity(errors=1.0).reasons(seen.load, WARM_UP_S) + list(doubts(seen.treatment, said))
    if (each := seen.treatment.connections) > KEPT:
        why.append(f"{each:.2f} connections a request, where they should be kept")
    if why and not smoke:
        raise InvalidRun("; ".join(why))
    return {"what": MEASURED, "workload": workload, **seen.row(), **_told(said)}


def doubts(counted: Treatment, said: Found) -> Iterator[str]:
    """Where a window did not find what caching so would find."""
    for name in ("hits", "second_hits", "shared", "misses"):
        here, there = getattr(counted, name), getattr(said, name)
        if abs(here - there) > WITHIN:
            yield f"{name} of the fetches: {here:.1%} counted, {there:.1%} replayed"


def replayed(trial: Trial) -> Iterator[Row]:
    """The whole script of each workload, at the same rate, and the usual one at others."""
    for name, workload in WORKLOADS.items():
        asked = workload.drawn(trial.rng(), workload.catalogue.shelf())
        caches, count = Caches(asked, caching(trial.settings)), len(asked.kinds)
        found = caches.found(evenly(RATE, count), AWAY_S)
        yield {"what": REPLAYED, "workload": name, "sent": _sent(asked), **_told(found)}
        if name == USUALLY:
            for rate in RATES:
                yield {"what": BY_RATE, "rate": rate, **_told(caches.found(evenly(rate, count), AWAY_S))}


def _told(said: Found) -> Mapping[str, float]:
    return {"said_hits": said.hits, "said_second_hits": said.second_hits, "said_shared": said.shared,
            "said_misses": said.misses}  # fmt: skip


def _sent(asked: Asked) -> float:
    """Notes sent per fetch: each has one first fetch, and that is what filling at upload can turn into a hit."""
    return float((asked.kinds == SEND).sum() / (asked.kinds == FETCH).sum())
