"""What every codec promises.

A codec is a value: its settings are its fields and its repr is its label in the results. It opens encoders and
decoders, which hold state and belong to one stream. A stream is cut into frames of ``frame`` samples at ``rate``;
a frame becomes one packet, at once or, where the encoder looks ahead (MP3, AAC), some frames later. What comes out
of a decoder lags what went into the encoder by ``delay`` samples: ``encode`` pads the end until nothing is lost, and
``decode`` drops the lag, so that a clip comes back with its own length and in its own place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from imlab.audio.clip import Clip, Samples
from imlab.errors import DoorError, PeerError, UsageError

MOST_AHEAD = 16  # frames that an encoder may gather before its first packet; LAME needs two, AAC one


class CodecError(PeerError):
    """Bytes that are not the sound they claim to be; the message says what was seen."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded frame. samples: what it lasts, counted at the codec's rate."""

    data: bytes
    samples: int


class Encoder(Protocol):
    """One stream on its way in."""

    def encode(self, frame: Samples) -> bytes:
        """Code exactly one frame, float32 of shape (codec.frame,): a packet, or b"" while the encoder looks ahead."""
        ...

    def copy(self) -> Encoder:
        """Another stream with the same past; what either codes from now on does not change the other.

        UsageError where the library's state cannot be copied.
        """
        ...


class Decoder(Protocol):
    """One stream on its way out."""

    def decode(self, packet: bytes) -> Samples:
        """The frame's samples, float32 of shape (n,); CodecError for bytes that are no packet."""
        ...

    def conceal(self, samples: int) -> Samples:
        """A stand-in for a lost packet of so many samples, float32 of shape (samples,)."""
        ...


@runtime_checkable
class Codec(Protocol):
    """Settings that open encoders and decoders."""

    @property
    def name(self) -> str:
        """The name on the wire, such as "opus"."""
        ...

    @property
    def rate(self) -> int:
        """Samples per second going in and coming out, Hz."""
        ...

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        ...

    @property
    def delay(self) -> int:
        """Samples by which a decoder's output lags the encoder's input."""
        ...

    def encoder(self) -> Encoder:
        """A fresh encoder."""
        ...

    def decoder(self) -> Decoder:
        """A fresh decoder."""
        ...


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded clip. rate in Hz; samples: the clip's true length; delay: samples to drop before the first of them."""

    codec: str
    rate: int
    samples: int
    delay: int
    packets: tuple[Packet, ...]

    @property
    def size(self) -> int:
        """Payload bytes, without any container."""
        return sum(len(packet.data) for packet in self.packets)


def encode(codec: Codec, clip: Clip) -> Coded:
    """Code a whole clip that already has the codec's rate; the tail is padded with silence until nothing is lost."""
    if clip.rate != codec.rate:
        raise UsageError(f"{codec!r} takes {codec.rate} Hz, the clip has {clip.rate} Hz: resample it first")
    count = -(-(len(clip.samples) + codec.delay) // codec.frame)
    padded = np.zeros(count * codec.frame, np.float32)
    padded[: len(clip.samples)] = clip.samples
    encoder = codec.encoder()
    packets = [data for frame in padded.reshape(count, codec.frame) if (data := encoder.encode(frame))]
    packets += drain(codec, encoder, count - len(packets))
    whole = tuple(Packet(data, codec.frame) for data in packets)
    return Coded(codec.name, codec.rate, len(clip.samples), codec.delay, whole)


def drain(codec: Codec, encoder: Encoder, missing: int) -> Iterator[bytes]:
    """The packets that an encoder still holds, pushed out by silence."""
    silence = np.zeros(codec.frame, np.float32)
    for _ in range(MOST_AHEAD + missing + 1):
        if not missing:
            return
        if data := encoder.encode(silence):
            missing -= 1
            yield data
    raise DoorError(f"{codec!r} swallowed {MOST_AHEAD} frames and gave no packet")


def decode(codec: Codec, coded: Coded) -> Clip:
    """The whole clip again: the delay dropped, the length its own. CodecError when the packets do not hold it."""
    if coded.rate != codec.rate or coded.codec != codec.name:
        raise UsageError(f"{codec!r} does not decode {coded.codec} at {coded.rate} Hz")
    decoder = codec.decoder()
    parts = [decoder.decode(packet.data) for packet in coded.packets]
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if min(coded.delay, coded.samples) < 0 or coded.delay + coded.samples > len(samples):
        raise CodecError(f"{coded.delay} + {coded.samples} samples declared, {len(samples)} came out of the packets")
    return Clip(samples[coded.delay : coded.delay + coded.samples], codec.rate)
