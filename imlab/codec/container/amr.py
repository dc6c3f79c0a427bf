"""AMR and AMR-WB storage format (RFC 4867, section 5): a magic word, then frames, each a byte of type and its bits.

Our packets are those frames, so the file is them end to end: nothing says where the sound ends, or how much of its
beginning is the encoder's delay. Read again, a clip has its whole last frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imlab.codec.amr_packet import NARROW, WIDE, kind
from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet
from imlab.codec.named import open_codec

FRAMES_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Band:
    """One of the two codecs. rate in Hz; sizes: bytes of a frame by its type, the first byte included."""

    magic: bytes
    rate: int
    sizes: dict[int, int]

    @property
    def frame(self) -> int:
        """Samples in 20 ms."""
        return self.rate // FRAMES_PER_SECOND


BANDS = {"amr": Band(b"#!AMR\n", 8_000, NARROW), "amr-wb": Band(b"#!AMR-WB\n", 16_000, WIDE)}


class AmrWriter:
    """Frames end to end."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        self._file, self._track, self._band = file, track, BANDS[track.codec]
        if track.rate != self._band.rate:
            raise CodecError(f"{track.codec} has {self._band.rate} Hz, not {track.rate}")
        self._reach = 0
        file.write(self._band.magic)

    def add(self, packet: Packet) -> None:
        """The next frame."""
        kind(packet.data, self._band.sizes)
        if packet.samples != self._band.frame:
            raise CodecError(f"a frame of {self._track.codec} lasts {self._band.frame} samples, not {packet.samples}")
        self._file.write(packet.data)
        self._reach += packet.samples

    def finish(self, samples: int) -> None:
        """The length is checked; there is no place to write it."""
        hold(self._track, self._reach, samples)


class AmrReader:
    """Frames one by one."""

    def __init__(self, file: BinaryIO) -> None:
        line = file.readline(16)
        codec = next((name for name, band in BANDS.items() if band.magic == line), None)
        if codec is None:
            raise CodecError(f"not an AMR file of one channel: {line!r}")
        self._file, self._band = file, BANDS[codec]
        delay = open_codec(codec, self._band.rate, self._band.frame).delay  # every encoder of the standard has it
        self.track = Track(codec, self._band.rate, delay)
        self.samples = 0

    def __iter__(self) -> Iterator[Packet]:
        reach = 0
        while first := self._file.read(1):
            data = first + self._file.read(self._band.sizes.get(first[0] >> 3 & 15, 1) - 1)
            kind(data, self._band.sizes)
            reach += self._band.frame
            yield Packet(data, self._band.frame)
        self.samples = max(0, reach - self.track.delay)
