"""16-bit steps: the form in which most speech codecs take and give their samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Samples
from imlab.codec.pcm import FULL_SCALE
from imlab.errors import UsageError

Steps = NDArray[np.int16]
LOWEST, HIGHEST = np.float32(-FULL_SCALE), np.float32(FULL_SCALE - 1)
ONE = np.float32(1 / FULL_SCALE)


class Intake:
    """Frames of float32 become steps, rounded and clipped, in one buffer that a library may be given the address of."""

    __slots__ = ("_scaled", "address", "steps")

    def __init__(self, frame: int) -> None:
        """frame: samples in each."""
        self._scaled = np.zeros(frame, np.float32)
        self.steps = np.zeros(frame, np.int16)
        self.address: int = self.steps.ctypes.data

    def take(self, frame: Samples) -> None:
        """One frame, float32 of shape (frame,), full scale -1..1; what is louder is clipped."""
        if frame.shape != self.steps.shape:
            raise UsageError(f"a frame has shape {self.steps.shape}, not {frame.shape}")
        np.multiply(frame, FULL_SCALE, out=self._scaled)
        np.rint(self._scaled, out=self._scaled)
        np.maximum(self._scaled, LOWEST, out=self._scaled)  # the two cost a third of np.clip
        np.minimum(self._scaled, HIGHEST, out=self._scaled)
        self.steps[:] = self._scaled


class Outlet:
    """The buffer that a library writes steps into, read as float32."""

    __slots__ = ("_steps", "address")

    def __init__(self, frame: int) -> None:
        """frame: samples in each."""
        self._steps = np.zeros(frame, np.int16)
        self.address: int = self._steps.ctypes.data

    def give(self) -> Samples:
        """What was written, float32 of shape (frame,), -1..1, in memory of its own."""
        return self._steps * ONE
