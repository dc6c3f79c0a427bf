"""Over thousands of experiments with a known truth: intervals cover, nothing is rarely seen, and +3 % is found.

``pytest -n0 -s tests/test_coverage.py`` prints the tables. Blocks with two tails are held to 93-97 %; for skewed ones,
which no interval of so few blocks masters, the coverage is printed, and the product's warning is tested instead.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.intervals import MANY, SKEWED, bootstrap_t, mean_interval, percentile, skewed, student
from imlab.lab.statistics.sample_size import advice, power_to_find

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]

EXPERIMENTS = 2_000
SIZES, SEEDS = (6, 8, 12, 30), (1, 2, 3)
TWO_TAILS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "Student, 4 degrees": lambda rng, shape: rng.standard_t(4, shape),
}
ONE_TAIL: dict[str, Draw] = {  # all with mean 0
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
    "log-normal, 0.5": lambda rng, shape: rng.lognormal(0, 0.5, shape) - math.exp(0.125),
    "log-normal, 1": lambda rng, shape: rng.lognormal(0, 1, shape) - math.exp(0.5),
}


def tell(line: str) -> None:
    """One line of a table, seen with -s."""
    sys.stdout.write(f"{line}\n")


def excluded(blocks: Floats) -> NDArray[np.bool_]:
    """Whether the product's 95 % interval excludes zero, shape (experiments, n) -> (experiments,)."""
    if blocks.shape[1] < MANY:
        _, low, high = student(blocks)
    else:
        low, high = np.array([percentile(one)[1:] for one in blocks]).T  # one by one: it stays in the cache
    return np.asarray((low > 0) | (high < 0))


@pytest.mark.process
@pytest.mark.parametrize("family", TWO_TAILS)
@pytest.mark.parametrize("n", SIZES)
def test_intervals_cover(n: int, family: str) -> None:
    covered = [
        1 - excluded(TWO_TAILS[family](np.random.default_rng((seed, n)), (EXPERIMENTS, n))).mean() for seed in SEEDS
    ]
    tell(f"{family:20} n={n:2}: " + " ".join(f"{share:.3f}" for share in covered))
    assert 0.93 <= min(covered) <= max(covered) <= 0.97


def test_the_kernels_are_the_products() -> None:
    for n in SIZES:
        blocks = np.random.default_rng(n).normal(0.3, 1.0, (15, n))
        said = [mean_interval(one) for one in blocks]
        assert [one.low > 0 or one.high < 0 for one in said] == excluded(blocks).tolist()


@pytest.mark.process
@pytest.mark.parametrize("n", SIZES)
def test_skewed_blocks_are_printed_and_noted(n: int) -> None:
    for family, draw in ONE_TAIL.items():
        blocks = draw(np.random.default_rng((9, n)), (EXPERIMENTS if n < MANY else 500, n))
        covered = 1 - excluded(blocks).mean()
        bounds = np.array([bootstrap_t(one)[1:] for one in blocks[:300]])
        beside = np.mean((bounds[:, 0] <= 0) & (bounds[:, 1] >= 0))
        noted = skewed(blocks).mean()
        tell(f"{family:20} n={n:2}: {covered:.3f}, bootstrap-t beside it {beside:.3f}, noted {noted:.2f}")
        assert covered > 0.92 or noted > {6: 0.1, 8: 0.15, 12: 0.25, 30: 0.4}[n]


@pytest.mark.parametrize("n", SIZES)
def test_a_note_is_rare_where_nothing_is_wrong(n: int) -> None:
    assert skewed(np.random.default_rng(n).normal(size=(EXPERIMENTS, n))).mean() <= 0.07


def test_a_note_is_told() -> None:
    blocks = np.append(np.zeros(11), 1.0) + np.linspace(0, 0.01, 12)
    found, changed = mean_interval(blocks), paired(np.ones(12), np.exp(blocks))
    assert found.note == changed.change.note == SKEWED and found.text().endswith(f"({SKEWED})")
    assert f"({SKEWED})" in changed.text() and changed.text().endswith(changed.verdict)
    assert mean_interval(np.linspace(0, 1, 12)).note == "" and mean_interval(blocks[-4:]).note == ""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [6, 8, 12])
def test_nothing_is_seen_in_two_to_nine_of_a_hundred(n: int, seed: int) -> None:
    rng = np.random.default_rng((seed, n, 5))
    shared = rng.normal(0, 0.2, (EXPERIMENTS, n))  # what a block does to both sides
    old, new = (np.exp(shared + draw(rng, shared.shape) * 0.02) for draw in TWO_TAILS.values())
    seen = excluded(np.log(new / old)).mean()
    tell(f"A/A, n={n:2}, seed {seed}: seen in {seen:.1%}")
    assert 0.02 <= seen <= 0.09
    some = [paired(a, b).seen for a, b in zip(old[:20], new[:20], strict=True)]
    assert some == excluded(np.log(new / old)[:20]).tolist(), "the verdict asks the same question"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spread", [0.02, 0.03, 0.05])
def test_three_percent_more_is_found_with_the_promised_power(spread: float, seed: int) -> None:
    rng = np.random.default_rng((seed, round(spread * 1e3)))
    logs = rng.normal(size=12)
    told = advice(paired(np.ones(12), np.exp(spread * (logs - logs.mean()) / logs.std(ddof=1))))
    assert told.to_find is not None
    control = rng.normal(math.log1p(0.03), spread, (EXPERIMENTS, told.to_find))
    _, low, _ = student(control)
    found, promised = np.mean(low > 0), float(power_to_find(told.to_find, spread, 0.03))
    tell(f"+3 %, blocks spread by {spread:.0%}, n={told.to_find:2}: found {found:.3f}, promised {promised:.3f}")
    assert promised >= 0.8 and found == pytest.approx(promised, abs=0.03)
