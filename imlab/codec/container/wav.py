"""WAV of one channel: 16-bit PCM and the two laws of G.711 (formats 1, 6 and 7 of RIFF), cut to the clip's true length.

A header of 44 bytes for PCM; the laws need 14 more, with a "fact" chunk that counts the samples. Packets are not marked
in a WAV: they are read as packets of 20 ms, the last filled up with silence, as ``contract.encode`` makes them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet
from imlab.codec.named import HIGHEST_RATE

RIFF = struct.Struct("<4sI4s")
CHUNK = struct.Struct("<4sI")
FORMAT = struct.Struct("<HHIIHH")  # tag, channels, Hz, bytes per second, bytes per frame, bits
EXTENSIBLE = 0xFFFE  # the true tag is 24 bytes into the format chunk
LARGEST = 2**32 - 1024  # bytes of sound; sizes have 32 bits
PACKET_MS = (20, 40, 80, 10, 5)  # the first that makes whole samples at the rate


@dataclass(frozen=True, slots=True)
class Shape:
    """How a codec lies in a WAV. width: bytes per sample; silence: one sample of it."""

    tag: int
    width: int
    silence: bytes


SHAPES = {"pcm": Shape(1, 2, b"\0\0"), "pcma": Shape(6, 1, b"\xd5"), "pcmu": Shape(7, 1, b"\xff")}


class WavWriter:
    """The header is written twice: first blank, at the end with the sizes."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        if not 0 < track.rate <= HIGHEST_RATE or track.delay < 0:
            raise CodecError(f"no {track.codec} at {track.rate} Hz with a delay of {track.delay} samples")
        self._file, self._track, self._shape = file, track, SHAPES[track.codec]
        self._head = len(_header(track.rate, self._shape, 0))
        self._skip = track.delay * self._shape.width
        self._reach = 0
        file.write(bytes(self._head))

    def add(self, packet: Packet) -> None:
        """The next packet; what is before the sound begins is dropped."""
        width = self._shape.width
        if len(packet.data) != packet.samples * width:
            raise CodecError(f"{packet.samples} samples of {self._track.codec} are not {len(packet.data)} bytes")
        self._reach += packet.samples
        if self._reach * width > LARGEST:
            raise CodecError("a WAV holds 4 GB: this sound is longer")
        self._file.write(packet.data[self._skip :])
        self._skip = max(0, self._skip - len(packet.data))

    def finish(self, samples: int) -> None:
        """Cut to the true length, and sizes in the header."""
        hold(self._track, self._reach, samples)
        size = samples * self._shape.width
        self._file.truncate(self._head + size)
        self._file.seek(self._head + size)
        self._file.write(bytes(size % 2))  # chunks begin at even bytes
        self._file.seek(0)
        self._file.write(_header(self._track.rate, self._shape, samples))


def _header(rate: int, shape: Shape, samples: int) -> bytes:
    """All that comes before the samples."""
    size = samples * shape.width
    form = FORMAT.pack(shape.tag, 1, rate, rate * shape.width, shape.width, 8 * shape.width)
    chunks = CHUNK.pack(b"fmt ", len(form)) + form
    if shape.tag != 1:
        chunks = (
            CHUNK.pack(b"fmt ", len(form) + 2) + form + bytes(2) + CHUNK.pack(b"fact", 4) + struct.pack("<I", samples)
        )
    chunks += CHUNK.pack(b"data", size)
    return RIFF.pack(b"RIFF", 4 + len(chunks) + size + size % 2, b"WAVE") + chunks


class WavReader:
    """Packets of a WAV of one channel."""

    def __init__(self, file: BinaryIO) -> None:
        riff, _, wave = RIFF.unpack(_exactly(file, RIFF.size))
        if (riff, wave) != (b"RIFF", b"WAVE"):
            raise CodecError(f"not a WAV file: {riff + wave!r}")
        codec, rate = _format(_exactly(file, min(_seek_chunk(file, b"fmt "), 40)), file)
        self._shape, self._file = SHAPES[codec], file
        self._frame = _frame(rate)
        size = _seek_chunk(file, b"data")
        here = file.tell()
        there = file.seek(0, 2)
        file.seek(here)
        if here + size > there or size % self._shape.width:
            raise CodecError(f"truncated: a WAV that promises {size} bytes of sound has {there - here}")
        self.track = Track(codec, rate, 0)
        self.samples = size // self._shape.width

    def __iter__(self) -> Iterator[Packet]:
        width, left = self._shape.width, self.samples
        while left > 0:
            data = _exactly(self._file, min(left, self._frame) * width)
            yield Packet(data.ljust(self._frame * width, self._shape.silence[:1]), self._frame)
            left -= self._frame


def _format(form: bytes, file: BinaryIO) -> tuple[str, int]:
    """The codec and the rate that a format chunk names; the file stands behind the chunk's first 40 bytes."""
    if len(form) < FORMAT.size:
        raise CodecError(f"truncated: a WAV's format of {len(form)} bytes")
    tag, channels, rate, _, width, bits = FORMAT.unpack_from(form)
    if tag == EXTENSIBLE and len(form) >= 26:
        (tag,) = struct.unpack_from("<H", form, 24)
    codec = next((name for name, shape in SHAPES.items() if (shape.tag, 8 * shape.width) == (tag, bits)), None)
    if codec is None or channels != 1 or width != SHAPES[codec].width:
        raise CodecError(
            f"a WAV of format {tag}, {channels} channels, {bits} bits: PCM-16 and G.711 mono are read here"
        )
    if not 0 < rate <= HIGHEST_RATE:
        raise CodecError(f"a WAV of {rate} Hz: up to {HIGHEST_RATE} are read")
    return codec, rate


def _frame(rate: int) -> int:
    """Samples in a packet."""
    for ms in PACKET_MS:
        if rate * ms % 1000 == 0:
            return rate * ms // 1000
    raise CodecError(f"no packet of whole samples at {rate} Hz: of {', '.join(map(str, PACKET_MS))} ms")


def _seek_chunk(file: BinaryIO, wanted: bytes) -> int:
    """Go to the inside of the next chunk of this name, and give its size."""
    while True:
        name, size = CHUNK.unpack(_exactly(file, CHUNK.size))
        if name == wanted:
            return int(size)
        file.seek(size + size % 2, 1)


def _exactly(file: BinaryIO, size: int) -> bytes:
    """So many bytes, no fewer."""
    data = file.read(size)
    if len(data) < size:
        raise CodecError(f"truncated: a WAV that ends {size - len(data)} bytes early")
    return data
