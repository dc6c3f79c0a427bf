"""AMR narrow band (3GPP TS 26.071) through libopencore-amrnb: the voice message of phones for two decades.

Packets are those of codec/amr_packet.py. One stream belongs to one thread at a time. A square wave of noise near full
scale comes out of 12.2 kbit/s as near silence (an overflow in the library, it seems); speech clipped fourfold does not.
"""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from imlab.audio.clip import Samples
from imlab.codec.amr_packet import LOST, NARROW, heard
from imlab.codec.library import ADDRESS, BYTES, NUMBER, Library, Native, load
from imlab.codec.steps import Intake, Outlet
from imlab.errors import DoorError, UsageError

LIBRARY = Native(
    name="opencore-amrnb",
    variable="IMLAB_LIBOPENCORE_AMRNB",
    wheel="av",
    symbols=("Encoder_Interface_init", "Decoder_Interface_init"),
    install="pip install av (its wheel carries it) or apt-get install libopencore-amrnb0",
)
RATE, FRAME = 8_000, 160  # Hz; samples, 20 ms
DELAY = 40  # samples: the 5 ms that the encoder looks ahead (TS 26.090); measured so, on speech, in every mode
BITRATES = (4_750, 5_150, 5_900, 6_700, 7_400, 7_950, 10_200, 12_200)  # bit/s by mode, which is the frame type


@dataclass(frozen=True, slots=True)
class Amr:
    """AMR-NB settings. bitrate in bit/s, one of eight; dtx: pauses are sent as a few bytes. 8 kHz, 20 ms."""

    bitrate: int = 12_200
    dtx: bool = False

    def __post_init__(self) -> None:
        if self.bitrate not in BITRATES:
            raise UsageError(f"AMR has no bitrate {self.bitrate!r}: one of {', '.join(map(str, BITRATES))} bit/s")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "amr"

    @property
    def rate(self) -> int:
        """8 kHz."""
        return RATE

    @property
    def frame(self) -> int:
        """Samples in one frame: 20 ms."""
        return FRAME

    @property
    def delay(self) -> int:
        """The encoder's lookahead in samples."""
        return DELAY

    def encoder(self) -> AmrEncoder:
        """A fresh encoder."""
        return AmrEncoder(self)

    def decoder(self) -> AmrDecoder:
        """A fresh decoder; it takes packets of every mode."""
        return AmrDecoder()


class AmrEncoder:
    """One stream on its way in."""

    __slots__ = ("__weakref__", "_encode", "_intake", "_mode", "_out", "_state")

    def __init__(self, settings: Amr) -> None:
        calls = library().calls
        self._state: Any = calls.Encoder_Interface_init(int(settings.dtx))
        if not self._state:
            raise DoorError("libopencore-amrnb could not open an encoder: out of memory")
        weakref.finalize(self, calls.Encoder_Interface_exit, self._state)
        self._encode = calls.Encoder_Interface_Encode
        self._mode = BITRATES.index(settings.bitrate)
        self._intake = Intake(FRAME)
        self._out: Any = (ctypes.c_char * max(NARROW.values()))()

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (160,), full scale -1..1."""
        self._intake.take(frame)
        size: int = self._encode(self._state, self._mode, self._intake.address, self._out, 0)
        packet: bytes = self._out[:size]
        return packet

    def copy(self) -> AmrEncoder:
        """UsageError: the library keeps its state in pieces that it alone can find."""
        raise UsageError("an AMR encoder cannot be copied: opencore-amr offers no way to")


class AmrDecoder:
    """One stream on its way out."""

    __slots__ = ("__weakref__", "_decode", "_outlet", "_state")

    def __init__(self) -> None:
        calls = library().calls
        self._state: Any = calls.Decoder_Interface_init()
        if not self._state:
            raise DoorError("libopencore-amrnb could not open a decoder: out of memory")
        weakref.finalize(self, calls.Decoder_Interface_exit, self._state)
        self._decode = calls.Decoder_Interface_Decode
        self._outlet = Outlet(FRAME)

    def decode(self, packet: bytes) -> Samples:
        """The packet's samples, float32 of shape (160,); a packet marked as damaged is concealed, as RFC 4867 asks."""
        return self._run(heard(packet, NARROW))

    def conceal(self, samples: int) -> Samples:
        """The library's guess at lost packets; a multiple of 160 samples."""
        if samples <= 0 or samples % FRAME:
            raise UsageError(f"AMR conceals a multiple of {FRAME} samples, not {samples}")
        return np.concatenate([self._run(LOST) for _ in range(samples // FRAME)])

    def _run(self, packet: bytes) -> Samples:
        self._decode(self._state, packet, self._outlet.address, 0)
        return self._outlet.give()


@cache
def library() -> Library:
    """libopencore-amrnb, its functions declared as interf_enc.h and interf_dec.h have them."""
    found = load(LIBRARY)
    found.declare("Encoder_Interface_init", ADDRESS, NUMBER)
    found.declare("Encoder_Interface_Encode", NUMBER, ADDRESS, NUMBER, ADDRESS, BYTES, NUMBER)
    found.declare("Encoder_Interface_exit", None, ADDRESS)
    found.declare("Decoder_Interface_init", ADDRESS)
    found.declare("Decoder_Interface_Decode", None, ADDRESS, BYTES, ADDRESS, NUMBER)
    found.declare("Decoder_Interface_exit", None, ADDRESS)
    return found
