"""An experiment as a value, and the frozen plan that is drawn from it before anything runs.

The unit of analysis is the block, not the request. A block runs every cell (every combination of factor levels,
or those that a fraction or a sweep chooses) once, in an order drawn for that block, and all its cells share one
seed: same arrivals, same payloads, same network. So the difference between two cells of a block is the treatment
and the machine's mood, and the mood is what many blocks average away. Different blocks have different seeds.

The plan is drawn from the experiment's seed alone and carries a sha256 of everything that was decided before the
data, the expectation and the rejection rules included: two results with one hash answer the same question.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imlab.errors import UsageError
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.ahead import Task
from imlab.lab.plan.factorial import Design, Full, label
from imlab.lab.record.histogram import Histogram
from imlab.lab.running.cores import Cores

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
Cell = Mapping[str, Any]

SCALES = ("smoke", "quick", "full")
RESERVED = ("block", "cell", "order", "seed", "outcome", "reason", "kept")  # columns that the lab itself writes


def no_versions() -> Mapping[str, str]:
    """The versions of the libraries a study measures, when it measures none."""
    return {}


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question, decided before the data.

    ``factors`` maps a name to its levels; a level is a value, and its ``label`` is what the results call it.
    ``design`` chooses the cells: all combinations, a stated Fraction of two-level factors, or Sweeps around a centre.
    ``attempt`` runs one trial and yields its rows: flat, with units in the names (``send_to_ack_s``); and what is too
    much for rows as a Histogram, when it is full. It raises InvalidRun when its numbers must not be believed.
    ``answer`` turns trusted rows into a small table.
    ``warm_up_s`` seconds at the head of each trial are labelled by the attempt (column ``warm_up``), ``limit_s``
    seconds is when a trial is killed, ``cost_s`` is what one block costs, in seconds: at every scale, or by scale.
    ``versions`` is asked in the trial's own process. ``ahead`` gives, for a scale, what may be computed before the
    trials by all cores; what is known already is not among it. ``margin`` is the relative change that does not matter.
    """

    name: str
    question: str
    expectation: str
    attempt: Callable[[Trial], Iterator[Row | Histogram]]
    factors: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    answer: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    blocks: Mapping[str, int] = field(default_factory=lambda: {"smoke": 1, "quick": 6, "full": 12})
    seed: int = 1
    warm_up_s: float = 0.0
    margin: float = 0.03
    limit_s: float = 60.0
    cost_s: float | Mapping[str, float] = 10.0
    gates: Gates = field(default_factory=Gates)
    versions: Callable[[], Mapping[str, str]] = no_versions
    ahead: Callable[[str], Sequence[Task]] | None = None
    design: Design = field(default_factory=Full)

    def __post_init__(self) -> None:
        """Refuse what could not be run or could not be told apart afterwards."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise UsageError(f"an experiment's name is also a folder's: {self.name!r} is not lower_case_words")
        if not self.question.strip() or not self.expectation.strip():
            raise UsageError(f"{self.name}: a question and an expectation are written before the data")
        if set(self.blocks) != set(SCALES) or min(self.blocks.values()) < 1:
            raise UsageError(f"{self.name}: blocks needs one positive count for each of {', '.join(SCALES)}")
        if self.margin <= 0 or self.limit_s <= 0 or self.warm_up_s < 0:
            raise UsageError(f"{self.name}: margin and limit_s must be positive, warm_up_s not negative")
        for factor, levels in self.factors.items():
            _check_levels(self.name, factor, levels)
        self.design.check(self.factors)

    @property
    def cells(self) -> list[Cell]:
        """The combinations of levels that the design chooses, in the order in which results number them."""
        crossed = list(self.factors.items())
        return [
            {name: levels[level] for (name, levels), level in zip(crossed, pick, strict=True)}
            for pick in self.design.picks(self.factors)
        ]

    def predicted_s(self, scale: str) -> float:
        """What a run of this scale will cost, in seconds, by the experiment's own account."""
        each = self.cost_s[scale] if isinstance(self.cost_s, Mapping) else self.cost_s
        return each * self.blocks[scale]


