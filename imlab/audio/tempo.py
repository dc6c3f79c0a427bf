"""Faster or slower speech at its own pitch: WSOLA (Verhelst and Roelands, ICASSP 1993), sample by sample in order.

Windows of the input are laid over each other at half their length. For the next one, the input is entered where
time, at the wanted speed, has come to; or up to a pitch period before or after that, where it continues best the window
laid last, measured by the normalised cross-correlation with what followed that one in the input. So periods meet in
phase. At speed 1 what followed is the best, and the output is the input.
"""

from __future__ import annotations

import numpy as np

from imlab.audio.clip import Samples
from imlab.errors import UsageError

WINDOW = 0.030  # seconds; two periods of the lowest voice, as the paper has it
SEARCH = 0.0075  # seconds either way; half a period at 66 Hz, so that a period of any voice is within reach
RANGE = (0.5, 2.0)  # what players offer; beyond, words blur
QUIET = 1e-6  # mean square of -60 dB; below it any place is as good


class Tempo:
    """A stream at ``speed`` times its speed; rate in Hz. Out of n samples come n / speed, to the sample, at the end."""

    def __init__(self, rate: int, speed: float) -> None:
        if not RANGE[0] <= speed <= RANGE[1]:
            raise UsageError(f"sound is played at {RANGE[0]:g} to {RANGE[1]:g} times its speed, not {speed:g}")
        self._speed = speed
        self._hop = round(rate * WINDOW / 2)
        self._search = round(rate * SEARCH)
        rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(self._hop) + 0.5) / self._hop)
        self._rise = rise.astype(np.float32)
        self._fall = self._rise[::-1].copy()
        self._input: Samples = np.zeros(0, np.float32)  # from sample ``_at`` of the stream on
        self._at = 0
        self._came = self._gave = 0  # samples in, and out
        self._windows = 0
        self._next = 0  # where in the stream what followed the last window begins

    def push(self, samples: Samples) -> Samples:
        """More of the stream, float32 of shape (n,); out comes what is ready."""
        self._came += len(samples)
        self._input = np.concatenate((self._input, samples))
        return self._run(self._at + len(self._input))

    def finish(self) -> Samples:
        """The end: what was still inside, as if silence followed."""
        whole = round(self._came / self._speed)
        silence = np.zeros(2 * (self._hop + self._search) + self._hop, np.float32)
        self._input = np.concatenate((self._input, silence))
        rest = [self._run(self._at + len(self._input))]
        while self._gave < whole:  # a stream shorter than a window
            self._input = np.concatenate((self._input, silence))
            rest.append(self._run(self._at + len(self._input)))
        out = np.concatenate(rest)
        return out[: len(out) - (self._gave - whole)]

    def _run(self, end: int) -> Samples:
        """All windows whose samples are here."""
        parts = []
        while True:
            ideal = round(self._windows * self._hop * self._speed)
            furthest = max(ideal + self._search, self._next) + 2 * self._hop
            if furthest > end:
                break
            start = self._best(ideal)
            before = self._cut(self._next, self._hop)
            parts.append(before * self._fall + self._cut(start, self._hop) * self._rise)
            self._windows += 1
            self._next = start + self._hop
            self._forget(min(self._next, round(self._windows * self._hop * self._speed) - self._search))
        out: Samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        self._gave += len(out)
        return out

    def _best(self, ideal: int) -> int:
        """Where near ``ideal`` the input goes on most like the last window did."""
        if self._windows == 0 or self._next == ideal:
            return ideal
        template = self._cut(self._next, 2 * self._hop)
        low = max(ideal - self._search, self._at)
        region = self._cut(low, ideal + self._search + 2 * self._hop - low)
        alike = np.correlate(region, template, "valid")
        energy = np.cumsum(np.concatenate(([0.0], np.square(region, dtype=np.float64))))
        power = energy[2 * self._hop :] - energy[: -2 * self._hop]
        score = alike / np.sqrt(np.maximum(power, QUIET * 2 * self._hop))
        return low + int(np.argmax(score))

    def _cut(self, start: int, length: int) -> Samples:
        return self._input[start - self._at : start - self._at + length]

    def _forget(self, before: int) -> None:
        if before > self._at:
            self._input = self._input[before - self._at :]
            self._at = before
