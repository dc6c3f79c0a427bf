"""Bodies to upload: real speech, each file with bytes of its own, so that no store can keep two as one."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from io import BytesIO

import numpy as np

from imlab.audio.speech.corpus import Corpus
from imlab.codec.container import oggopus
from imlab.codec.contract import Coded, encode
from imlab.codec.opus import Opus

NOTE_S = 6.4  # of Opus at 24 kbit/s in Ogg: about 20 kB
CODEC = Opus(bitrate=24_000, frame_ms=20)
DISTINCT = 4  # recordings; the files made of one differ in their stream's serial number, and so in every checksum
RATE = 48_000  # Hz of the long recording: 16 bits, two channels, 192 kB/s


def notes(corpus: Corpus, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Ogg Opus files."""
    recordings: list[Coded] = [
        encode(CODEC, corpus.note(NOTE_S, CODEC.rate, seed)) for seed in rng.integers(0, 2**31, DISTINCT).tolist()
    ]
    for index, serial in enumerate(rng.choice(2**31, count, replace=False).tolist()):
        yield oggopus.write(recordings[index % DISTINCT], serial)


def recording(corpus: Corpus, size: int, rng: np.random.Generator) -> bytes:
    """A stereo WAV of about ``size`` bytes, a whole number of samples."""
    mono = corpus.note(10.0, RATE, int(rng.integers(0, 2**31))).samples
    samples = (np.repeat(mono[:, None], 2, axis=1) * 32_767).astype("<i2").tobytes()
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(2)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes((samples * (size // len(samples) + 1))[: (size - 44) // 4 * 4])
    return file.getvalue()
