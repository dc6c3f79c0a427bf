"""MP3 frames end to end, after an info frame by which players drop the encoder's delay and padding: gapless.

The info frame is a frame of silence that old players decode and newer ones read (Xing's, with LAME's extension):
"Xing" (or "Info" where all frames have one bitrate), what follows, frames, bytes, then 36 bytes of LAME's own, among
them 12 bits of encoder delay and 12 of padding. A decoder adds a delay of 529 samples that everyone knows of.
The file says LAME because libmp3lame coded it and because players trust the delay from nobody else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from imlab.codec.container import mpeg
from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet

DECODER_DELAY = 529  # samples, of every layer III decoder: 528 of the filter bank and 1
COUNTS = struct.Struct(">4sIII")  # Xing or Info, what follows (1 frames, 2 bytes, 4 index, 8 quality), frames, bytes
LAME = struct.Struct(
    ">9sBBfHHBB3sBBHIH"
)  # version, method, low-pass, peak, 2 gains, flags, rate, delays, ..., bytes, CRC
CHECKSUM = struct.Struct(">H")
FRAMES, BYTES, INDEX, QUALITY = 1, 2, 4, 8
MOST = 4095  # samples; 12 bits
ID3, ID3_OLD, ID3_OLD_SIZE = b"ID3", b"TAG", 128


class Mp3Writer:
    """The info frame is written twice: first blank, at the end with the counts."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        if not DECODER_DELAY <= track.delay <= DECODER_DELAY + MOST:
            raise CodecError(f"no MP3 has a delay of {track.delay} samples: the decoder's own is {DECODER_DELAY}")
        self._file, self._track = file, track
        self._head = b""  # of the info frame
        self._bitrates: set[int] = set()
        self._frames = self._reach = self._bytes = 0

    def add(self, packet: Packet) -> None:
        """The next frame."""
        header = mpeg.parse(packet.data)
        seen = (header.size, header.samples, header.rate, header.mono)
        if seen != (len(packet.data), packet.samples, self._track.rate, True):
            raise CodecError(f"not one mono MP3 frame of {packet.samples} samples: {packet.data[:8].hex()}")
        if not self._head:
            start = mpeg.parse(bytes((packet.data[0], packet.data[1] | 1)) + packet.data[2:4]).start
            self._head = mpeg.widened(packet.data, start + COUNTS.size + LAME.size)
            self._bytes = mpeg.parse(self._head).size
            self._file.write(bytes(self._bytes))
        self._file.write(packet.data)
        self._frames += 1
        self._reach += packet.samples
        self._bytes += len(packet.data)
        self._bitrates.add(header.bitrate)

    def finish(self, samples: int) -> None:
        """Go back to the info frame."""
        hold(self._track, self._reach, samples)
        delay = self._track.delay - DECODER_DELAY
        padding = self._reach - delay - samples
        if not self._frames or padding > MOST:
            raise CodecError(f"{self._frames} MP3 frames with {padding} samples of padding: up to {MOST} can be said")
        self._file.seek(0)
        self._file.write(self._info(delay, padding))
        self._file.seek(0, 2)

    def _info(self, delay: int, padding: int) -> bytes:
        header = mpeg.parse(self._head)
        varies = len(self._bitrates) > 1
        counts = COUNTS.pack(b"Xing" if varies else b"Info", FRAMES | BYTES, self._frames, self._bytes)
        delays = (delay << 12 | padding).to_bytes(3, "big")
        kbits = min(255, min(self._bitrates) // 1000)
        lame = LAME.pack(b"LAME3.100", 4 if varies else 1, 0, 0, 0, 0, 0, kbits, delays, 0, 0, 0, self._bytes, 0)
        frame = self._head.ljust(header.start, b"\0") + counts + lame + CHECKSUM.pack(0)
        body = frame[: -2 * CHECKSUM.size] + frame[-CHECKSUM.size :]
        return (body[:-2] + CHECKSUM.pack(crc16(body[:-2]))).ljust(header.size, b"\0")


class Mp3Reader:
    """Frames one by one; the info frame is not one of them. Without one, nothing is known to be delay or padding."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = _skip_id3(file)
        self._first = self._frame()
        if self._first is None:
            raise CodecError("not an MP3 file: no frames")
        header = mpeg.parse(self._first)
        if not header.mono:
            raise CodecError("an MP3 of two channels: only mono is read here")
        self._rate, self._frame_samples = header.rate, header.samples
        tag = _delays(self._first[header.start :])
        if tag is not None:
            self._first = None
        self._delay, self._padding = tag or (0, 0)
        self.track = Track("mp3", header.rate, self._delay + DECODER_DELAY if tag else 0)
        self.samples = 0

    def __iter__(self) -> Iterator[Packet]:
        reach = 0
        frame = self._first or self._frame()
        while frame is not None:
            header = mpeg.parse(frame)
            if (header.rate, header.mono) != (self._rate, True):
                raise CodecError(f"an MP3 that changes its kind at byte {self._at - len(frame)}")
            reach += header.samples
            yield Packet(frame, header.samples)
            frame = self._frame()
        self.samples = reach - self._delay - self._padding
        hold(self.track, reach, self.samples)

    def _frame(self) -> bytes | None:
        """The next frame, None at the end or at an old ID3 tag."""
        head = self._file.read(mpeg.SIZE)
        if not head:
            return None
        if head.startswith(ID3_OLD):
            rest = self._file.read(ID3_OLD_SIZE)
            if len(head + rest) == ID3_OLD_SIZE:
                return None
        header = mpeg.parse(head)
        frame = head + self._file.read(header.size - mpeg.SIZE)
        if len(frame) < header.size:
            raise CodecError(f"truncated: the MP3 frame at byte {self._at} has {len(frame)} of {header.size} bytes")
        self._at += len(frame)
        return frame


def _skip_id3(file: BinaryIO) -> int:
    """Step over an ID3v2 tag at the beginning, if there is one; where the file stands then."""
    head = file.read(10)
    if not head.startswith(ID3) or len(head) < 10:
        file.seek(0)
        return 0
    size = 10
    for place, byte in enumerate(reversed(head[6:])):
        size += (byte & 0x7F) << 7 * place
    return file.seek(size + (10 if head[5] & 0x10 else 0))


def _delays(tag: bytes) -> tuple[int, int] | None:
    """Encoder delay and padding in samples, (0, 0) where a tag does not tell; None when the frame is no info frame."""
    if tag[:4] not in (b"Xing", b"Info"):
        return None
    (flags,) = struct.unpack_from(">I", tag.ljust(8, b"\0"), 4)
    at = 8 + 4 * bool(flags & FRAMES) + 4 * bool(flags & BYTES) + 100 * bool(flags & INDEX) + 4 * bool(flags & QUALITY)
    if tag[at : at + 4] not in (b"LAME", b"Lavf", b"Lavc") or len(tag) < at + 24:
        return 0, 0
    both = int.from_bytes(tag[at + 21 : at + 24], "big")
    return both >> 12, both & MOST


def crc16(data: bytes) -> int:
    """CRC-16 with polynomial 0x8005, bits from the low end: what LAME puts over its tag."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register
