"""A note with pauses of a stated share, and the truth about it: how people speak into a phone, built from clean clips.

Each clip is cut to its speech, its own long pauses shortened, brought to one level, and faded in and out; between
the clips, before the first and after the last lies silence, of lengths that are drawn so that speech and pauses come
to the share asked for. The room is added later, over all of it, as noise: so no joint can be heard, and no detector
can find one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.audio.voice.activity import PER_SECOND, Activity, Flags
from imlab.audio.voice.fade import faded
from imlab.audio.voice.truth import doubtful, voiced
from imlab.errors import UsageError

AROUND = 5  # steps of a clip's own room that stay at either side of its speech, and are faded
SHORTEST = 30  # steps; a pause that a listener takes for one
LONGEST = 60  # steps of a clip's own pause; its middle is left out, or one hesitant clip would decide the share
LEVEL = 10 ** (-26 / 10)  # power of speech, full scale 1: -26 dB, the usual level of ITU-T P.56


@dataclass(frozen=True, slots=True, eq=False)
class Paused:
    """A note, where it is speech, and which steps might as well be counted otherwise; speech has the power LEVEL."""

    clip: Clip
    truth: Activity
    doubt: Flags

    @property
    def pauses(self) -> float:
        """The part of the note in which nobody speaks, 0..1."""
        return 1 - self.truth.share


def with_pauses(clips: Sequence[Clip], share: float, draw: np.random.Generator) -> Paused:
    """Clean clips of one rate, a multiple of 100 Hz, with pauses that make ``share`` of the note.

    More of it where the clips' own pauses and one of 0.3 s around each come to more already.
    """
    if not 0 <= share < 1 or not clips or clips[0].rate % PER_SECOND or len({clip.rate for clip in clips}) > 1:
        raise UsageError(f"{share:.0%} of pauses cannot be made of {[clip.rate for clip in clips]} Hz clips")
    said = [_spoken(clip) for clip in clips]
    spoken = sum(len(part.truth.speech) for part in said)
    own = spoken - sum(int(part.truth.speech.sum()) for part in said)
    missing = (share * spoken - own) / (1 - share)
    silences = [_silence(length, clips[0].rate) for length in _lengths(missing, len(said) + 1, draw)]
    parts = [part for pair in zip(silences, said, strict=False) for part in pair] + silences[-1:]
    return Paused(
        Clip(np.concatenate([part.clip.samples for part in parts]), clips[0].rate),
        Activity(np.concatenate([part.truth.speech for part in parts])),
        np.concatenate([part.doubt for part in parts]),
    )


def _lengths(steps: float, count: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """How long each silence is, in steps: the shortest, and a drawn part of what remains."""
    spare = max(0.0, steps - count * SHORTEST)
    return SHORTEST + np.rint(spare * draw.dirichlet(np.ones(count))).astype(np.int64)


def _silence(length: int, rate: int) -> Paused:
    nobody = np.zeros(length, np.bool_)
    return Paused(Clip(np.zeros(length * rate // PER_SECOND, np.float32), rate), Activity(nobody), nobody)


def _spoken(clip: Clip) -> Paused:
    """From the first speech to the last in whole steps, at the usual level."""
    truth, step = voiced(clip), clip.rate // PER_SECOND
    whole = len(clip.samples) // step
    heard = np.flatnonzero(truth.speech[:whole])
    if not len(heard):
        raise UsageError("a clip in which nobody speaks makes no note")
    kept = np.zeros(whole, np.bool_)
    kept[max(0, heard[0] - AROUND) : heard[-1] + 1 + AROUND] = True
    for (_, stop), (start, _) in pairwise(Activity(truth.speech[:whole]).spans):
        kept[stop + LONGEST // 2 : max(start - LONGEST // 2, stop + LONGEST // 2)] = False
    samples, speech = clip.samples[: whole * step].reshape(-1, step)[kept], truth.speech[:whole][kept]
    power = np.square(samples[speech], dtype=np.float64).mean()
    level = faded(samples.reshape(-1) * np.float32(np.sqrt(LEVEL / power)), AROUND * step)
    return Paused(Clip(level, clip.rate), Activity(speech), doubtful(clip)[:whole][kept])
