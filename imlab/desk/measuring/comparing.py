"""Two runs of one study held side by side: the same cells, the same measures, what changed and how sure that is.

The unit is the block. A block's p50 and, where every block may print it, its p99 are one number each; an effect is the
mean over blocks of ln(new / old), paired where one plan drew both runs, Welch's where not. Old and new are told as
geometric means over the blocks, so that their ratio is the effect. One measure and percentile over all cells is a
family of Holm's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imlab.desk.measuring.cells import Cell, Cells, cells, labelled
from imlab.desk.measuring.likeness import Likeness, likeness
from imlab.errors import UsageError
from imlab.lab.record.quantiles import quantile
from imlab.lab.record.reading import Run
from imlab.lab.statistics import multiple
from imlab.lab.statistics.effect import Better, Effect, paired
from imlab.lab.statistics.multiple import Adjusted, holm
from imlab.lab.statistics.unpaired import p_values, unpaired

Floats = NDArray[np.float64]
Samples = Mapping[int, Floats]
Chosen = Mapping[str, str]  # column -> the label that a cell must have

Statistic = Callable[[Floats], float | str]  # a block's number, or why it has none

MORE_IS_BETTER = ("per_s", "kbit_s", "mb_s")


@dataclass(frozen=True, slots=True)
class Change:
    """One measure, one percentile, one cell. ``old`` and ``new`` in the measure's unit; blocks counted on each side.

    ``spread`` is the standard deviation of a block's log ratio, of unpaired blocks as if they met at random; NaN where
    a side has one block. ``floor``: how large a change of nothing may look here, as a share; None where nobody tried.
    """

    measure: str
    percentile: str
    cell: Cell
    old: float
    new: float
    found: Adjusted
    blocks: tuple[int, int]
    spread: float
    notes: tuple[str, ...] = ()
    floor: float | None = None

    @property
    def below(self) -> bool:
        """Whether the change is smaller than what runs of one code differ by."""
        return self.floor is not None and abs(self.found.effect.change.estimate) < self.floor


@dataclass(frozen=True, slots=True)
class Left:
    """What was not compared, and why."""

    measure: str
    percentile: str
    cell: Cell
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it. ``sides``: the rows of both; ``same``: measures in which no row differs.

    ``apart``: how many cells only one run has, the old or the new.
    """

    old: Run
    new: Run
    likeness: Likeness
    sides: tuple[Cells, Cells]
    changes: tuple[Change, ...]
    left: tuple[Left, ...]
    same: tuple[str, ...]
    apart: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Pair:
    """One measure in one cell of both runs; blocks that pair, or all of each side."""

    measure: str
    cell: Cell
    old: Samples
    new: Samples
    paired: bool
    margin: float
    better: Better


_Alone = tuple[Change, tuple[float, float]]  # with its p values


def compare(
    old: Run,
    new: Run,
    measures: Sequence[str] = (),
    by: Sequence[str] = (),
    only: Chosen | None = None,
    better: str = "",
) -> Comparison:
    """Two runs of one study. measures: columns, else all with a unit in their name; only: cells with these labels."""
    if old.manifest.study != new.manifest.study:
        raise UsageError(f"{old.manifest.study} and {new.manifest.study} ask different questions")
    alike, sides = likeness(old.manifest, new.manifest), (cells(old, by), cells(new, by))
    shared = [
        cell for cell in sides[1].places if cell in sides[0].places and (only or {}).items() <= dict(cell).items()
    ]
    shared.sort(key=lambda cell: _rank(cell, new))
    if only and not shared:
        raise UsageError(f"both runs have no cell with {', '.join(f'{name}={label}' for name, label in only.items())}")
    pairs = list(_pairs(sides, shared, _measures(sides, measures), alike.paired, new.manifest.margin, better))
    told = {pair.measure for pair in pairs}
    same = [] if measures else [name for name in told if all(_equal(one) for one in pairs if one.measure == name)]
    changes, left = _changes([pair for pair in pairs if pair.measure not in same])
    apart = (len(sides[0].places.keys() - sides[1].places), len(sides[1].places.keys() - sides[0].places))
    return Comparison(old, new, alike, sides, tuple(changes), tuple(left), tuple(sorted(same)), apart)


def common(old: Samples, new: Samples, matched: bool) -> tuple[Samples, Samples]:
    """The blocks that count: where blocks pair, those that both have."""
    if not matched:
        return old, new
    both = sorted(old.keys() & new.keys())
    return {block: old[block] for block in both}, {block: new[block] for block in both}


def way(measure: str) -> Better:
    """Which way is good, by the unit: less time and fewer bytes, more per second."""
    return "higher" if measure.endswith(MORE_IS_BETTER) else "lower"


def _measures(sides: tuple[Cells, Cells], asked: Sequence[str]) -> list[str]:
    known = [name for name in sides[0].measures if name in sides[1].measures]
    if lacking := [name for name in asked if not all(side.holds(name) for side in sides)]:
        raise UsageError(f"no numbers {', '.join(lacking)} in both runs; with a unit there are {', '.join(known)}")
    return list(asked) or known


