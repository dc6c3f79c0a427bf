"""LC3 (Bluetooth SIG, Low Complexity Communication Codec 1.0) through Google's liblc3, which the wheel lc3py carries.

The wheel's own classes make fresh buffers for every frame and never free a stream, so liblc3 is called here directly:
a stream is one block of memory that we own. Samples travel as 16 bits, because a NaN would walk out of its tables.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

from imlab.audio.clip import Samples
from imlab.codec.contract import CodecError
from imlab.codec.library import ADDRESS, BYTES, NUMBER, Library, Native, load
from imlab.codec.steps import Intake, Outlet
from imlab.errors import DoorError, UsageError

LIBRARY = Native(
    name="lc3",
    variable="IMLAB_LIBLC3",
    wheel="lc3",
    symbols=("lc3_setup_encoder", "lc3_setup_decoder", "lc3_encode", "lc3_decode"),
    install="pip install lc3py (its wheel carries it)",
    abi="1",
    release="lc3py",
)
RATES = (8_000, 16_000, 24_000, 32_000, 48_000)  # Hz
LOOKAHEAD_MS = {7.5: 4.0, 10: 2.5}  # by frame_ms: what the transform's window sees of the next frame
BYTES_IN_A_FRAME = range(20, 401)
SHORTS = 0  # LC3_PCM_FORMAT_S16


@dataclass(frozen=True, slots=True)
class Lc3:
    """LC3 settings for a mono stream. bitrate in bit/s, constant; frame_ms: 7.5 or 10; rate in Hz."""

    bitrate: int = 24_000
    frame_ms: float = 10
    rate: int = 16_000

    def __post_init__(self) -> None:
        if self.rate not in RATES:
            raise UsageError(f"LC3 has no rate {self.rate!r}: one of {', '.join(map(str, RATES))} Hz")
        if self.frame_ms not in LOOKAHEAD_MS:
            raise UsageError(f"LC3 has no frame_ms {self.frame_ms!r}: one of {', '.join(map(str, LOOKAHEAD_MS))} ms")
        if self.bytes not in BYTES_IN_A_FRAME:
            low, high = (round(size * 8000 / self.frame_ms) for size in (20, 400))
            raise UsageError(f"LC3 has no bitrate {self.bitrate!r} in frames of {self.frame_ms} ms: {low} to {high}")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "lc3"

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return round(self.rate * self.frame_ms / 1000)

    @property
    def delay(self) -> int:
        """The transform's lookahead in samples."""
        return round(self.rate * LOOKAHEAD_MS[self.frame_ms] / 1000)

    @property
    def bytes(self) -> int:
        """In every packet."""
        return int(self.bitrate * self.frame_ms / 8000)

    def encoder(self) -> Lc3Encoder:
        """A fresh encoder."""
        return Lc3Encoder(self)

    def decoder(self) -> Lc3Decoder:
        """A fresh decoder; it takes packets of every bitrate."""
        return Lc3Decoder(self)


class Lc3Encoder:
    """One stream on its way in."""

    __slots__ = ("_bytes", "_encode", "_intake", "_out", "_settings", "_state")

    def __init__(self, settings: Lc3) -> None:
        calls = library().calls
        self._settings = settings
        self._state = _state(calls.lc3_encoder_size, calls.lc3_setup_encoder, settings)
        self._encode = calls.lc3_encode
        self._intake = Intake(settings.frame)
        self._bytes = settings.bytes
        self._out: Any = (ctypes.c_char * self._bytes)()

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (codec.frame,), full scale -1..1."""
        self._intake.take(frame)
        if self._encode(self._state, SHORTS, self._intake.address, 1, self._bytes, self._out):
            raise DoorError(f"liblc3 could not encode a frame into {self._bytes} bytes")
        packet: bytes = self._out.raw
        return packet

    def copy(self) -> Lc3Encoder:
        """Another stream with the same past: liblc3's state is one block that holds no address."""
        twin = Lc3Encoder(self._settings)
        ctypes.memmove(twin._state, self._state, ctypes.sizeof(self._state))
        return twin


class Lc3Decoder:
    """One stream on its way out."""

    __slots__ = ("_decode", "_frame", "_outlet", "_state")

    def __init__(self, settings: Lc3) -> None:
        calls = library().calls
        self._state = _state(calls.lc3_decoder_size, calls.lc3_setup_decoder, settings)
        self._decode = calls.lc3_decode
        self._frame = settings.frame
        self._outlet = Outlet(settings.frame)

    def decode(self, packet: bytes) -> Samples:
        """The packet's samples, float32 of shape (codec.frame,); CodecError for bytes that are no packet."""
        if len(packet) not in BYTES_IN_A_FRAME:
            raise CodecError(f"an LC3 packet has 20 to 400 bytes, this one {len(packet)}")
        if self._decode(self._state, packet, len(packet), SHORTS, self._outlet.address, 1):  # 1: it could only guess
            raise CodecError(f"not an LC3 packet: {len(packet)} bytes, {packet[:16].hex()}")
        return self._outlet.give()

    def conceal(self, samples: int) -> Samples:
        """liblc3's guess at a lost packet, which fades with every further one; samples: one frame."""
        if samples != self._frame:
            raise UsageError(f"LC3 conceals one frame of {self._frame} samples, not {samples}")
        self._decode(self._state, None, 0, SHORTS, self._outlet.address, 1)
        return self._outlet.give()


def _state(size: Any, setup: Any, settings: Lc3) -> Any:
    """A stream's memory, made ready; aligned as a pointer."""
    microseconds = round(settings.frame_ms * 1000)
    words = -(-size(microseconds, settings.rate) // 8)
    state = (ctypes.c_uint64 * words)()
    if not words or not setup(microseconds, settings.rate, 0, state):
        raise DoorError(f"liblc3 could not open a stream of {settings!r}")
    return state


@cache
def library() -> Library:
    """liblc3, its functions declared as lc3.h has them."""
    found = load(LIBRARY)
    found.declare("lc3_encoder_size", ctypes.c_uint, NUMBER, NUMBER)
    found.declare("lc3_decoder_size", ctypes.c_uint, NUMBER, NUMBER)
    found.declare("lc3_setup_encoder", ADDRESS, NUMBER, NUMBER, NUMBER, ADDRESS)
    found.declare("lc3_setup_decoder", ADDRESS, NUMBER, NUMBER, NUMBER, ADDRESS)
    found.declare("lc3_encode", NUMBER, ADDRESS, NUMBER, ADDRESS, NUMBER, NUMBER, BYTES)
    found.declare("lc3_decode", NUMBER, ADDRESS, BYTES, NUMBER, NUMBER, ADDRESS, NUMBER)
    return found
