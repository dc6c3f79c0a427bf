"""A file heard from end to end: how long its sound really is, and the little picture of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np

from imlab.audio.blocks import open_sound
from imlab.audio.clip import Samples
from imlab.audio.waveform import POINTS, thumbnail
from imlab.codec.container.reading import open_reader
from imlab.codec.container.track import Reader
from imlab.codec.contract import Decoder
from imlab.codec.named import open_codec

FRAMES_PER_SECOND = 50  # whose loudness is taken, as Recorder takes it of frames of 20 ms
BY_PACKETS = ("opus", "lc3", "codec2-")  # Opus: to the sample, where FFmpeg lets some padding be heard, and as fast
TOGETHER = 50  # packets to a block


@dataclass(frozen=True, slots=True)
class Heard:
    """seconds: of sound that came out of the decoder; waveform: POINTS of 0..255."""

    seconds: float
    waveform: bytes


@dataclass(frozen=True, slots=True)
class Sound:
    """rate in Hz; blocks: mono; length: how many of their samples are to be heard, asked after the last block."""

    rate: int
    blocks: Iterator[Samples]
    length: Callable[[int], int]  # from how many there were


def hear(file: BinaryIO, codec: str) -> Heard:
    """Decode it all, a block in memory at a time; PeerError where that cannot be done."""
    sound = by_packets(file) if codec.startswith(BY_PACKETS) else by_libraries(file)
    frame = max(1, sound.rate // FRAMES_PER_SECOND)
    loudness: list[Samples] = [np.zeros(0, np.float32)]
    rest = np.zeros(0, np.float32)
    reach = 0
    for block in sound.blocks:
        reach += len(block)
        rest = np.concatenate((rest, block))
        whole = len(rest) // frame * frame
        loudness.append(_rms(rest[:whole].reshape(-1, frame)))
        rest = rest[whole:]
    samples = sound.length(reach)
    tail = rest[: max(0, samples - (reach - len(rest)))]
    loudness += [_rms(tail.reshape(1, -1))] if len(tail) else []
    heard = np.concatenate(loudness)[: -(-samples // frame)]
    return Heard(samples / sound.rate, thumbnail(heard, POINTS))


def _rms(frames: Samples) -> Samples:
    """Root mean square of each row."""
    quiet: Samples = np.sqrt(np.square(frames).mean(axis=1))
    return quiet


def by_libraries(file: BinaryIO) -> Sound:
    """By libsndfile or FFmpeg."""
    rate, blocks = open_sound(file, "the file")
    return Sound(rate, blocks, lambda reach: reach)


def by_packets(file: BinaryIO) -> Sound:
    """By our own reader and decoder; two channels of Opus come out of it as their mean."""
    reader = open_reader(file)
    return Sound(reader.track.rate, _decoded(reader), lambda reach: min(reach, reader.samples))


def _decoded(reader: Reader) -> Iterator[Samples]:
    """The packets' sound behind the delay. Opus decodes packets of every length, whichever it was opened for."""
    track, skip = reader.track, reader.track.delay
    packets = iter(reader)
    decoder: Decoder | None = None
    while some := list(islice(packets, TOGETHER)):
        samples = track.rate // FRAMES_PER_SECOND if track.codec == "opus" else some[0].samples
        decoder = decoder or open_codec(track.codec, track.rate, samples).decoder()
        sound = np.concatenate([decoder.decode(packet.data) for packet in some])
        yield sound[skip:]
        skip = max(0, skip - len(sound))
