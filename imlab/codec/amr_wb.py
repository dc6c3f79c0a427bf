"""AMR wide band (ITU-T G.722.2, 3GPP TS 26.171): the HD voice of mobile calls, heard by everyone and coded by few.

libopencore-amrwb decodes and cannot encode; libvo-amrwbenc encodes, and no wheel carries it. Packets are those of
codec/amr_packet.py. One stream belongs to one thread at a time.
"""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from imlab.audio.clip import Samples
from imlab.codec.amr_packet import LOST, WIDE, heard
from imlab.codec.library import ADDRESS, BYTES, NUMBER, Library, Native, load
from imlab.codec.steps import Intake, Outlet
from imlab.errors import DoorError, UsageError

DECODER = Native(
    name="opencore-amrwb",
    variable="IMLAB_LIBOPENCORE_AMRWB",
    wheel="av",
    symbols=("D_IF_init", "D_IF_decode", "D_IF_exit"),
    install="pip install av (its wheel carries it) or apt-get install libopencore-amrwb0",
)
ENCODER = Native(
    name="vo-amrwbenc",
    variable="IMLAB_LIBVO_AMRWBENC",
    wheel="av",
    symbols=("E_IF_init", "E_IF_encode", "E_IF_exit"),
    install="apt-get install libvo-amrwbenc0",
)
RATE, FRAME = 16_000, 320  # Hz; samples, 20 ms
DELAY = 95  # samples: 80 of lookahead and the filters to 12.8 kHz and back; measured so, on speech, in every mode
BITRATES = (6_600, 8_850, 12_650, 14_250, 15_850, 18_250, 19_850, 23_050, 23_850)  # bit/s by mode, the frame type


@dataclass(frozen=True, slots=True)
class AmrWb:
    """AMR-WB settings. bitrate in bit/s, one of nine; dtx: pauses are sent as a few bytes. 16 kHz, 20 ms."""

    bitrate: int = 12_650
    dtx: bool = False

    def __post_init__(self) -> None:
        if self.bitrate not in BITRATES:
            raise UsageError(f"AMR-WB has no bitrate {self.bitrate!r}: one of {', '.join(map(str, BITRATES))} bit/s")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "amr-wb"

    @property
    def rate(self) -> int:
        """16 kHz."""
        return RATE

    @property
    def frame(self) -> int:
        """Samples in one frame: 20 ms."""
        return FRAME

    @property
    def delay(self) -> int:
        """The encoder's lookahead and the filters of both sides, in samples."""
        return DELAY

    def encoder(self) -> AmrWbEncoder:
        """A fresh encoder; DoorError where libvo-amrwbenc is missing."""
        return AmrWbEncoder(self)

    def decoder(self) -> AmrWbDecoder:
        """A fresh decoder; it takes packets of every mode."""
        return AmrWbDecoder()


class AmrWbEncoder:
    """One stream on its way in."""

    __slots__ = ("__weakref__", "_dtx", "_encode", "_intake", "_mode", "_out", "_state")

    def __init__(self, settings: AmrWb) -> None:
        calls = encoding().calls
        self._state: Any = calls.E_IF_init()
        if not self._state:
            raise DoorError("libvo-amrwbenc could not open an encoder: out of memory")
        weakref.finalize(self, calls.E_IF_exit, self._state)
        self._encode = calls.E_IF_encode
        self._mode = BITRATES.index(settings.bitrate)
        self._dtx = int(settings.dtx)
        self._intake = Intake(FRAME)
        self._out: Any = (ctypes.c_char * max(WIDE.values()))()

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (320,), full scale -1..1."""
        self._intake.take(frame)
        size: int = self._encode(self._state, self._mode, self._intake.address, self._out, self._dtx)
        packet: bytes = self._out[:size]
        return packet

    def copy(self) -> AmrWbEncoder:
        """UsageError: the library keeps its state in pieces that it alone can find."""
        raise UsageError("an AMR-WB encoder cannot be copied: vo-amrwbenc offers no way to")


class AmrWbDecoder:
    """One stream on its way out."""

    __slots__ = ("__weakref__", "_decode", "_outlet", "_state")

    def __init__(self) -> None:
        calls = decoding().calls
        self._state: Any = calls.D_IF_init()
        if not self._state:
            raise DoorError("libopencore-amrwb could not open a decoder: out of memory")
        weakref.finalize(self, calls.D_IF_exit, self._state)
        self._decode = calls.D_IF_decode
        self._outlet = Outlet(FRAME)

    def decode(self, packet: bytes) -> Samples:
        """The packet's samples, float32 of shape (320,); a packet marked as damaged is concealed, as RFC 4867 asks."""
        return self._run(heard(packet, WIDE))

    def conceal(self, samples: int) -> Samples:
        """The library's guess at lost packets; a multiple of 320 samples."""
        if samples <= 0 or samples % FRAME:
            raise UsageError(f"AMR-WB conceals a multiple of {FRAME} samples, not {samples}")
        return np.concatenate([self._run(LOST) for _ in range(samples // FRAME)])

    def _run(self, packet: bytes) -> Samples:
        self._decode(self._state, packet, self._outlet.address, 0)
        return self._outlet.give()


@cache
def encoding() -> Library:
    """libvo-amrwbenc, its functions declared as enc_if.h has them."""
    found = load(ENCODER)
    found.declare("E_IF_init", ADDRESS)
    found.declare("E_IF_encode", NUMBER, ADDRESS, NUMBER, ADDRESS, BYTES, NUMBER)
    found.declare("E_IF_exit", None, ADDRESS)
    return found


@cache
def decoding() -> Library:
    """libopencore-amrwb, its functions declared as dec_if.h has them."""
    found = load(DECODER)
    found.declare("D_IF_init", ADDRESS)
    found.declare("D_IF_decode", None, ADDRESS, BYTES, ADDRESS, NUMBER)
    found.declare("D_IF_exit", None, ADDRESS)
    return found
