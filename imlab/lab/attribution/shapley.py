"""Shares of a change among those who made it together, by the one rule that is fair to all of them.

A game gives each coalition of players a value; here the players are k changes, a coalition is the set of those that
are in, and its value is what was measured in that cell. Shapley (A value for n-person games, 1953) asked of a
division that it hands out the whole and no more, treats alike who contributes alike, gives nothing to who never
contributes, and adds up when two games are played. One division does: what a player adds on joining, averaged over
all orders in which the players may join. Shorrocks (J. Economic Inequality 11, 2013) uses it as we do, to decompose
any statistic into its sources; it does not matter from which side one starts.

Everything is linear in the cells, so each division is a matrix, (k, 2^k), and thousands of experiments are one
product. Cells are in the order of the full factorial: the first factor changes slowest, 0 is out and 1 is in.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def players(values: Floats) -> int:
    """The k of an array whose last axis holds 2^k cells."""
    cells: int = values.shape[-1]
    return cells.bit_length() - 1


def shapley(values: Floats) -> Floats:
    """What each player adds, averaged over all orders of joining; shape (..., 2^k) -> (..., k)."""
    return values @ _weights(players(values)).T


def first_in(values: Floats) -> Floats:
    """What each player adds to the empty coalition; shape (..., 2^k) -> (..., k)."""
    k = players(values)
    return np.stack([values[..., 1 << (k - 1 - i)] - values[..., 0] for i in range(k)], axis=-1)


def last_in(values: Floats) -> Floats:
    """What each player adds to all the others; shape (..., 2^k) -> (..., k)."""
    k, top = players(values), values.shape[-1] - 1
    return np.stack([values[..., top] - values[..., top ^ (1 << (k - 1 - i))] for i in range(k)], axis=-1)


def joining(values: Floats, order: tuple[int, ...]) -> Floats:
    """What each player adds when they join in this order; shape (..., 2^k) -> (..., k), in the order of joining."""
    k = players(values)
    path = [0, *itertools.accumulate((1 << (k - 1 - i) for i in order), int.__or__)]
    return np.diff(values[..., path], axis=-1)


@lru_cache(maxsize=8)
def _weights(k: int) -> Floats:
    """How much of each cell is in each player's value: 1 / (k C(k-1, s)) for a step from s players to s + 1."""
    weights = np.zeros((k, 2**k))
    for cell, inside in enumerate(itertools.product((False, True), repeat=k)):
        size = sum(inside)
        for player, joined in enumerate(inside):
            before = size - joined
            weights[player, cell] = (1 if joined else -1) / (k * math.comb(k - 1, before))
    return weights
