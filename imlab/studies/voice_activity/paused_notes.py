"""A note of a block: clean clips that no other block has, with pauses; and the voices that may be a crowd behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imlab.audio.capture import RATE
from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.audio.speech.corpus import Corpus
from imlab.audio.speech.manifest import Entry
from imlab.audio.voice.paused import Paused, with_pauses
from imlab.audio.voice.truth import clean, voiced
from imlab.errors import InvalidRun

PAUSES = 0.28  # of the note
CROWD = 6  # voices behind it
ENOUGH = 0.15  # of the speech may be missing, rather than a last clip of one word
ORDER = 13  # the seed that shuffles the corpus, the same for all blocks


@dataclass(frozen=True, slots=True, eq=False)
class PausedNote:
    """The note, and other voices at its rate."""

    note: Paused
    voices: tuple[Clip, ...]


def paused_note(corpus: Corpus, block: int, blocks: int, speech_s: float, seed: int) -> PausedNote:
    """About ``speech_s`` seconds of speech out of clean clips, with 28 % of pauses; the crowd is none of them.

    A block begins with its own share of a shuffled corpus and goes on into the others' when that is used up: where the
    corpus is large enough, no clip is in two notes. InvalidRun where no recording is clean enough to know the truth.
    """
    entries = _shuffled(corpus.entries, block, blocks)
    clips, used = _take(entries, speech_s)
    if not clips:
        raise InvalidRun(f"no recording is quiet enough in its pauses to know who speaks ({corpus})")
    others = [entry for entry in entries if entry.name not in used] or list(entries)
    voices = tuple(resample(entry.load(), RATE) for entry in others[-CROWD:])
    return PausedNote(with_pauses(clips, PAUSES, np.random.default_rng(seed)), voices)


def _shuffled(entries: Sequence[Entry], block: int, blocks: int) -> list[Entry]:
    """All entries, this block's own share first."""
    order = np.random.default_rng(ORDER).permutation(len(entries))
    return [entries[index] for start in range(blocks) for index in order[(block + start) % blocks :: blocks]]


def _take(entries: Sequence[Entry], speech_s: float) -> tuple[list[Clip], set[str]]:
    """Clean clips in their order until they hold enough speech; the last is cut where it would hold too much."""
    clips: list[Clip] = []
    used, missing = set(), speech_s
    for entry in entries:
        if missing < ENOUGH * speech_s:
            break
        clip = resample(entry.load(), RATE)
        if clean(clip):
            clips.append(Clip(clip.samples[: round(missing / (1 - PAUSES) * RATE)], RATE))
            missing -= voiced(clips[-1]).share * clips[-1].seconds
            used.add(entry.name)
    return clips, used
