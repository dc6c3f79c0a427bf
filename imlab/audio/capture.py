"""Sound as it comes from a microphone: frames of 20, 40 or 60 ms, each at the time when its last sample was there.

A file, a clip and a corpus are cut into the same frames that a microphone gives, all at once; ``pace`` hands
them out when they are due, on whatever clock it is given, so a recorder cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imlab.audio.clip import Clip, Samples
from imlab.audio.files import read_clip
from imlab.audio.resample import resample
from imlab.errors import UsageError

RATE = 16_000  # Hz; wide-band speech, what Opus at 16-24 kbit/s codes whole
FRAME_MS = 20  # Opus's usual frame; 40 and 60 save header bytes and add wait


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of capture. at: seconds since capture began when its last sound was there.

    samples: float32, shape (n,), n the same for all frames; length: how many of them are sound. Only the last
    frame is padded (with silence), so that only there length < n; a capture without any sound is one frame of length 0.
    """

    at: float
    samples: Samples
    length: int
    last: bool


def clip_frames(clip: Clip, frame_ms: float = FRAME_MS) -> Iterator[Frame]:
    """A clip, at its own rate."""
    return cut_frames([clip.samples], clip.rate, frame_ms)


def file_frames(path: Path, frame_ms: float = FRAME_MS, rate: int = RATE) -> Iterator[Frame]:
    """A sound file, at ``rate`` Hz."""
    return clip_frames(resample(read_clip(path), rate), frame_ms)


def clips_frames(clips: Iterable[Clip], frame_ms: float = FRAME_MS, rate: int = RATE) -> Iterator[Frame]:
    """Clips one after the other as one long capture, at ``rate`` Hz, loaded as they are reached: a corpus."""
    return cut_frames((resample(clip, rate).samples for clip in clips), rate, frame_ms)


def cut_frames(blocks: Iterable[Samples], rate: int, frame_ms: float = FRAME_MS) -> Iterator[Frame]:
    """Blocks of samples of any length as frames of one length.

    A frame leaves when a sample after it has come, or the end: only then is it known whether it is the last.
    """
    size = frame_size(rate, frame_ms)
    waiting = np.empty(0, np.float32)
    taken = 0
    for block in blocks:
        waiting = np.concatenate((waiting, block))
        whole = max(0, (len(waiting) - 1) // size)
        for start in range(0, whole * size, size):
            taken += size
            yield Frame(taken / rate, waiting[start : start + size], size, last=False)
        waiting = waiting[whole * size :]
    length = len(waiting)
    padded = np.concatenate((waiting, np.zeros(size - length, np.float32)))
    yield Frame((taken + length) / rate, padded, length, last=True)


def frame_size(rate: int, frame_ms: float) -> int:
    """Samples in a frame; a frame that is not a whole number of samples is refused."""
    size = round(rate * frame_ms / 1000)
    if size < 1 or abs(size - rate * frame_ms / 1000) > 1e-6:
        raise UsageError(f"a frame of {frame_ms:g} ms at {rate} Hz is not a whole number of samples")
    return size


def pace(
    frames: Iterable[Frame], clock: Callable[[], float], sleep: Callable[[float], object], speed: float = 1.0
) -> Iterator[Frame]:
    """Hand each frame out when it is due: ``at / speed`` seconds after the first was asked for.

    The schedule is absolute: a reader that was late gets what it missed at once, and nothing drifts. speed 1 is
    real time, 10 is ten times as fast.
    """
    if speed <= 0:
        raise UsageError(f"sound is paced forward, not at speed {speed:g}")
    start = clock()
    for frame in frames:
        wait = start + frame.at / speed - clock()
        if wait > 0:
            sleep(wait)
        yield frame
