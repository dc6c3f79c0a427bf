"""G.711 (ITU-T G.711): eight bits a sample on a curve that is fine where sound is soft, 64 kbit/s, in two laws.

The law of a decoder is a table of 256 levels. The encoder's is the inverse by the standard's decision values, as a
table over every 16-bit step; so a frame is one look-up, and so is a packet. A step that lies on a decision value, as
far from the level within as from the one without, goes outward on both sides of zero, as libsndfile has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Samples
from imlab.codec.contract import CodecError
from imlab.codec.pcm import FULL_SCALE
from imlab.codec.steps import ONE, Intake, Steps
from imlab.errors import UsageError

RATE = 8_000  # Hz
NAMES = {"a": "pcma", "mu": "pcmu"}  # RFC 3551's names of the two laws
A_LAW_FLIP = 0x55  # every second bit is inverted on the wire, so that silence does not look like a dead line
MU_LAW_FLIP = 0xFF  # every bit is
MU_LAW_BIAS = 0x84  # 33 of the standard's 14 bits, in 16: it makes each segment begin at a power of two
MU_LAW_CLIP = 32_635  # the largest level that has a code, in 16 bits


@dataclass(frozen=True, slots=True)
class G711:
    """law: "a" (most of the world) or "mu" (North America and Japan); frame_ms in milliseconds. 8 kHz."""

    law: str = "a"
    frame_ms: float = 20

    def __post_init__(self) -> None:
        if self.law not in NAMES:
            raise UsageError(f"G.711 has no law {self.law!r}: one of {', '.join(NAMES)}")
        samples = RATE * self.frame_ms / 1000
        if samples < 0.5 or abs(samples - round(samples)) > 1e-6:
            raise UsageError(f"{self.frame_ms} ms at {RATE} Hz are {samples:g} samples: a whole number is needed")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return NAMES[self.law]

    @property
    def rate(self) -> int:
        """8 kHz."""
        return RATE

    @property
    def frame(self) -> int:
        """Samples in one frame, and bytes in one packet."""
        return round(RATE * self.frame_ms / 1000)

    @property
    def delay(self) -> int:
        """None."""
        return 0

    def encoder(self) -> G711Encoder:
        """A fresh encoder."""
        return G711Encoder(self)

    def decoder(self) -> G711Decoder:
        """A fresh decoder."""
        return G711Decoder(self)


class G711Encoder:
    """Rounds to the nearest 16-bit step, clips what is over full scale, looks each step up."""

    __slots__ = ("_codes", "_intake", "_settings")

    def __init__(self, settings: G711) -> None:
        self._settings = settings
        self._codes = _codes(settings.law)
        self._intake = Intake(settings.frame)

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (codec.frame,), full scale -1..1."""
        self._intake.take(frame)
        return self._codes[self._intake.steps.view(np.uint16)].tobytes()

    def copy(self) -> G711Encoder:
        """A fresh one: it remembers nothing."""
        return G711Encoder(self._settings)


class G711Decoder:
    """Every packet is one frame of one byte per sample."""

    __slots__ = ("_frame", "_levels")

    def __init__(self, settings: G711) -> None:
        self._levels = levels(settings.law) * ONE
        self._frame = settings.frame

    def decode(self, packet: bytes) -> Samples:
        """The frame's samples, float32 of shape (codec.frame,), -1..1."""
        if len(packet) != self._frame:
            raise CodecError(f"a G.711 packet of {self._frame} samples has as many bytes, not {len(packet)}")
        heard: Samples = self._levels[np.frombuffer(packet, np.uint8)]
        return heard

    def conceal(self, samples: int) -> Samples:
        """Silence, float32 of shape (samples,)."""
        return np.zeros(samples, np.float32)


@cache
def levels(law: str) -> Steps:
    """The 256 levels of a law, in 16 bits (13 of A-law and 14 of mu-law, at the top), shape (256,)."""
    code = np.arange(256, dtype=np.int32) ^ (A_LAW_FLIP if law == "a" else MU_LAW_FLIP)
    segment, place = code >> 4 & 7, code & 15
    if law == "a":
        level = np.where(segment > 0, (2 * place + 33) << np.maximum(segment - 1, 0), 2 * place + 1) << 3
        positive = code & 0x80 > 0
    else:
        level = ((2 * place + 33) << segment + 2) - MU_LAW_BIAS
        positive = code & 0x80 == 0
    return np.where(positive, level, -level).astype(np.int16)


@cache
def _codes(law: str) -> NDArray[np.uint8]:
    """The code of every 16-bit step, by the step's two bytes taken as unsigned, shape (65536,)."""
    step = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    code = _a_law(step) if law == "a" else _mu_law(step)
    return code.astype(np.uint8)


def _a_law(step: NDArray[np.int32]) -> NDArray[np.int32]:
    """16-bit steps -> codes."""
    size = np.minimum(np.abs(step), FULL_SCALE - 1) >> 3
    segment = _bits(size >> 5)
    code = np.where(step < 0, 0, 0x80) | segment << 4 | size >> np.maximum(segment, 1) & 15
    flipped: NDArray[np.int32] = code ^ A_LAW_FLIP
    return flipped


def _mu_law(step: NDArray[np.int32]) -> NDArray[np.int32]:
    """16-bit steps -> codes."""
    size = np.minimum(np.abs(step), MU_LAW_CLIP) + MU_LAW_BIAS
    segment = _bits(size >> 8)
    code = np.where(step < 0, 0x80, 0) | segment << 4 | size >> segment + 3 & 15
    flipped: NDArray[np.int32] = code ^ MU_LAW_FLIP
    return flipped


def _bits(size: NDArray[np.int32]) -> NDArray[np.int32]:
    """How many binary digits each number has, 0 for 0."""
    return np.frexp(size.astype(np.float64))[1].astype(np.int32)
