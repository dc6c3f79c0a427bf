"""The file of Codec 2's own tools (c2enc and c2dec; FFmpeg reads it too): seven bytes that name the mode, then packets.

Magic C0 DE C2, version (two bytes), mode, flags. Nothing says where the sound ends or how late it begins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from imlab.codec.codec2 import MODES, RATE
from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet

MAGIC = bytes.fromhex("c0dec2")
HEADER = struct.Struct("<3sBBBB")
VERSION = (0, 8)  # of the file's form, the one that FFmpeg knows; c2dec looks only at the mode
PREFIX = "codec2-"


class C2Writer:
    """The header, then packets."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        self._mode = MODES[track.codec.removeprefix(PREFIX)]
        if track.rate != RATE:
            raise CodecError(f"Codec 2 has {RATE} Hz, not {track.rate}")
        self._file, self._track, self._reach = file, track, 0
        file.write(HEADER.pack(MAGIC, *VERSION, self._mode.number, 0))

    def add(self, packet: Packet) -> None:
        """The next packet."""
        if (len(packet.data), packet.samples) != (self._mode.size, self._mode.frame):
            raise CodecError(f"no {self._track.codec} packet: {packet.samples} samples in {len(packet.data)} bytes")
        self._file.write(packet.data)
        self._reach += packet.samples

    def finish(self, samples: int) -> None:
        """The length is checked; there is no place to write it."""
        hold(self._track, self._reach, samples)


class C2Reader:
    """Packets one by one."""

    def __init__(self, file: BinaryIO) -> None:
        head = file.read(HEADER.size)
        if len(head) < HEADER.size or not head.startswith(MAGIC):
            raise CodecError(f"not a Codec 2 file: {head.hex() or 'nothing'}")
        number, flags = head[5:]
        name = next((name for name, mode in MODES.items() if mode.number == number), None)
        if name is None or flags:
            raise CodecError(f"a Codec 2 file of mode {number} with flags {flags}: not read here")
        self._file, self._mode = file, MODES[name]
        self.track = Track(PREFIX + name, RATE, self._mode.delay)
        self.samples = 0

    def __iter__(self) -> Iterator[Packet]:
        reach = 0
        while data := self._file.read(self._mode.size):
            if len(data) < self._mode.size:
                raise CodecError(f"truncated: the last Codec 2 packet has {len(data)} of {self._mode.size} bytes")
            reach += self._mode.frame
            yield Packet(data, self._mode.frame)
        self.samples = max(0, reach - self.track.delay)
