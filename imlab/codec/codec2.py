"""Codec 2 (David Rowe): speech as parameters of a model, 700 to 3200 bit/s, through libcodec2 of the wheel pycodec2.

Nothing of the waveform survives, only pitch, spectrum and loudness, so that a score which compares waveforms says
little. The decoder draws the phases of unvoiced sound from one generator for the whole process: the same packets never
sound twice exactly alike.
"""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from imlab.audio.clip import Samples
from imlab.codec.contract import CodecError
from imlab.codec.library import ADDRESS, BYTES, NUMBER, Library, Native, load
from imlab.codec.steps import Intake, Outlet
from imlab.errors import DoorError, UsageError

LIBRARY = Native(
    name="codec2",
    variable="IMLAB_LIBCODEC2",
    wheel="pycodec2",
    symbols=("codec2_create", "codec2_encode", "codec2_decode", "codec2_destroy"),
    install="pip install pycodec2 (its wheel carries it)",
    abi="1.2",
)
RATE = 8_000  # Hz


@dataclass(frozen=True, slots=True)
class Mode:
    """number: libcodec2's (codec2.h); frame and delay in samples; size of a packet in bytes, the bits filled up.

    delay: the analysis looks at the middle of a window of 40 ms and is heard a subframe of 10 ms later; "700c" sends
    every fourth subframe and is one more behind. By the envelopes of six clips of speech: 167-174, and 244.
    """

    number: int
    frame: int
    size: int
    delay: int


MODES = {
    "3200": Mode(0, 160, 8, 160),
    "2400": Mode(1, 160, 6, 160),
    "1600": Mode(2, 320, 8, 160),
    "1400": Mode(3, 320, 7, 160),
    "1300": Mode(4, 320, 7, 160),
    "1200": Mode(5, 320, 6, 160),
    "700c": Mode(8, 320, 4, 240),
}


@dataclass(frozen=True, slots=True)
class Codec2:
    """mode: "3200" to "700c", its bit/s. 8 kHz; 20 ms, and from "1600" down 40."""

    mode: str = "3200"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"Codec 2 has no mode {self.mode!r}: one of {', '.join(MODES)}")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return f"codec2-{self.mode}"

    @property
    def rate(self) -> int:
        """8 kHz."""
        return RATE

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return MODES[self.mode].frame

    @property
    def delay(self) -> int:
        """The analysis window and the overlap of synthesis, in samples."""
        return MODES[self.mode].delay

    def encoder(self) -> Codec2Encoder:
        """A fresh encoder."""
        return Codec2Encoder(MODES[self.mode])

    def decoder(self) -> Codec2Decoder:
        """A fresh decoder."""
        return Codec2Decoder(MODES[self.mode])


class Codec2Encoder:
    """One stream on its way in."""

    __slots__ = ("__weakref__", "_encode", "_intake", "_out", "_state")

    def __init__(self, mode: Mode) -> None:
        self._state = _state(self, mode)
        self._encode = library().calls.codec2_encode
        self._intake = Intake(mode.frame)
        self._out: Any = (ctypes.c_char * mode.size)()

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (codec.frame,), full scale -1..1."""
        self._intake.take(frame)
        self._encode(self._state, self._out, self._intake.address)
        packet: bytes = self._out.raw
        return packet

    def copy(self) -> Codec2Encoder:
        """UsageError: the library keeps its state in pieces that it alone can find."""
        raise UsageError("a Codec 2 encoder cannot be copied: libcodec2 offers no way to")


class Codec2Decoder:
    """One stream on its way out."""

    __slots__ = ("__weakref__", "_decode", "_outlet", "_size", "_state")

    def __init__(self, mode: Mode) -> None:
        self._state = _state(self, mode)
        self._decode = library().calls.codec2_decode
        self._size = mode.size
        self._outlet = Outlet(mode.frame)

    def decode(self, packet: bytes) -> Samples:
        """The packet's samples, float32 of shape (codec.frame,); any bytes of the right number are some sound."""
        if len(packet) != self._size:
            raise CodecError(f"a packet of this Codec 2 mode has {self._size} bytes, not {len(packet)}")
        self._decode(self._state, self._outlet.address, packet)
        return self._outlet.give()

    def conceal(self, samples: int) -> Samples:
        """Silence, float32 of shape (samples,): the library has no better guess."""
        return np.zeros(samples, np.float32)


def _state(owner: object, mode: Mode) -> Any:
    """A stream that ends with its owner."""
    calls = library().calls
    state = calls.codec2_create(mode.number)
    if not state:
        raise DoorError(f"libcodec2 could not open a stream of its mode {mode.number}")
    weakref.finalize(owner, calls.codec2_destroy, state)
    return state


@cache
def library() -> Library:
    """libcodec2, its functions declared as codec2.h has them."""
    found = load(LIBRARY)
    found.declare("codec2_create", ADDRESS, NUMBER)
    found.declare("codec2_destroy", None, ADDRESS)
    found.declare("codec2_encode", None, ADDRESS, BYTES, ADDRESS)
    found.declare("codec2_decode", None, ADDRESS, ADDRESS, BYTES)
    return found
