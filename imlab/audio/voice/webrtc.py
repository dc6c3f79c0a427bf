"""WebRTC's voice detector: a Gaussian mixture over six bands, fixed point, as telephones have had it since 2011.

The one door to the C module of the webrtcvad-wheels package; its Python wrapper would add a call per 10 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.files import to_int16
from imlab.audio.resample import resample
from imlab.audio.voice.activity import PER_SECOND, Activity, steps
from imlab.errors import DoorError, UsageError

RATES = (8_000, 16_000, 32_000, 48_000)  # Hz that the module takes; it listens below 4 kHz whatever the rate
WORKING = 16_000  # Hz for any other
MODES = range(4)
INSTALL = "webrtcvad-wheels is not installed: `pip install webrtcvad-wheels`"


@dataclass(frozen=True, slots=True)
class WebRtc:
    """Mode 0 lets most through, mode 3 least: how sure it must be that this is a voice."""

    mode: int = 2

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"WebRTC's detector has the modes 0 to 3, not {self.mode!r}")

    def __call__(self, clip: Clip) -> Activity:
        """One flag per step."""
        module = _module()
        sound = clip if clip.rate in RATES else resample(clip, WORKING)
        frame, count = sound.rate // PER_SECOND, steps(clip)
        padded = np.zeros(count * frame, np.int16)
        kept = sound.samples[: len(padded)]
        padded[: len(kept)] = to_int16(kept)
        stream, pcm, size = module.create(), padded.tobytes(), 2 * frame
        module.init(stream)
        module.set_mode(stream, self.mode)
        decide, rate = module.process, sound.rate
        flags = [decide(stream, rate, pcm[at : at + size], frame) for at in range(0, len(pcm), size)]
        return Activity(np.asarray(flags, np.bool_))


def _module() -> Any:
    try:
        import _webrtcvad
    except ImportError as error:
        raise DoorError(INSTALL) from error
    return _webrtcvad
