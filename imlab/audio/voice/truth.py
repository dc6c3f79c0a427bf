"""Where somebody does speak, known from the clean recording, before any noise was added: what detectors are judged by.

A step is speech when its power, over 30 ms, is within 35 dB of the recording's loud steps (their 95th percentile):
weak consonants lie 30 dB under the vowels beside them. Pauses shorter than 200 ms are the closures and breaths that
belong to speech, and count as speech (ITU-T P.59 begins to count pauses there); sounds shorter than 30 ms are clicks.
Power can only tell where the room is quiet, so a recording whose own floor is less than 40 dB under its loud steps is
not used. How much hangs on the 35 dB is told beside every truth: the steps that would change sides within 3 dB. Where
they are more than a twentieth, the recording is not used either: nobody can be called wrong by such a truth.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.voice.activity import Activity, Flags
from imlab.audio.voice.energy import SMOOTH, levels

LOUD, QUIET = 95, 3  # percentiles of the steps' levels: vowels, and the room in a recording with any pause at all
WITHIN = 35.0  # dB under the loud steps
DOUBT = 3.0  # dB to either side
CLEAN = 40.0  # dB from the loud steps down to the floor
MOST_DOUBT = 0.05  # of the steps
SHORTEST_PAUSE, SHORTEST_SOUND = 20, 3  # steps


def clean(clip: Clip) -> bool:
    """Whether the recording is quiet enough in its pauses for its power to tell who speaks, wherever the line lies."""
    level = levels(clip, SMOOTH)
    quiet = len(level) > 0 and bool(np.subtract(*np.percentile(level, [LOUD, QUIET])) >= CLEAN)
    return quiet and float(doubtful(clip).mean()) <= MOST_DOUBT


def voiced(clip: Clip, within: float = WITHIN) -> Activity:
    """Where speech is in a clean recording; all of a recording without loud steps is a pause."""
    level = levels(clip, SMOOTH)
    if not clip.samples.any():
        return Activity(np.zeros(len(level), np.bool_))
    return Activity(_settled(level > np.percentile(level, LOUD) - within))


def doubtful(clip: Clip) -> Flags:
    """The steps whose truth hangs on where the line is drawn; shape (steps,)."""
    return np.logical_xor(voiced(clip, WITHIN - DOUBT).speech, voiced(clip, WITHIN + DOUBT).speech)


def _settled(speech: Flags) -> Flags:
    """Short sounds dropped, then short pauses inside speech filled."""
    settled = speech.copy()
    for start, stop in Activity(speech).spans:
        settled[start:stop] = stop - start >= SHORTEST_SOUND
    spans = Activity(settled).spans
    for (_, stop), (start, _) in pairwise(spans):
        if start - stop < SHORTEST_PAUSE:
            settled[stop:start] = True
    return settled
