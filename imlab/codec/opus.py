"""Opus (RFC 6716) through libopus: opuslib's low-level functions over buffers that are kept for the stream's life.

A call costs its C work, one copy in and one copy out; ctypes releases the GIL meanwhile, so that encoders in different
threads run side by side. Decoding a packet is so short (14 us) that handing the GIL over eats most of what a second
thread gains: studies/k01. One stream belongs to one thread at a time.
"""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np

from imlab.audio.clip import Samples
from imlab.codec.contract import CodecError
from imlab.codec.libopus import VARIABLE, load
from imlab.codec.opus_packet import LONGEST_MS
from imlab.errors import DoorError, UsageError

RATES = (8_000, 12_000, 16_000, 24_000, 48_000)  # Hz
FRAMES_MS = (2.5, 5, 10, 20, 40, 60, 80, 100, 120)
BITRATES = range(6_000, 510_001)  # bits per second
COMPLEXITIES = range(11)
APPLICATIONS = {"voip": 2048, "audio": 2049, "lowdelay": 2051}  # OPUS_APPLICATION_*, opus_defines.h
SET_BITRATE, SET_VBR, SET_COMPLEXITY, SET_DTX, SET_VBR_CONSTRAINT = 4002, 4006, 4010, 4016, 4020
GET_LOOKAHEAD = 4027
LARGEST = 6 * 1276  # bytes of the largest packet that libopus writes


@dataclass(frozen=True, slots=True, repr=False)
class Opus:
    """Opus settings for a mono stream. bitrate in bits per second, frame_ms in milliseconds, rate in Hz.

    vbr: the rate follows the sound (constrained: within a reservoir); without it every packet has one size.
    dtx: silence is sent as packets of a byte or two. lowdelay has 2.5 ms of lookahead where the others have 6.5.
    decoder_complexity: what the decoder may spend on the sound, 0 to 10, of which only a libopus with neural networks
    makes anything (codec/opus_features.py says which).
    """

    bitrate: int = 24_000
    frame_ms: float = 20
    complexity: int = 10
    rate: int = 16_000
    vbr: bool = True
    constrained: bool = False
    application: str = "voip"
    dtx: bool = False
    decoder_complexity: int = 0

    def __post_init__(self) -> None:
        _one_of("rate", self.rate, RATES, "Hz")
        _one_of("frame_ms", self.frame_ms, FRAMES_MS, "ms")
        _one_of("application", self.application, tuple(APPLICATIONS), "")
        _within("bitrate", self.bitrate, BITRATES, "bit/s")
        _within("complexity", self.complexity, COMPLEXITIES, "")
        _within("decoder_complexity", self.decoder_complexity, COMPLEXITIES, "")
        if self.constrained and not self.vbr:
            raise UsageError("constrained is a kind of variable bitrate: it needs vbr=True")

    def __repr__(self) -> str:
        """The settings that matter most, and those that are not usual."""
        always = ("bitrate", "frame_ms", "complexity")
        said = [item.name for item in fields(self) if item.name in always or getattr(self, item.name) != item.default]
        return f"Opus({', '.join(f'{name}={getattr(self, name)!r}' for name in said)})"

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "opus"

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return round(self.rate * self.frame_ms / 1000)

    @property
    def delay(self) -> int:
        """The encoder's lookahead, as libopus declares it, in samples."""
        return _lookahead(self.rate, self.application)

    def encoder(self) -> OpusEncoder:
        """A fresh encoder."""
        return OpusEncoder(self)

    def decoder(self) -> OpusDecoder:
        """A fresh decoder; it takes packets of every length and bitrate, and makes mono of stereo."""
        return OpusDecoder(self.rate, self.decoder_complexity)


class OpusEncoder:
    """One stream on its way in."""

    __slots__ = ("__weakref__", "_encode", "_frame", "_out", "_pcm", "_pcm_address", "_settings", "_state")

    def __init__(self, settings: Opus) -> None:
        library = load()
        self._settings = settings
        state = _create(library.encoder, settings.rate, 1, APPLICATIONS[settings.application])
        weakref.finalize(self, library.encoder.destroy, state)
        for request, value in (
            (SET_BITRATE, settings.bitrate),
            (SET_COMPLEXITY, settings.complexity),
            (SET_VBR, settings.vbr),
            (SET_VBR_CONSTRAINT, settings.constrained),
            (SET_DTX, settings.dtx),
        ):
            _control(library.encoder, state, request, int(value))
        self._state = _address(state)
        self._encode = library.encoder.libopus_encode_float
        self._frame = settings.frame
        self._pcm = np.zeros(settings.frame, np.float32)
        self._pcm_address = self._pcm.ctypes.data
        self._out: Any = (ctypes.c_char * LARGEST)()

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (codec.frame,), full scale -1..1."""
        if frame.shape != self._pcm.shape:
            raise UsageError(f"a frame has shape {self._pcm.shape}, not {frame.shape}")
        self._pcm[:] = frame
        size: int = self._encode(self._state, self._pcm_address, self._frame, self._out, LARGEST)
        if size < 0:
            raise DoorError(f"libopus could not encode a frame of {self._frame} samples: {_reason(size)}")
        packet: bytes = self._out[:size]
        return packet

    def control(self, request: int, value: int) -> None:
        """A request of opus_defines.h that none of our settings makes; DoorError where this libopus refuses it."""
        _control(load().encoder, self._state, request, value)

    def copy(self) -> OpusEncoder:
        """Another stream with the same past: libopus's state is one block that may be copied (opus.h)."""
        twin = OpusEncoder(self._settings)
        ctypes.memmove(twin._state, self._state, load().encoder.libopus_get_size(1))
        return twin