def _rank(cell: Cell, run: Run) -> tuple[tuple[int, str], ...]:
    """Cells in the order of the plan's levels; what is no factor by its label."""
    levels = {name: [labelled(level) for level in run.manifest.factors.get(name, ())] for name, _ in cell}
    return tuple((levels[name].index(label) if label in levels[name] else 0, label) for name, label in cell)


def _pairs(
    sides: tuple[Cells, Cells],
    shared: Sequence[Cell],
    measures: Sequence[str],
    matched: bool,
    margin: float,
    asked: str,
) -> Iterator[_Pair]:
    for measure in measures:
        better = asked or way(measure)
        for cell in shared:
            old, new = common(sides[0].samples(cell, measure), sides[1].samples(cell, measure), matched)
            if old and new:
                yield _Pair(measure, cell, old, new, matched, margin, "higher" if better == "higher" else "lower")


def _equal(pair: _Pair) -> bool:
    """Whether not one row differs."""
    return pair.paired and all(np.array_equal(pair.old[at], pair.new[at], equal_nan=True) for at in pair.old)


def _changes(pairs: Sequence[_Pair]) -> tuple[list[Change], list[Left]]:
    """Measure by measure, cell by cell; one measure and percentile over all cells is a family."""
    changes: list[Change] = []
    left: list[Left] = []
    for measure in dict.fromkeys(pair.measure for pair in pairs):
        own = [pair for pair in pairs if pair.measure == measure]
        told: list[Change] = []
        for percentile, statistic in PERCENTILES.items():
            family, refused = _family(own, percentile, statistic)
            told += _together(family)
            left += refused
        order = {pair.cell: place for place, pair in enumerate(own)}
        changes += sorted(told, key=lambda change: order[change.cell])
    return changes, left


def _family(pairs: Sequence[_Pair], percentile: str, statistic: Statistic) -> tuple[list[_Alone], list[Left]]:
    """What changed at one percentile of one measure, each cell by itself, and what cannot be told."""
    family: list[_Alone] = []
    left: list[Left] = []
    for pair in pairs:
        numbers = _numbers(pair, statistic)
        if isinstance(numbers, str):
            left.append(Left(pair.measure, percentile, pair.cell, numbers))
        else:
            family.append(_change(pair, percentile, *numbers))
    return family, left


def _together(family: Sequence[_Alone]) -> Iterator[Change]:
    """The same changes, each judged with all the others in mind."""
    zero, margin = holm([p for _, (p, _) in family] or [1.0]), holm([p for _, (_, p) in family] or [1.0])
    for (change, _), p, q in zip(family, zero.tolist(), margin.tolist(), strict=False):
        yield replace(change, found=Adjusted(change.found.effect, len(family), p, q))


def _change(pair: _Pair, percentile: str, old: Floats, new: Floats) -> _Alone:
    """One change, judged alone, and its p values."""
    effect, ps = _effect(pair, old, new)
    before, after = (float(np.exp(np.log(side).mean())) for side in (old, new))
    found = Adjusted(effect, 1, *ps)
    blocks = (len(old), len(new))
    return Change(pair.measure, percentile, pair.cell, before, after, found, blocks, _spread(pair, old, new)), ps


def _spread(pair: _Pair, old: Floats, new: Floats) -> float:
    if min(len(old), len(new)) < 2:
        return math.nan
    if pair.paired:
        return float(np.log(new / old).std(ddof=1))
    return math.hypot(*(float(np.log(side).std(ddof=1)) for side in (old, new)))


def _effect(pair: _Pair, old: Floats, new: Floats) -> tuple[Effect, tuple[float, float]]:
    if pair.paired:
        effect = paired(old, new, pair.margin, pair.better)
        return effect, (multiple.p_zero(effect), multiple.p_margin(effect))
    return unpaired(old, new, pair.margin, pair.better), p_values(old, new, pair.margin)


def _numbers(pair: _Pair, statistic: Statistic) -> tuple[Floats, Floats] | str:
    """One number per block, old and new; or why there is none."""
    told = [[statistic(values) for values in side.values()] for side in (pair.old, pair.new)]
    if refused := [value for side in told for value in side if isinstance(value, str)]:
        return refused[0]
    old, new = (np.array(side, dtype=np.float64) for side in told)
    if not (np.isfinite(old).all() and np.isfinite(new).all()):
        return "more than half of a block's rows hold no number"
    if not ((old > 0).all() and (new > 0).all()):
        return "0 or less in some block: a ratio needs more"
    return old, new


def _middle(values: Floats) -> float | str:
    """The median; a failed row counts as never. No manners: it is a block's number, and blocks are what is judged."""
    return float(np.median(np.where(np.isnan(values), np.inf, values)))


def _tail(values: Floats) -> float | str:
    """p99, where ten rows lie above it."""
    found = quantile(values, 0.99)
    return found.withheld if found.value is None else found.value


PERCENTILES: Mapping[str, Statistic] = {"p50": _middle, "p99": _tail}


def alone(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
