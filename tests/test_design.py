"""Plans: drawn from the seed alone, complete in every block, and told apart by their hash."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial, plan
from imlab.lab.plan.factorial import Sweeps, label
from imlab.lab.plan.fraction import Fraction
from imlab.lab.plan.studies import find
from imlab.lab.running.cores import Cores, available, share


def attempt(trial: Trial) -> Iterator[Row]:
    """Nothing, once."""
    yield {"one": 1}


def experiment(**changes: Any) -> Experiment:
    """A small, sound experiment with some of it changed."""
    sound: dict[str, Any] = {"name": "q99_sound", "question": "Is it?", "expectation": "It is.", "attempt": attempt}
    return Experiment(**(sound | {"factors": {"size": (1, 2), "codec": ("opus", "pcm")}} | changes))


@given(levels=st.lists(st.integers(1, 4), max_size=3), blocks=st.integers(1, 12), seed=st.integers(0, 2**40))
def test_every_block_runs_every_cell_once_on_one_seed(levels: list[int], blocks: int, seed: int) -> None:
    factors = {f"f{place}": tuple(range(count)) for place, count in enumerate(levels)}
    drawn = plan(experiment(factors=factors, seed=seed, blocks={"smoke": 1, "quick": blocks, "full": 1}), "quick")
    cells = len(drawn.experiment.cells)
    assert len(drawn.trials) == blocks * cells
    seeds = set()
    for block in range(blocks):
        trials = [trial for trial in drawn.trials if trial.block == block]
        assert sorted(trial.cell for trial in trials) == list(range(cells))
        assert [trial.order for trial in trials] == list(range(cells))
        assert len({trial.seed for trial in trials}) == 1
        seeds.add(trials[0].seed)
    assert len(seeds) == blocks
    assert len({trial.cell_seed for trial in drawn.trials} | seeds) == len(drawn.trials) + blocks


def test_the_same_seed_is_the_same_plan() -> None:
    assert plan(experiment(), "quick").hash == plan(experiment(), "quick").hash
    assert plan(experiment(), "quick").trials == plan(experiment(), "quick").trials


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"name": "q98_other"},
        {"expectation": "It is not."},
        {"margin": 0.05},
        {"limit_s": 61.0},
        {"warm_up_s": 1.0},
        {"gates": Gates(steal=0.5)},
        {"factors": {"size": (1, 3), "codec": ("opus", "pcm")}},
        {"blocks": {"smoke": 1, "quick": 7, "full": 12}},
        {"design": Sweeps({"size": 1, "codec": "opus"})},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_decided_before_is_in_the_hash(change: dict[str, Any]) -> None:
    assert plan(experiment(**change), "quick").hash != plan(experiment(), "quick").hash


REFERENCES = sorted((Path(__file__).resolve().parents[1] / "results").glob("*/reference/plan.json"))


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.parts[-3])
def test_a_published_plan_is_drawn_again_with_its_hash(path: Path) -> None:
    """Of what is stored alone, so that a study may change; published before there were designs to choose from."""
    stored = json.loads(path.read_text())
    same = ("question", "expectation", "seed", "warm_up_s", "margin", "limit_s")
    blocks = {"smoke": 1, "quick": 1, "full": 1} | {stored["scale"]: stored["blocks"]}
    factors = {factor: tuple(levels) for factor, levels in stored["factors"].items()}
    told = {name: stored[name] for name in same} | {"name": stored["study"], "gates": Gates(**stored["gates"])}
    drawn = plan(experiment(**told, blocks=blocks, factors=factors, **_chosen(stored)), stored["scale"])
    assert drawn.hash == stored["hash"]
    assert drawn.description == {name: stored[name] for name in drawn.description}


def _chosen(stored: dict[str, Any]) -> dict[str, Any]:
    """The design that a stored plan states, if it states one."""
    told = stored.get("design", {})
    if "centre" in told:
        return {"design": Sweeps(told["centre"])}
    return {"design": Fraction(tuple(told["generators"]))} if told else {}


def test_there_are_published_plans() -> None:
    assert REFERENCES


def test_blocks_are_run_in_different_orders() -> None:
    drawn = plan(experiment(factors={"size": tuple(range(8))}), "full")
    orders = {tuple(trial.cell for trial in drawn.trials if trial.block == block) for block in range(12)}
    assert len(orders) == 12


@dataclasses.dataclass(frozen=True)
class Wait:
    """A level that is a value."""

    first: float


def test_a_level_is_called_by_its_repr() -> None:
    levels = (Wait(0.2), Wait(0.5))
    first = plan(experiment(factors={"wait": levels}), "smoke").trials[0]
    assert first.settings["wait"] in levels
    assert first.labels == {"wait": repr(first.settings["wait"])}
    assert (label("opus"), label(0.2), label(None)) == ("opus", "0.2", "None")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "Q 99"}, "lower_case"),
        ({"expectation": " "}, "before the data"),
        ({"blocks": {"quick": 6}}, "smoke, quick, full"),
        ({"margin": 0.0}, "positive"),
        ({"factors": {"block": (1,)}}, "the lab's own"),
        ({"factors": {"size": ()}}, "at least one"),
        ({"factors": {"size": ("1", 1)}}, "share a label"),
        ({"factors": {"size": (object(),)}}, "no repr of its own"),
    ],
    ids=lambda case: case if isinstance(case, str) else next(iter(case)),
)
def test_what_cannot_be_run_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        experiment(**change)


def test_there_are_three_scales() -> None:
    with pytest.raises(UsageError, match="choose from smoke, quick, full"):
        plan(experiment(), "huge")


def test_studies_are_found_by_file_name(tmp_path: Path) -> None:
    for name in ("q02_b.py", "q01_a.py", "notes.py", "__init__.py"):
        (tmp_path / name).write_text("raise RuntimeError('looking must not import')")
    assert find(tmp_path, "some.where") == {"q01_a": "some.where.q01_a", "q02_b": "some.where.q02_b"}


@pytest.mark.parametrize(
    ("free", "cores"), [((0,), Cores()), ((0, 1), Cores((1,), (0,))), ((2, 5, 7, 6), Cores((7,), (2, 5, 6)))]
)
def test_the_load_gets_a_core_of_its_own(free: tuple[int, ...], cores: Cores) -> None:
    assert share(free) == cores and cores.pinned == (len(free) > 1)


def test_cores_are_lent_and_given_back() -> None:
    before = available()
    with share(before).lent():
        inside = available()
    assert available() == before
    with share(before).borrowed():
        beside = available()
    assert available() == before
    assert inside == (frozenset(share(before).system) or before)
    assert beside == (frozenset(share(before).load) or before)
