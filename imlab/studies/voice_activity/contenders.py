"""Who is asked where the voice is, under the names that figures and sentences use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.voice.activity import Activity, Detector, steps
from imlab.audio.voice.energy import Energy
from imlab.audio.voice.silero import Silero
from imlab.audio.voice.webrtc import WebRtc
from imlab.codec.amr import Amr
from imlab.codec.dtx import Dtx
from imlab.codec.opus import Opus

PLAIN = Opus()  # what ./lab send uses, without discontinuous transmission: the bytes that savings are counted from
QUIET = 60  # dB from speech down to noise: a room so quiet that one kind of noise stands for all
TRUTH = "the truth"  # a detector that errs nowhere: the most that cutting can save


@dataclass(frozen=True, slots=True)
class Always:
    """Everything is speech: what a detector must beat to be worth its while."""

    def __call__(self, clip: Clip) -> Activity:
        """One flag per step."""
        return Activity(np.ones(steps(clip), np.bool_))


CONTENDERS: Mapping[str, Detector] = {
    "energy": Energy(),
    "WebRTC 0": WebRtc(0),
    "WebRTC 1": WebRtc(1),
    "WebRTC 2": WebRtc(2),
    "WebRTC 3": WebRtc(3),
    "Silero": Silero(),
    "Opus DTX": Dtx(Opus(dtx=True)),
    "AMR DTX": Dtx(Amr(dtx=True)),
    "always": Always(),
}
