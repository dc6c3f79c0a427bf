"""The true curve of ratios lies in the band, all of it; nothing is drawn where a quantile may not be printed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import linalg

from imlab.errors import UsageError
from imlab.lab.statistics.ratio_curve import GRID, band, ratio_curve, sup_t
from imlab.lab.statistics.student import t_quantile

Floats = NDArray[np.float64]


def samples(n: int, change: float = 0.0, tail: float = 0.0, requests: int = 400) -> tuple[list[Floats], list[Floats]]:
    """Old and new log-normal times of n blocks that share a level; new is changed as a whole and in its tail."""
    rng = np.random.default_rng(n)
    levels = rng.normal(-4, 0.2, n)
    old, new = (np.exp(levels[:, None] + rng.normal(0, 0.5, (n, requests))) for _ in range(2))
    slow = np.quantile(new, 0.8, axis=1, keepdims=True)
    return list(old), list(new * (1 + change) * np.where(new > slow, 1 + tail, 1.0))


def test_a_change_of_everything_is_seen_everywhere() -> None:
    found = ratio_curve(*samples(12, change=-0.3))
    assert found.changed.all() and (found.high < 1).all() and found.blocks == 12
    assert ((found.low < 0.7) & (found.high > 0.7)).all(), "the truth is inside, at every quantile"


def test_a_change_of_the_tail_is_seen_in_the_tail() -> None:
    found = ratio_curve(*samples(12, tail=0.5))
    assert found.changed[found.q >= 0.9].all() and not found.changed[found.q <= 0.75].any()


def test_a_quantile_that_one_block_cannot_print_is_withheld() -> None:
    old, new = samples(8)
    new[3] = new[3][:150]
    found = ratio_curve(old, new)
    assert found.q.max() == pytest.approx(0.9) and found.withheld[0.95] == "n too small (150, needs 200)"
    assert set(found.q) | set(found.withheld) == set(GRID)


def test_under_six_blocks_there_is_no_band() -> None:
    found = ratio_curve(*samples(5, change=0.5))
    assert np.isnan(found.low).all() and not found.changed.any() and found.method == "n=5: no band"
    assert found.ratio == pytest.approx(np.full(len(found.q), 1.5), rel=0.15)


def test_at_one_quantile_the_band_is_students() -> None:
    curves = np.random.default_rng(2).normal(size=(8, 1))
    mean, low, high, _ = band(curves)
    half = t_quantile(0.975, 7) * curves.std(ddof=1) / np.sqrt(8)
    assert np.concatenate([high - mean, mean - low]) == pytest.approx(np.tile(half, 2))


def test_equal_blocks_have_no_width() -> None:
    mean, low, high, _ = band(np.tile([0.0, 1.0], (7, 1)))
    assert (low == mean).all() and (high == mean).all()


@pytest.mark.parametrize("n", [6, 12, 30])
def test_the_whole_true_curve_lies_inside(n: int) -> None:
    rng, points = np.random.default_rng(n), 20
    far = np.abs(np.subtract.outer(np.arange(points), np.arange(points))) / 6
    root = linalg.cholesky(np.exp(-far), lower=True)
    inside, pointwise = 0, 0
    for _ in range(150):
        curves = rng.normal(size=(n, points)) @ root.T
        error = curves.std(axis=0, ddof=1) / np.sqrt(n)
        width = min(sup_t(curves, resamples=400), t_quantile(1 - 0.025 / points, n - 1))
        worst = (np.abs(curves.mean(axis=0)) / error).max()
        inside += worst <= width
        pointwise += worst <= t_quantile(0.975, n - 1)
    assert inside >= 0.92 * 150 and pointwise <= 0.85 * 150


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ([], [], "as many old as new"),
        ([[1.0] * 50], [], "as many old as new"),
        ([[1.0] * 5], [[1.0] * 5], "no quantile can be printed"),
        ([[0.0] * 50], [[1.0] * 50], "positive values"),
    ],
)
def test_misuse_is_named(old: list[list[float]], new: list[list[float]], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        ratio_curve(old, new)
