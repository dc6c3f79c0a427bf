"""Packets from one kind of file into another, unchanged, by FFmpeg's muxers through PyAV: how MP4 and WebM are made.

What we write ourselves (Ogg, ADTS) is spooled, beyond a few megabytes to the disk, and poured over at the end, so that
memory does not grow with the sound (FFmpeg's index grows: 2 h of 20 ms packets are about 25 MB).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from imlab.codec.container.track import Track, Writer
from imlab.codec.contract import Packet
from imlab.codec.libav import load
from imlab.errors import DoorError

IN_MEMORY = 4 << 20  # bytes of a spool, four minutes of anything that we code
SAME = {"fflags": "+bitexact"}  # no version, no random numbers: the same clip makes the same bytes

Place = Callable[[Any], None]  # what is done to each packet on its way, such as its time


class Remuxed:
    """A writer of one kind behind which FFmpeg makes another."""

    def __init__(self, file: BinaryIO, track: Track, first: Callable[[BinaryIO, Track], Writer]) -> None:
        self._file = file
        self._spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - closed by pour
        self._writer = first(self._spool, track)

    def add(self, packet: Packet) -> None:
        """The next packet, into the spool."""
        self._writer.add(packet)

    def pour(self, samples: int, source: str, target: str, options: dict[str, str], place: Place | None = None) -> None:
        """All of it from FFmpeg's format ``source`` into ``target``."""
        self._writer.finish(samples)
        self._spool.seek(0)
        with self._spool:
            remux(self._spool, source, self._file, target, options, place)


def remux(
    source: BinaryIO, kind: str, target: BinaryIO, to: str, options: dict[str, str], place: Place | None = None
) -> None:
    """The packets of a file of one track into another file; DoorError when FFmpeg will not."""
    av = load()
    try:
        with (
            av.open(source, "r", format=kind) as inside,
            av.open(target, "w", format=to, options=SAME | options) as outside,
        ):
            stream = inside.streams.audio[0]
            into = outside.add_stream_from_template(stream)
            for packet in inside.demux(stream):
                if packet.size:  # at the end comes one without
                    if place:
                        place(packet)
                    packet.stream = into
                    outside.mux(packet)
    except av.FFmpegError as error:
        raise DoorError(f"FFmpeg did not make {to} of {kind}: {error}") from error
