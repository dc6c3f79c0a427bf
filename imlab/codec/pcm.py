"""Uncompressed sound: 16-bit little-endian samples, the reference that every codec is measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.audio.clip import Samples
from imlab.codec.contract import CodecError
from imlab.errors import UsageError

FULL_SCALE = 32_768  # one step of 16 bits is 1/32768, so that every step comes back exactly


@dataclass(frozen=True, slots=True)
class Pcm:
    """16-bit PCM. rate in Hz, frame_ms in milliseconds."""

    rate: int = 16_000
    frame_ms: float = 20

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise UsageError(f"a rate is in Hz and positive, not {self.rate}")
        samples = self.rate * self.frame_ms / 1000
        if samples < 0.5 or abs(samples - round(samples)) > 1e-6:
            raise UsageError(f"{self.frame_ms} ms at {self.rate} Hz are {samples:g} samples: a whole number is needed")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "pcm"

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return round(self.rate * self.frame_ms / 1000)

    @property
    def delay(self) -> int:
        """None."""
        return 0

    def encoder(self) -> PcmEncoder:
        """A fresh encoder."""
        return PcmEncoder(self.frame)

    def decoder(self) -> PcmDecoder:
        """A fresh decoder."""
        return PcmDecoder(self.frame)


@dataclass(frozen=True, slots=True)
class PcmEncoder:
    """Rounds to the nearest step; what is over full scale is clipped."""

    frame: int

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (codec.frame,), full scale -1..1."""
        if frame.shape != (self.frame,):
            raise UsageError(f"a frame has shape {(self.frame,)}, not {frame.shape}")
        return np.clip(np.rint(frame * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()

    def copy(self) -> PcmEncoder:
        """Itself: it remembers nothing."""
        return self


@dataclass(frozen=True, slots=True)
class PcmDecoder:
    """Every packet is one frame of two bytes per sample."""

    frame: int

    def decode(self, packet: bytes) -> Samples:
        """The frame's samples, float32 of shape (codec.frame,), -1..1."""
        if len(packet) != 2 * self.frame:
            raise CodecError(f"a PCM packet of {self.frame} samples has {2 * self.frame} bytes, not {len(packet)}")
        return np.frombuffer(packet, "<i2").astype(np.float32) / np.float32(FULL_SCALE)

    def conceal(self, samples: int) -> Samples:
        """Silence, float32 of shape (samples,)."""
        return np.zeros(samples, np.float32)
