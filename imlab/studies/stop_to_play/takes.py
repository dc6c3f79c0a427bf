"""Recordings that are complete but for the tap: what a phone holds in the moment before its user lets go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imlab.audio.clip import Samples
from imlab.audio.speech.corpus import Corpus
from imlab.client.recorder import Recorder
from imlab.codec.contract import Codec
from imlab.wire.messages import VoiceMessage

DISTINCT = 3  # recordings per cell, each of other speakers; every tap ends a copy of one of them
CAPTURE_S = 0.02  # a sound card hands over 20 ms at a time: at the tap, less than that is still uncoded


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """A recorder that has heard all but the last samples of a note."""

    recorder: Recorder
    rest: Samples

    def stop(self, note_id: str, sender: str, room: str, timestamp_ms: int) -> VoiceMessage:
        """The tap: hear the rest, code the tail, seal the note. Once per take."""
        self.recorder.add(self.rest)
        return self.recorder.stop(note_id, sender, room, timestamp_ms)


def takes(corpus: Corpus, codec: Codec, seconds: float, count: int, rng: np.random.Generator) -> Iterator[Take]:
    """``count`` takes of notes of about ``seconds``: whole capture buffers are coded, a random part of one is not."""
    buffer = round(CAPTURE_S * codec.rate)
    distinct = []
    for seed in rng.integers(0, 2**31, min(count, DISTINCT)).tolist():
        samples = corpus.note(seconds, codec.rate, seed).samples
        whole = len(samples) // buffer * buffer - buffer
        recorder = Recorder(codec)
        for start in range(0, whole, buffer):
            recorder.add(samples[start : start + buffer])
        distinct.append((recorder, samples[whole : whole + buffer]))
    for index in range(count):
        recorder, last = distinct[index % len(distinct)]
        yield Take(recorder.copy(), last[: int(rng.integers(1, len(last)))])
