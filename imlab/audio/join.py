"""Clips one after another: joined, or cut to a length that a study states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from imlab.audio.clip import Clip
from imlab.errors import UsageError


def join(clips: Sequence[Clip], gap_s: float = 0.0) -> Clip:
    """One clip after the other, with ``gap_s`` seconds of silence between two of them."""
    rate = _one_rate(clips)
    if gap_s < 0:
        raise UsageError(f"a gap lasts 0 s or longer, not {gap_s}")
    gap = np.zeros(round(gap_s * rate), np.float32)
    parts = [part for clip in clips for part in (gap, clip.samples)]
    return Clip(np.concatenate(parts[1:]), rate)


def cut(clip: Clip, seconds: float) -> Clip:
    """The first ``seconds``; a clip that is shorter is refused."""
    length = round(seconds * clip.rate)
    if not 0 <= length <= len(clip.samples):
        raise UsageError(f"{seconds:g} s cannot be cut from a clip of {clip.seconds:g} s")
    return Clip(clip.samples[:length], clip.rate)


def extend(clips: Iterable[Clip], seconds: float, gap_s: float = 0.0) -> Clip:
    """A note of exactly ``seconds`` from clips in their order, starting over when they run out.

    Clips are taken only as far as they are needed, so they may be loaded lazily.
    """
    taken: list[Clip] = []
    missing = seconds
    for clip in clips:
        taken.append(clip)
        missing -= clip.seconds + gap_s
        if missing <= 0 and len(clip.samples):
            break
    once = join(taken, gap_s)
    if len(once.samples) == 0:
        raise UsageError("no note can be made from clips without sound")
    rounds = int(seconds // once.seconds) + 1
    return cut(join([once] * rounds, gap_s), seconds)


def _one_rate(clips: Sequence[Clip]) -> int:
    rates = sorted({clip.rate for clip in clips})
    if len(rates) != 1:
        raise UsageError(f"clips of one rate can be joined, not of {rates or 'none at all'}")
    return rates[0]
