"""FFmpeg's codecs (libavcodec) through PyAV: the one door for those of them that keep the codec's contract.

PyAV costs a fifth of a second to import, so that it is imported when the first stream opens. Its frames and packets
belong to files and clocks, and ours to neither: one frame is kept for the encoder's life and sound is written into
its memory; a packet goes in and samples come out. What PyAV does besides is avoided where it costs or harms:

- ``CodecContext.encode`` passes every frame through a filter graph that cuts frames to size; ours have their size, and
  the context's own step takes them as they are (13-35 us a frame, a third of coding G.722: same packets, tested);
- ``Packet(data)`` lends the bytes' own memory to readers which look up to 64 bytes ahead; the packets made here are
  copied into memory with the padding that FFmpeg asks for, or a damaged one could read what is not its own;
- an empty packet means "the stream is over" to FFmpeg, and everything after it is refused: it never gets there.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from imlab.audio.clip import Samples
from imlab.codec.contract import CodecError
from imlab.errors import DoorError, UsageError

Context = Any  # av.AudioCodecContext, whose type is known only after the import
INSTALL = "install one that has it: `pip install av` (its wheels carry the codec)"
FULL_SCALE = 32_768  # of the 16-bit formats


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """How a library takes sound. name: FFmpeg's; dtype: numpy's; scale: what full scale is there."""

    name: str
    dtype: str
    scale: int


FLOAT = SampleFormat("flt", "<f4", 1)
FLOAT_PLANES = SampleFormat("fltp", "<f4", 1)
SHORT = SampleFormat("s16", "<i2", FULL_SCALE)
FORMATS = {kind.name: kind for kind in (FLOAT, FLOAT_PLANES, SHORT)}


@cache
def load() -> ModuleType:
    """PyAV, imported once; DoorError without it."""
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise DoorError(f"no PyAV, through which libavcodec is reached ({error}): `pip install av`") from error


def version() -> str:
    """What codes and decodes here, such as "libavcodec 62.28.102"."""
    return "libavcodec " + ".".join(map(str, load().library_versions["libavcodec"]))


def lacking(encoder: str, decoder: str) -> str | None:
    """Why this build cannot run a codec, with the line that installs it; None when it can."""
    try:
        _codec(encoder, "w")
        _codec(decoder, "r")
    except DoorError as error:
        return str(error)
    return None


def open_encoder(
    name: str, rate: int, kind: SampleFormat, bitrate: int | None = None, options: Mapping[str, str] | None = None
) -> Context:
    """An open mono encoder. rate in Hz, bitrate in bit/s; DoorError where this build has none or refuses."""
    context = _context(name, "w", rate, options)
    context.format = kind.name
    if bitrate is not None:
        context.bit_rate = bitrate
    return _opened(context)


def open_decoder(
    name: str, rate: int, extradata: bytes | None = None, options: Mapping[str, str] | None = None
) -> Context:
    """An open mono decoder. extradata: what a container would keep beside the packets."""
    context = _context(name, "r", rate, options)
    context.extradata = extradata
    return _opened(context)


class AvEncoder:
    """One stream on its way in: whole frames of ``frame`` samples, kept in the memory of one frame."""

    __slots__ = ("_context", "_error", "_frame", "_input", "_ready", "_scale", "_send")

    def __init__(self, context: Context, frame: int) -> None:
        av, kind = load(), FORMATS[context.format.name]
        self._context = context
        self._error = av.FFmpegError
        self._frame = av.AudioFrame(format=kind.name, layout="mono", samples=frame)
        self._frame.sample_rate = context.sample_rate
        self._input = np.frombuffer(self._frame.planes[0], kind.dtype)
        self._scale = kind.scale
        self._send = getattr(context, "_send_frame_and_recv", context.encode)
        self._ready: deque[bytes] = deque()

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (codec.frame,): a packet, or b"" while the library looks ahead."""
        if frame.shape != self._input.shape:
            raise UsageError(f"a frame has shape {self._input.shape}, not {frame.shape}")
        if self._scale == 1:
            self._input[:] = frame
        else:
            self._input[:] = np.clip(np.rint(frame * self._scale), -self._scale, self._scale - 1)
        try:
            self._ready.extend(bytes(packet) for packet in self._send(self._frame))
        except self._error as error:
            raise DoorError(f"{self._context.name} could not encode {len(frame)} samples: {error}") from error
        return self._ready.popleft() if self._ready else b""

    def copy(self) -> AvEncoder:
        """Not to be had: libavcodec has no call that copies an encoder."""
        raise UsageError(f"libavcodec cannot copy the state of {self._context.name}: open a second encoder instead")


