"""The study of links: what is tapped, networks met in the midst of their course, parts that add up, and its reading."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import InvalidRun
from imlab.lab.plan.design import plan
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.net import links
from imlab.net.fate.outages import Calendar
from imlab.net.fate.ratetrace import Meter, RateTrace
from imlab.net.kernel.star import Star
from imlab.studies import q03_links as q03
from imlab.studies.links import parts as taken
from imlab.studies.links import reading
from imlab.studies.links.cases import cases, kept
from imlab.studies.links.networks import HORIZON_S, NETWORKS, cycle, met
from imlab.studies.links.parts import COLUMNS, HANDSHAKE, LOSS, MACHINERY, PARTS, PROPAGATION, RATE, SLOW_START
from imlab.studies.links.real import carry
from imlab.studies.links.simulated import MACHINE, tap_once
from imlab.studies.links.taps import FRESH, KEPT, PLACES, Tap, share_of_cycle, taps
from tests.conformance import note
from tests.tools import need_network

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "q01_stop_to_play" / "reference"
CHANGING = ("lift", "train")
SHORT, LONG = note("lab 0", "ann 0", 1, 8_000), note("lab 0", "ann 0", 2, 44_000)
moments = st.floats(0, 200, allow_subnormal=False)


def a_tap(path: links.Path, connection: str = FRESH, at: float = 6.0) -> Tap:
    return Tap(0, path.name, path, 15, connection, at)


@pytest.mark.parametrize("name", CHANGING)
@given(phase=moments, after=st.floats(0, HORIZON_S / 2))
def test_a_network_is_met_where_its_course_is(name: str, phase: float, after: float) -> None:
    at, path = 6.0, NETWORKS[name]
    for was, now in ((path.up, met(path, phase, at).up), (path.down, met(path, phase, at).down)):
        old, new = Calendar(was.outage_model), Calendar(now.outage_model)
        assert not new.dead(at - 0.001), "before the tap the connection rests, and is not to be disturbed"
        assert new.alive(at + after) - at == pytest.approx(old.alive(phase + after) - old.alive(phase), abs=1e-6)
        if isinstance(was.rate, RateTrace) and isinstance(now.rate, RateTrace):
            before, behind = Meter(was.rate), Meter(now.rate)
            carried = before.carried(phase + after) - before.carried(phase)
            assert behind.carried(at + after) - behind.carried(at) == pytest.approx(carried, abs=1.0)


def test_networks_without_a_course_are_met_as_they_are() -> None:
    for name, path in NETWORKS.items():
        assert (cycle(path) > 0) == (name in CHANGING)
        if name not in CHANGING:
            assert met(path, 30.0, 6.0) == path


def test_both_engines_tap_the_same() -> None:
    for scale in PLACES:
        by_block: dict[int, list[list[Tap]]] = {}
        for trial in plan(q03.EXPERIMENT, scale).trials:
            by_block.setdefault(trial.block, []).append(taps(trial))
        assert all(one == other for one, other in by_block.values())
        assert len({tap.path for tap in by_block[0][0] if tap.network == "good 4G"}) == 1


def test_the_taps_of_a_block_fit_into_one_network() -> None:
    for scale in PLACES:
        found = taps(plan(q03.EXPERIMENT, scale).trials[0])
        assert {tap.network for tap in found} == set(PLACES[scale])
        assert [tap.at for tap in found] == sorted(tap.at for tap in found)
        assert len({tap.note_id for tap in found}) == len(found)
        Star(tuple((name, tap.path) for tap in found for name in (tap.sender, tap.recipient)))


def test_blocks_are_spread_over_a_ride() -> None:
    for scale, blocks in q03.EXPERIMENT.blocks.items():
        shares = {trial.block: share_of_cycle(trial) for trial in plan(q03.EXPERIMENT, scale).trials}
        assert [int(shares[block] * blocks) for block in range(blocks)] == list(range(blocks))


FAR = links.Path("far", links.Link(0.1), links.Link(0.1))
NARROW = links.Path("narrow", links.Link(rate=10_000.0), links.Link())
LOSSY = links.Path("lossy", links.Link(0.03, 0.01, 1e5, 0.1), links.Link(0.03, 0.01, 1e5, 0.1))
WITH = {"far": (FAR, {HANDSHAKE, PROPAGATION, SLOW_START, MACHINERY}),
        "narrow": (NARROW, {HANDSHAKE, RATE, SLOW_START, MACHINERY}),
        "lossy": (LOSSY, set(PARTS))}  # fmt: skip


@pytest.mark.parametrize("name", WITH)
def test_parts_add_up_to_the_whole(name: str) -> None:
    path, there = WITH[name]
    for seed in range(3):
        told = taken.parts(a_tap(path), LONG, seed)
        whole = tap_once(a_tap(path), LONG, seed, limit_s=taken.LONG_S).seconds
        assert sum(told.values()) == pytest.approx(whole)
        absent = {part for part in PARTS if abs(told[COLUMNS[part]]) < 1e-9}
        assert absent <= set(PARTS) - there if name == "lossy" else absent == set(PARTS) - there


def test_what_a_tap_takes_is_what_the_round_trips_say() -> None:
    machine = MACHINE.encode + MACHINE.commit + MACHINE.decode
    one_way = tap_once(a_tap(FAR, KEPT), SHORT, 1).seconds
    assert one_way == pytest.approx(0.2 + machine), "up and down, in one window"
    long = tap_once(a_tap(FAR, KEPT), LONG, 1).seconds
    assert long == pytest.approx(one_way + 4 * 0.2), "31 segments leave 10, 20 and 1 at a time, each way"
    dialled = tap_once(a_tap(FAR, FRESH), SHORT, 1).seconds
    assert dialled == pytest.approx(one_way + 3 * 0.2 - MACHINE.encode), "TCP's round trip, the WebSocket's, ours"


def test_with_nothing_at_work_nothing_takes_time() -> None:
    assert taken.seconds_with(frozenset(), a_tap(LOSSY), LONG, 1) == 0.0
    only = {part: taken.seconds_with(frozenset({part}), a_tap(LOSSY), LONG, 1) for part in (HANDSHAKE, SLOW_START)}
    assert only == {HANDSHAKE: 0.0, SLOW_START: 0.0}, "round trips without a distance"
    assert taken.seconds_with(frozenset({LOSS}), a_tap(LOSSY), LONG, 3) > 0.1, "a timeout takes time on any link"


def made(factor: float = 1.1, blocks: int = 6, scale: str = "quick", engines: int = 2) -> pd.DataFrame:
    """Rows of a run in which the measured is the predicted times a factor; each block has a mood of its own."""
    return pd.DataFrame(list(_made(factor, blocks, scale, engines)))


def _made(factor: float, blocks: int, scale: str, engines: int) -> Iterator[Mapping[str, object]]:
    rng = np.random.default_rng(1)
    for block in range(blocks):
        found = taps(plan(q03.EXPERIMENT, scale).trials[0])
        mood = rng.normal(1, 0.02)
        for number, tap in enumerate(found):
            seconds = (0.2 + 0.1 * (len(found) - number)) * mood
            line = {"block": block, "outcome": "ok", "kept": True, **tap.labels}
            seen = line | {"what": "note", "lost": 1, "bytes": 8_000}
            yield seen | {"engine": q03.VIRTUAL, "draw": 0, "seconds": seconds}
            yield seen | {"engine": q03.VIRTUAL, "draw": 1, "seconds": 2 * seconds}
            if tap.connection == FRESH:
                yield line | {"what": "parts", "engine": q03.VIRTUAL, "draw": 0} | dict.fromkeys(COLUMNS.values(), 0.01)
            if engines == 2:
                yield seen | {"engine": q03.TUN, "draw": 0, "seconds": seconds * factor, "lag_s": 0.001}
        if engines == 2:
            head = {"block": block, "outcome": "ok", "kept": True, "engine": q03.TUN}
            yield head | {
                "what": "traffic",
                "packets": 9.0,
                "dropped": 1.0,
                "late_p99_s": 1e-4,
                "congestion": "cubic",
                "priority": "x",
            }
            yield head | {"what": "validation", "finding": "rate", "unit": "B/s", "measured": 1e6, "expected": 1e6,
                          "low": 0.98e6, "high": 1.02e6, "ok": True}  # fmt: skip


def stored(monkeypatch: pytest.MonkeyPatch, table: pd.DataFrame, reason: str = "") -> Run:
    """Some run, with these rows in place of its own."""
    trials = pd.DataFrame([{"engine": q03.TUN, "outcome": "invalid" if reason else "ok", "reason": reason}])
    monkeypatch.setattr(Run, "rows", lambda self: table)
    monkeypatch.setattr(Run, "trials", lambda self: trials)
    return Run(REFERENCE, read_manifest(REFERENCE))


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_the_error_is_measured_over_predicted(factor: float) -> None:
    for case in cases(made(factor)):
        assert case.error is not None and case.inside >= (5 if factor >= 1 else 0)
        assert case.error.change.estimate == pytest.approx(factor - 1, abs=1e-9)
        assert case.error.change.n == 6 and case.deaf(q03.TUN) == 0


def test_the_sentence_tells_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    told = reading.conclusion(stored(monkeypatch, made()))
    assert "an error of 10.0% in the median of 9 networks, at worst +10.0 % [+10.0, +10.0]" in told
    assert told.startswith("A note of 15 s is heard ") and told.endswith("of the median block is handshake.")


def test_without_the_right_to_measure_the_prediction_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored(monkeypatch, made(engines=1, scale="smoke"), "nothing goes through the kernel: it needs root")
    assert "this is predicted, and not measured here (nothing goes through the kernel: it" in reading.conclusion(run)
    assert set(reading.table(run.rows())["measured"]) == {"not measured"}
    drawn, told = reading.figures(run), reading.tables(run)
    assert "it needs root" in drawn["errors"].alt and "measured not told" in drawn["predicted"].alt
    assert "it needs root" in told["validation"].to_string()


def test_figures_and_tables_say_all_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored(monkeypatch, made())
    drawn, told = reading.figures(run), reading.tables(run)
    assert {"predicted", "agreement", "errors"} < set(drawn) and any(name.startswith("parts_") for name in drawn)
    assert all(f"{name}, {KEPT}" in drawn["predicted"].alt for name in NETWORKS)
    assert len(told["networks"]) == 10 and told["networks"]["source"].str.len().gt(10).all()
    assert len(told["cases"]) == 20 and told["validation"]["right"].tolist() == ["yes"] * 6


def test_a_note_that_nobody_heard_has_no_time() -> None:
    rows = made()
    here = (rows["engine"] == q03.TUN) & (rows["block"] == 2) & (rows["network"] == "train")
    rows.loc[here, "seconds"] = nan
    train = next(case for case in kept(rows) if case.network == "train")
    assert train.deaf(q03.TUN) == 1 and list(train.blocks) == [0, 1, 3, 4, 5]


def test_nothing_measured_is_nothing_said() -> None:
    with pytest.raises(InvalidRun, match="no note can be counted"):
        reading.table(made(blocks=1).assign(outcome="failed"))


def test_a_trial_needs_nothing_heavy() -> None:
    said = "import sys, imlab.studies.q03_links; print({'pandas', 'scipy', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.process
def test_taps_go_through_the_kernel_each_on_links_of_its_own(tmp_path: Path) -> None:
    need_network()
    trial = plan(q03.EXPERIMENT, "smoke").trials[0]
    chosen = [pair for pair in q03.recordings(trial) if pair[0].network in ("perfect", "office Wi-Fi")]
    soon = [(replace(tap, at=1.0 + place * 0.05), take) for place, (tap, take) in enumerate(chosen)]
    carried = carry([tap for tap, _ in soon], [take for _, take in soon], trial.seed, trial.cores, tmp_path)
    assert carried.traffic.clean and len(soon) == 4
    for (tap, _), outcome in zip(soon, carried.outcomes, strict=True):
        assert outcome.error == "" and outcome.seconds > tap.path.up.delay + tap.path.down.delay
        sent, got = (carried.traffic.links[f"{name} up"]["offered"] for name in (tap.sender, tap.recipient))
        assert sent > outcome.size // 1448, "its bytes went up the sender's own link"
        assert got > 0 and carried.traffic.links[f"{tap.recipient} down"]["offered"] > outcome.size // 1448
