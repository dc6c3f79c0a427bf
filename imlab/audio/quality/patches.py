"""Where each patch of the reference is heard: ViSQOL's search, over all places at once.

A patch is a piece of spectrogram, shape (bands, frames). Its likeness to a piece of what was heard is NSIM (Hines and
Harte, 2012), a structural similarity over 3 x 3 neighbourhoods. ViSQOL compares every patch with the piece at every
place, then takes the path of places, in order of time, with the largest sum; a patch may also count as lost. That is
most of what ViSQOL costs, and nearly all of it is the same arithmetic over and over: here the terms of one side are
computed once, and those of both for all places in one go. Only the choice of places is made here. The likenesses that
become the score are computed by ViSQOL itself, at the places chosen, so the choice is all that could differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CORNER, EDGE, CENTRE = 0.0113033910173052, 0.0838251475442633, 0.619485845753726  # ViSQOL's 3 x 3 Gauss window
C1, C3 = 0.01**2, 0.03**2 / 2  # NSIM's constants at an intensity range of 1
TOGETHER = 64  # places compared in one go: what they need stays in the cache of a core


def pieces(heard: Floats, frames: int) -> Floats:
    """The piece of ``frames`` that begins at each frame of (bands, n), shape (n, bands, frames); zeros past the end."""
    padded = np.pad(heard, ((0, 0), (0, frames - 1)))
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, frames, axis=1).swapaxes(0, 1))


def choose(patches: Sequence[Floats], starts: Sequence[int], heard: Floats, reach: int) -> list[tuple[int, bool]]:
    """For each patch the place where it is heard, and whether it counts as lost; reach: frames to look either way.

    starts: the frame at which each patch begins in the reference. One place per patch for which there is one.
    """
    count, total = len(patches), heard.shape[1]
    likeness = np.full((count, total), np.nan)
    lows = [max(0, start - reach) for start in starts[:count]]
    highs = [min(total - 1, start + reach) + 1 for start in starts[:count]]
    sides = [_side(patch[np.newaxis]) for patch in patches]
    every = pieces(heard, patches[0].shape[1])
    for begin in range(0, total, TOGETHER):
        some = _side(every[begin : begin + TOGETHER])
        for row, side, low, high in zip(likeness, sides, lows, highs, strict=True):
            if low < begin + TOGETHER and begin < high:
                row[begin : begin + TOGETHER] = _nsim(side, some)
    return _path(likeness, lows, highs)


@dataclass(frozen=True, slots=True)
class _Side:
    """Pieces with their borders repeated outwards, shape (n, bands + 2, frames + 2), and their local moments."""

    wide: Floats
    mean: Floats
    power: Floats
    variance: Floats


def _side(stack: Floats) -> _Side:
    wide = np.pad(stack, ((0, 0), (1, 1), (1, 1)), mode="edge")
    mean = _smooth(wide)
    power = mean * mean
    return _Side(wide, mean, power, _smooth(wide * wide) - power)


def _nsim(one: _Side, some: _Side) -> Floats:
    """The likeness of one patch to each of some pieces, shape (n,)."""
    both = one.mean * some.mean
    intensity = (2.0 * both + C1) / (one.power + some.power + C1)
    root = np.sqrt(np.maximum(one.variance * some.variance, 0.0))
    structure = (_smooth(one.wide * some.wide) - both + C3) / (root + C3)
    return np.asarray((intensity * structure).mean(axis=2).mean(axis=1))


def _smooth(wide: Floats) -> Floats:
    """The inside of each of (n, bands + 2, frames + 2) under the Gauss window."""
    up, down, middle = wide[:, :-2], wide[:, 2:], wide[:, 1:-1]
    across = up + down
    corners = across[..., :-2] + across[..., 2:]
    edges = across[..., 1:-1] + middle[..., :-2] + middle[..., 2:]
    return np.asarray(CORNER * corners + EDGE * edges + CENTRE * middle[..., 1:-1])


def _path(likeness: Floats, lows: Sequence[int], highs: Sequence[int]) -> list[tuple[int, bool]]:
    """The places with the largest sum, each after the one before it; a patch that stays at its forerunner's is lost."""
    count, total = likeness.shape
    sums, back = np.zeros((count, total)), np.full((count, total), -1)
    places = np.arange(total)
    for index, (low, high) in enumerate(zip(lows, highs, strict=True)):
        within = slice(low, high)
        if index == 0:
            sums[0, within] = likeness[0, within]
            continue
        before, came = _best_before(sums[index - 1], lows[index - 1], places)
        new, stay = likeness[index] + before, sums[index - 1]
        lost = stay > new
        sums[index, within] = np.where(lost, stay, new)[within]
        back[index, within] = np.where(lost, places, came)[within]
    place = lows[-1] + int(sums[-1, lows[-1] : highs[-1]].argmax())
    path = []
    for row in back[::-1]:
        path.append((place, bool(row[place] == place)))
        place = int(row[place])
    return path[::-1]


def _best_before(sums: Floats, low: int, places: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """For every place the largest sum at a place before it, from ``low`` on, and the last place that has it."""
    highest = np.maximum.accumulate(np.where(places >= low, sums, -np.inf))
    last = np.maximum.accumulate(np.where((sums == highest) & (places >= low), places, -1))
    return np.concatenate([[-np.inf], highest[:-1]]), np.concatenate([[-1], last[:-1]])
