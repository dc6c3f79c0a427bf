"""What does a bad network do to a voice note, and can it be predicted?"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from math import isnan
from typing import TYPE_CHECKING

from imlab.audio.speech.corpus import open_corpus
from imlab.codec.opus import Opus
from imlab.errors import InvalidRun
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.net.kernel.validation import validate
from imlab.net.tun import refusal
from imlab.studies.links.lighter import lighter
from imlab.studies.links.parts import parts
from imlab.studies.links.real import CONGESTION, Carried, carry
from imlab.studies.links.simulated import tap_once
from imlab.studies.links.taps import FRESH, LENGTHS_S, Tap, lengths, rng_of, taps
from imlab.studies.stop_to_play.takes import Take, takes

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.claims.claim import Evidence
    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.links.reading"  # pandas and matplotlib: not for a trial's process

VIRTUAL, TUN = "virtual", "tun"
CODEC = Opus(bitrate=24_000, frame_ms=20)
DRAWS = {"smoke": 3, "quick": 20, "full": 20}  # times that each tap is simulated, each with luck of its own
APART = {"smoke": 1, "quick": 2, "full": 4}  # of these, that are taken apart, in 64 simulations each


def attempt(trial: Trial) -> Iterator[Row]:
    """All taps of a block in one engine: what each took, and in virtual time what that is made of."""
    yield from (_simulated if trial.settings["engine"] == VIRTUAL else _through_tun)(trial)


def _simulated(trial: Trial) -> Iterator[Row]:
    for tap, take in recordings(trial):
        note = take.stop(tap.note_id, tap.sender, tap.room, 0)
        for draw in range(DRAWS[trial.scale]):
            heard = tap_once(tap, note, trial.seed + draw)
            yield {"what": "note", **tap.labels, "draw": draw, "bytes": note.size, "lost": heard.lost,
                   **_told({"seconds": heard.seconds})}  # fmt: skip
        if tap.connection == FRESH and tap.note_s == max(LENGTHS_S[trial.scale]):
            for draw in range(APART[trial.scale]):
                yield {"what": "parts", **tap.labels, "draw": draw, **_told(parts(tap, note, trial.seed + draw))}
    yield from lighter(trial)


def _through_tun(trial: Trial) -> Iterator[Row]:
    assert trial.scratch is not None
    if why := refusal():
        raise InvalidRun(f"nothing goes through the kernel here: {why}")
    if trial.block == 0:
        yield from _validated()
    planned = list(recordings(trial))
    carried = carry([tap for tap, _ in planned], [take for _, take in planned], trial.seed, trial.cores, trial.scratch)
    yield _checked(carried)
    for (tap, _), outcome in zip(planned, carried.outcomes, strict=True):
        times = _told({"seconds": outcome.seconds, "lag_s": outcome.lag_s})
        yield {"what": "note", **tap.labels, "draw": 0, "bytes": outcome.size, "lost": carried.lost(tap), **times,
               "error": outcome.error}  # fmt: skip


def _told(times: Mapping[str, float]) -> Mapping[str, float]:
    """What is known: a note that nobody heard has no time, and its column stays empty."""
    return {name: seconds for name, seconds in times.items() if not isnan(seconds)}


def recordings(trial: Trial) -> Iterator[tuple[Tap, Take]]:
    """Each tap of a block, and the recording that it ends."""
    rng, corpus = rng_of(trial), open_corpus()
    found = [
        (tap, take)
        for note_s, some in lengths(taps(trial))
        for tap, take in zip(some, takes(corpus, CODEC, note_s, len(some), rng), strict=True)
    ]
    yield from sorted(found, key=lambda pair: pair[0].number)


def _validated() -> Iterator[Row]:
    """What the engine does where the outcome is known, here and now."""
    for finding in validate(quick=True).findings:
        yield {"what": "validation", "finding": finding.what, "unit": finding.unit, "measured": finding.measured,
               "expected": finding.expected, "low": finding.low, "high": finding.high, "ok": finding.ok}  # fmt: skip


def _checked(carried: Carried) -> Row:
    """What must hold for the numbers to be the links', and which TCP it was."""
    traffic = carried.traffic
    if not traffic.clean:
        raise InvalidRun(
            f"packets were lost by the engine, not by the links: {traffic.overruns} came too fast, "
            f"{traffic.refused} were refused by the kernel"
        )
    dropped = sum(count for link in traffic.links.values() for why, count in link.items() if why != "offered")
    return {"what": "traffic", "packets": traffic.given, "dropped": dropped, "late_p99_s": traffic.lateness(0.99),
            "congestion": CONGESTION, "priority": carried.facts["priority"]}  # fmt: skip


def versions() -> Mapping[str, str]:
    """What the numbers depend on."""
    return {"kernel": platform.release(), "websockets": version("websockets"), "corpus": str(open_corpus())}


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Per network: predicted, measured, and how far apart."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """Predicted against measured, and what the time is made of."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The networks with their sources, the engine's validation, every case, the parts."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What it says of the published claims."""
    told: Mapping[str, Sequence[Evidence]] = import_module("imlab.studies.links.evidence").evidence(run)
    return told


EXPERIMENT = Experiment(
    name="q03_links",
    question=__doc__ or "",
    expectation=(
        "With both ends on one kind of network and the connection kept open, a note of 15 s is heard after about 1 s "
        "on good 4G, 5 s on EDGE and 6 s on an uplink of 8 kB/s; a connection dialled at the tap costs three round "
        "trips more. The rate decides on EDGE and on the slow uplink alone; everywhere else it is round trips, of "
        "the handshake and of slow start, and loss matters to few notes, but to those by seconds. The virtual TCP "
        "predicts the kernel's within 5 % where nothing is left to chance, and within 15 % on the others."
    ),
    attempt=attempt,
    answer=answer,
    factors={"engine": (VIRTUAL, TUN)},
    blocks={"smoke": 1, "quick": 6, "full": 18},
    seed=20_260_103,
    limit_s=150.0,
    cost_s={"smoke": 18.0, "quick": 26.0, "full": 30.0},
    gates=Gates(cpu=0.35),
    versions=versions,
)
