"""Long sound into a coded file and out of it, frame by frame: memory does not grow with the length.

What a container cannot write as it goes (MP4, WebM) waits on the disk, not in memory: see remux.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imlab.audio.blocks import blocks, open_binary
from imlab.audio.clip import Samples
from imlab.audio.files import to_int16
from imlab.audio.publish import growing
from imlab.codec.container.formats import FORMATS, usual
from imlab.codec.container.reading import open_reader
from imlab.codec.container.track import Track
from imlab.codec.container.wav import WavWriter
from imlab.codec.container.writing import refuse
from imlab.codec.contract import Codec, CodecError, Packet, drain
from imlab.codec.named import open_codec
from imlab.errors import UsageError

Progress = Callable[[float], object]  # told how many seconds of sound more are done


@dataclass(frozen=True, slots=True)
class Written:
    """What a coded file holds. rate in Hz, samples of sound; payload: bytes of packets; file: bytes with container."""

    container: str
    codec: str
    rate: int
    samples: int
    packets: int
    payload: int
    file: int

    @property
    def seconds(self) -> float:
        """How long the sound lasts."""
        return self.samples / self.rate


def code_file(
    source: Path,
    codec: Codec,
    target: Path,
    progress: Progress = float,
    *,
    container: str | None = None,
    overwrite: bool = False,
) -> Written:
    """Any sound file, coded into a container: by default that which the codec usually goes into."""
    name = container or usual(codec.name)
    if name is None:
        raise UsageError(f"no file holds codec {codec.name!r}")
    refuse(name, codec.name)
    packets = payload = 0
    with growing(target, overwrite=overwrite) as file:
        writer = FORMATS[name].writer(file, Track(codec.name, codec.rate, codec.delay))
        coder = Coder(codec)
        for packet in coder.packets(blocks(source, codec.rate)):
            writer.add(packet)
            packets += 1
            payload += len(packet.data)
            progress(packet.samples / codec.rate)
        writer.finish(coder.samples)
        size = file.seek(0, 2)
    return Written(name, codec.name, codec.rate, coder.samples, packets, payload, size)


def decode_file(
    source: Path,
    target: Path,
    progress: Progress = float,
    *,
    container: str | None = None,
    overwrite: bool = False,
) -> Written:
    """A coded file of ours as a 16-bit WAV with the sound's own length and place; CodecError for what it cannot be."""
    packets = payload = 0
    with open_binary(source) as inside, growing(target, overwrite=overwrite) as file:
        reader = open_reader(inside, container)
        track = reader.track
        writer = WavWriter(file, Track("pcm", track.rate, track.delay))
        decoder = None
        for packet in reader:
            decoder = decoder or open_codec(track.codec, track.rate, packet.samples).decoder()
            sound = decoder.decode(packet.data)
            if len(sound) != packet.samples:
                raise CodecError(f"packet {packets} has {len(sound)} samples, not {packet.samples}")
            writer.add(Packet(to_int16(sound).astype("<i2").tobytes(), len(sound)))
            packets += 1
            payload += len(packet.data)
            progress(len(sound) / track.rate)
        writer.finish(reader.samples)
        size = file.seek(0, 2)
    return Written("wav", track.codec, track.rate, reader.samples, packets, payload, size)


class Coder:
    """Blocks of any length in, packets out; samples: how many went in, known at the end."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.samples = 0

    def packets(self, source: Iterable[Samples]) -> Iterator[Packet]:
        """As ``contract.encode`` makes them: the tail padded with silence until nothing is lost."""
        codec, encoder, given = self._codec, self._codec.encoder(), 0
        for frame in self._frames(source):
            if data := encoder.encode(frame):
                given += 1
                yield Packet(data, codec.frame)
        count = -(-(self.samples + codec.delay) // codec.frame)
        for data in drain(codec, encoder, count - given):
            yield Packet(data, codec.frame)

    def _frames(self, source: Iterable[Samples]) -> Iterator[Samples]:
        """Whole frames, the last filled up with silence."""
        size = self._codec.frame
        rest = np.empty(0, np.float32)
        for block in source:
            self.samples += len(block)
            rest = np.concatenate((rest, block))
            whole = len(rest) // size * size
            yield from rest[:whole].reshape(-1, size)
            rest = rest[whole:]
        if len(rest):
            yield np.concatenate((rest, np.zeros(size - len(rest), np.float32)))