class AvDecoder:
    """One stream on its way out, mono at ``rate`` Hz. frame: samples in every packet, or None where they differ.

    A damaged packet may change a decoder for good: AAC's believes one that says there are 44 channels, and then calls
    every sound packet after it damaged. So after an error the stream is opened anew.
    """

    __slots__ = ("_context", "_error", "_frame", "_open", "_packet", "_rate")

    def __init__(self, open_context: Callable[[], Context], rate: int, frame: int | None) -> None:
        av = load()
        self._open = open_context
        self._context = open_context()
        self._error = av.FFmpegError
        self._packet = av.Packet
        self._rate = rate
        self._frame = frame

    def decode(self, packet: bytes) -> Samples:
        """The packet's samples, float32 of shape (n,); CodecError for bytes that are no packet of this stream."""
        try:
            return self._samples(self._decoded(packet))
        except CodecError as error:
            name, self._context = self._context.name, self._open()
            raise CodecError(f"not a packet of {name}: {error}: {len(packet)} bytes, {packet[:16].hex()}") from error

    def conceal(self, samples: int) -> Samples:
        """Silence, float32 of shape (samples,): libavcodec has no call for a lost packet."""
        return np.zeros(samples, np.float32)

    def _decoded(self, packet: bytes) -> Any:
        """The one frame in a packet."""
        if not packet:
            raise CodecError("it is empty")
        padded = self._packet(len(packet))
        padded.update(packet)
        try:
            frames = self._context.decode(padded)
        except self._error as error:
            raise CodecError(error.strerror) from error
        if len(frames) != 1:
            raise CodecError(f"it holds {len(frames)} frames")
        return frames[0]

    def _samples(self, frame: Any) -> Samples:
        """The sound in a decoded frame, a copy of its own."""
        count, rate, channels = frame.samples, frame.sample_rate, frame.layout.nb_channels
        if channels != 1 or rate != self._rate or count != (self._frame or count):
            wanted = f"{self._frame or count} samples in 1 channel at {self._rate} Hz"
            raise CodecError(f"{wanted} expected, {count} in {channels} at {rate} Hz seen")
        kind = FORMATS[frame.format.name]
        heard: Samples = np.frombuffer(frame.planes[0], kind.dtype, count).astype(np.float32)
        return heard if kind.scale == 1 else heard / np.float32(kind.scale)


def _codec(name: str, mode: str) -> Any:
    """The library's own description of a codec."""
    av = load()
    try:
        return av.Codec(name, mode)
    except ValueError as error:  # PyAV's UnknownCodecError
        what = "encoder" if mode == "w" else "decoder"
        raise DoorError(f"this build of FFmpeg ({version()}) has no {what} {name!r}: {INSTALL}") from error


def _context(name: str, mode: str, rate: int, options: Mapping[str, str] | None) -> Context:
    """A context that may still be set: mono, and without threads, which would hold packets back."""
    context = load().CodecContext.create(_codec(name, mode))
    context.sample_rate = rate
    context.layout = "mono"
    context.thread_count = 1
    context.options = dict(options or {})
    return context


def _opened(context: Context) -> Context:
    """The context, open, with every option taken."""
    try:
        context.open()
    except load().FFmpegError as error:
        raise DoorError(f"{context.name} does not open at {context.sample_rate} Hz: {error}") from error
    if context.options:  # what is left was not known
        raise DoorError(f"{context.name} ({version()}) knows no option {', '.join(context.options)}")
    return context