class OpusDecoder:
    """One stream on its way out, at any of Opus's rates whatever rate it was coded at. complexity: as in ``Opus``."""

    __slots__ = ("__weakref__", "_decode", "_most", "_pcm", "_pcm_address", "_state", "_step")

    def __init__(self, rate: int, complexity: int = 0) -> None:
        library = load()
        state = _create(library.decoder, rate, 1)
        weakref.finalize(self, library.decoder.destroy, state)
        if complexity:
            _let_decoder_spend(complexity, state)
        self._state = _address(state)
        self._decode = library.decoder.libopus_decode_float
        self._step = rate // 400  # 2.5 ms, the grain of Opus
        self._most = rate * LONGEST_MS // 1000
        self._pcm = np.zeros(self._most, np.float32)
        self._pcm_address = self._pcm.ctypes.data

    def decode(self, packet: bytes) -> Samples:
        """The packet's samples, float32 of shape (n,), n up to 120 ms; CodecError for bytes that are no packet."""
        if not packet:  # libopus would take it for a lost one
            raise CodecError("an Opus packet has at least one byte, this one has none")
        count: int = self._decode(self._state, packet, len(packet), self._pcm_address, self._most, 0)
        if count < 0:
            raise CodecError(f"not an Opus packet ({_reason(count)}): {len(packet)} bytes, {packet[:16].hex()}")
        return self._pcm[:count].copy()

    def conceal(self, samples: int) -> Samples:
        """libopus's guess at a lost packet; a multiple of 2.5 ms, up to 120 ms."""
        if not 0 < samples <= self._most or samples % self._step:
            raise UsageError(
                f"Opus conceals a multiple of {self._step} samples (2.5 ms) up to {self._most}, not {samples}"
            )
        count: int = self._decode(self._state, None, 0, self._pcm_address, samples, 0)
        if count < 0:
            raise DoorError(f"libopus could not conceal {samples} samples: {_reason(count)}")
        return self._pcm[:count].copy()


@cache
def _lookahead(rate: int, application: str) -> int:
    """OPUS_GET_LOOKAHEAD in samples."""
    module = load().encoder
    state = _create(module, rate, 1, APPLICATIONS[application])
    samples = ctypes.c_int32()
    try:
        _control(module, state, GET_LOOKAHEAD, ctypes.byref(samples))
    finally:
        module.destroy(state)
    return samples.value


def _create(module: Any, *settings: int) -> Any:
    """A libopus state; DoorError when it will not be made."""
    code = ctypes.c_int()
    state = module.libopus_create(*settings, ctypes.byref(code))
    if code.value != 0 or not state:
        raise DoorError(f"libopus could not open a stream with {settings}: {_reason(code.value)}")
    return state


def _let_decoder_spend(complexity: int, state: Any) -> None:
    """Decoders before libopus 1.5 have no complexity."""
    try:
        _control(load().decoder, state, SET_COMPLEXITY, complexity)
    except DoorError as error:
        raise DoorError(
            f"the decoder of {load().version} has no complexity, decoder_complexity={complexity} needs libopus 1.5 "
            f"or later: set {VARIABLE} to the file of one"
        ) from error


def _address(state: Any) -> int:
    """Where it lies: all that a call needs; the pointer stays with who destroys it."""
    return ctypes.cast(state, ctypes.c_void_p).value or 0


def _control(module: Any, state: Any, request: int, value: Any) -> None:
    """One setting written or read; opuslib.api.ctl would raise its own exception, without the request."""
    code: int = module.libopus_ctl(state, request, value)
    if code != 0:
        raise DoorError(f"libopus refused request {request} with {value!r}: {_reason(code)}")


REASONS = {
    -1: "bad argument",
    -2: "buffer too small",
    -3: "internal error",
    -4: "corrupted",
    -5: "unimplemented",
    -6: "invalid state",
    -7: "out of memory",
}


def _reason(code: int) -> str:
    """libopus's error code in words (opus_defines.h)."""
    return REASONS.get(code, f"error {code}")


def _one_of(what: str, value: object, possible: tuple[object, ...], unit: str) -> None:
    if value not in possible:
        raise UsageError(f"Opus has no {what} {value!r}: one of {', '.join(map(str, possible))} {unit}".rstrip())


def _within(what: str, value: int, possible: range, unit: str) -> None:
    if value not in possible:
        raise UsageError(f"Opus has no {what} {value!r}: from {possible[0]} to {possible[-1]} {unit}".rstrip())