@dataclass(frozen=True, slots=True)
class Trial:
    """One cell in one block: all that an attempt is told.

    ``seed`` is shared by all cells of a block, ``cell_seed`` is this trial's own; ``order`` is its place in the
    block. ``cores`` says where the load and the measured system run. ``scratch`` is an empty folder of this
    trial alone, removed after it; None outside a run.
    """

    experiment: Experiment
    settings: Cell
    block: int = 0
    order: int = 0
    seed: int = 1
    scale: str = "smoke"
    cell: int = 0
    cell_seed: int = 1
    cores: Cores = field(default_factory=Cores)
    scratch: Path | None = None

    @property
    def labels(self) -> dict[str, str]:
        """The settings as the results name them."""
        return {factor: label(level) for factor, level in self.settings.items()}

    @property
    def name(self) -> str:
        """``block-cell``: unique in its plan, sorts in the order of the design."""
        return f"{self.block:03d}-{self.cell:03d}"

    def rng(self) -> np.random.Generator:
        """A fresh generator on the block's seed: the same draws in every cell of the block."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Plan:
    """All trials of a run in the order they will be run, with the hash of what was decided."""

    experiment: Experiment
    scale: str
    trials: tuple[Trial, ...]

    @cached_property
    def description(self) -> dict[str, Any]:
        """What was decided before the data, as plain JSON values."""
        told = self.experiment
        factors = {factor: [label(level) for level in levels] for factor, levels in told.factors.items()}
        design = told.design.told(factors)
        return {
            "study": told.name,
            "question": told.question.strip(),
            "expectation": told.expectation.strip(),
            "factors": factors,
            "scale": self.scale,
            "blocks": told.blocks[self.scale],
            "seed": told.seed,
            "warm_up_s": told.warm_up_s,
            "margin": told.margin,
            "limit_s": told.limit_s,
            "gates": told.gates.limits(),
            "trials": [[trial.block, trial.cell, trial.seed, trial.cell_seed] for trial in self.trials],
            **({"design": design, "cells": self._cells} if design else {}),
        }

    @property
    def _cells(self) -> list[list[str]]:
        """The chosen cells by the labels of their levels."""
        return [[label(level) for level in cell.values()] for cell in self.experiment.cells]

    @cached_property
    def hash(self) -> str:
        """sha256 of the description, in hexadecimal."""
        told = json.dumps(self.description, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()


def plan(experiment: Experiment, scale: str) -> Plan:
    """Draw the randomised complete blocks of a run; the same experiment and scale give the same plan."""
    if scale not in SCALES:
        raise UsageError(f"no scale {scale!r}: choose from {', '.join(SCALES)}")
    blocks = range(experiment.blocks[scale])
    return Plan(experiment, scale, tuple(trial for block in blocks for trial in _draw_block(experiment, scale, block)))


def _draw_block(experiment: Experiment, scale: str, block: int) -> Iterator[Trial]:
    """Every cell once, in this block's own order."""
    cells = experiment.cells
    seed = _seed(experiment.seed, block)
    order = np.random.default_rng(seed).permutation(len(cells))
    for place, cell in enumerate(order.tolist()):
        own = _seed(experiment.seed, block, cell)
        yield Trial(experiment, cells[cell], block, place, seed, scale, cell, own)


def _seed(*path: int) -> int:
    """A seed of 63 bits for a place in the design; neighbours are unrelated (numpy's SeedSequence)."""
    return int(np.random.SeedSequence(path[0], spawn_key=path[1:]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _check_levels(name: str, factor: str, levels: tuple[Any, ...]) -> None:
    """Levels must be there, differ by label, and be named the same in every process."""
    if factor in RESERVED:
        raise UsageError(f"{name}: {factor!r} is a column of the lab's own; call the factor something else")
    if not isinstance(levels, tuple) or not levels:
        raise UsageError(f"{name}: the levels of {factor} must be a tuple with at least one value")
    labels = [label(level) for level in levels]
    if len(set(labels)) < len(labels):
        raise UsageError(f"{name}: two levels of {factor} share a label: {', '.join(labels)}")
    if any(re.search(r" at 0x[0-9a-f]+", text) for text in labels):
        raise UsageError(f"{name}: a level of {factor} has no repr of its own (it shows an address): {labels}")
