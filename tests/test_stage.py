"""A stage: both architectures stood up for real, asked, and what was done to them counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.load.capacity import Search
from imlab.lab.load.objective import Objective
from imlab.lab.load.popularity import Recency
from imlab.lab.load.script import Mix
from imlab.lab.plan.design import Experiment, Trial
from imlab.server.service.caching import Caching
from imlab.stack.presets import NEW, OLD, Architecture
from imlab.stack.service.delays import FRAME
from imlab.stack.service.first_byte import FirstByte
from imlab.studies.architectures.catalogue import Catalogue
from imlab.studies.architectures.manipulation import treatment
from imlab.studies.architectures.stage import Stage, stage
from imlab.studies.architectures.windows import capacity, closed_window, open_window
from imlab.studies.architectures.workload import Workload

SOON = FirstByte(0.001, 0.002)
SMALL = Workload(Mix(settle=60), Recency(items=200, scale=20.0), past=600, requests=400,
                 catalogue=Catalogue(stored=256, unsent=64, recordings=3))  # fmt: skip
SIDES = {
    "old": replace(OLD, caching=Caching(limit=400_000)),
    "new": replace(NEW, caching=replace(NEW.caching, limit=800_000)),
}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@contextmanager
def stood(folder: Path, built: Architecture, slowed: Mapping[str, float] | None = None) -> Iterator[Stage]:
    trial = Trial(Experiment("none", "?", "!", lambda trial: iter(())), {}, scratch=folder, seed=11)
    with stage(trial, built, SMALL, SOON, slowed) as here:
        yield here


@pytest.mark.process
@pytest.mark.parametrize("side", SIDES)
def test_asked_one_after_another_it_hits_what_the_replay_says(tmp_path: Path, side: str) -> None:
    with stood(tmp_path, SIDES[side]) as here:
        before = here.counters()
        for index in range(120):
            here.runner.run(here.asking(index))
        done = treatment(before, here.counters(), 0.0, here.replayed(np.arange(120.0)).hits)
    assert done.hits == pytest.approx(done.replayed, abs=1e-9)
    assert (done.second_hits > 0) == SIDES[side].caching.second
    assert done.misses == pytest.approx(1 - done.hits)
    assert done.connections == pytest.approx(1.0 if side == "old" else 1 / 120, abs=0.02)


@pytest.mark.process
def test_windows_go_on_where_the_last_one_ended(tmp_path: Path) -> None:
    with stood(tmp_path, SIDES["old"]) as here:
        opened = open_window(here, 100.0, 1.0, 0.2, smoke=True)
        assert here.taken == len(opened.load.intended) > 50 and not opened.load.errors
        closed = closed_window(here, 4, 0.05, 1.0, 0.2, smoke=True)
        assert here.taken == len(opened.load.intended) + len(closed.load.intended)
        row = opened.row()
        assert 0 < row["mean_s"] < 1 and row["cpu_s"] > 0 and row["n"] > 30
        assert list(opened.treatment.breaches(SIDES["old"])) == []
        with pytest.raises(UsageError, match="lengthen"):
            open_window(here, 1_000.0, 1.0, 0.2)


@pytest.mark.process
def test_a_treatment_that_did_not_happen_is_told(tmp_path: Path) -> None:
    with stood(tmp_path, SIDES["new"]) as here:
        done = open_window(here, 100.0, 1.0, 0.2, smoke=True).treatment
    assert list(done.breaches(SIDES["new"])) == []
    found = " ".join(done.breaches(SIDES["old"]))
    assert "each should have its own" in found and "a second level that is not there" in found
    found = " ".join(replace(done, hits=0.1, connections=1.0, second_hits=0.0, at_once=1.0).breaches(SIDES["new"]))
    for part in ("the script says", "should be kept", "nothing was found", "no two requests"):
        assert part in found


@pytest.mark.process
def test_delays_on_purpose_are_found_and_counted(tmp_path: Path) -> None:
    with stood(tmp_path, SIDES["old"], {"Get": 0.03, FRAME: 0.002}) as here:
        before = here.counters()
        seen = open_window(here, 60.0, 1.5, 0.0, smoke=True)
        after = here.counters()
    asked, gets = len(seen.load.intended), after["imlab_delay_Get_total"] - before.get("imlab_delay_Get_total", 0.0)
    assert gets == pytest.approx(seen.treatment.misses * after["imlab_service_fetches_total"])
    assert after["imlab_delay_Get_seconds_total"] >= 0.03 * gets > 0
    assert after["imlab_delay_frame_total"] >= 0.8 * asked
    assert seen.treatment.cpu_s > 0.0015


@pytest.mark.process
def test_a_capacity_is_sought_on_as_many_stages_as_it_takes(tmp_path: Path) -> None:
    search = Search(Objective(0.5, p=0.5, errors=0.5), first=120.0, most=400.0, window_s=0.6, warm_up_s=0.1, windows=2)
    up: list[Stage] = []

    @contextmanager
    def stages() -> Iterator[Stage]:
        folder = tmp_path / str(len(up))
        folder.mkdir()
        with stood(folder, SIDES["new"]) as here:
            up.append(here)
            yield here

    found = capacity(stages, search, seed=1)
    assert (found.bound, found.met) == ("at least", 400.0)
    asked = [len(one.window.arrivals()) for one in found.asked]
    assert len(up) > 1 and sum(asked) > 400, "a script of 400 is not enough for all windows"
    assert sum(one.taken for one in up) == sum(asked)
    with pytest.raises(UsageError, match="lengthen it"):
        capacity(stages, replace(search, first=2_000.0, most=2_000.0), seed=1)


@pytest.mark.process
def test_a_service_that_dies_is_told_of(tmp_path: Path) -> None:
    with pytest.raises((DoorError, InvalidRun)), stood(tmp_path, SIDES["new"]) as here:
        here.service.kill()
        open_window(here, 50.0, 0.5, 0.0, smoke=True)
