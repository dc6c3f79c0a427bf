"""Packets out of a file by FFmpeg's demuxers through PyAV: how MP4 and WebM are read, whoever wrote them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from imlab.codec.container.oggopus import CLOCK, Head, natural_rate, parse_head
from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet
from imlab.codec.libav import load
from imlab.codec.opus_packet import packet_samples

AAC_FRAME = 1024  # samples
SKIP = struct.Struct("<II")  # FFmpeg's note on a packet: samples to drop at its begin, and at its end


class Demuxed:
    """The one track of a file. kind: FFmpeg's name of the format; no other is tried."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        av = load()
        self._error = av.FFmpegError
        try:
            self._container = av.open(file, "r", format=kind, metadata_errors="replace")
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(f"not a {kind} file that FFmpeg reads: {error}") from error
        streams = self._container.streams
        if len(streams) != 1 or len(streams.audio) != 1:
            raise CodecError(
                f"{len(streams)} tracks, {len(streams.audio)} of them sound: a voice note has one, of sound"
            )
        self._stream = streams.audio[0]
        self._skipped = (0, 0)
        self._packets = self._demux()
        self._first = next(self._packets, None)
        if self._first is None:
            raise CodecError(f"a {kind} file without packets")
        self.track = self._open(self._stream.codec_context)
        self.samples = 0

    def __iter__(self) -> Iterator[Packet]:
        reach = 0
        packet = self._first
        while packet is not None:
            data = bytes(packet)
            samples = self._lasts(data)
            reach += samples
            yield Packet(data, samples)
            packet = next(self._packets, None)
        self.samples = self._length(reach)
        hold(self.track, reach, self.samples)
        self._container.close()

    def _open(self, context: Any) -> Track:
        """What is known before the first packet is given out."""
        self._head: Head | None = None
        if context is None:
            raise CodecError("a track of a codec that FFmpeg does not know here")
        if context.layout.nb_channels != 1 and context.name != "opus":
            raise CodecError(f"{context.layout.nb_channels} channels of {context.name}: only mono is read here")
        if context.name == "opus":
            self._head = parse_head(context.extradata or b"")
            rate = natural_rate(self._head, 0)
            return Track("opus", rate, round(self._head.skip * rate / CLOCK))
        if context.name == "aac":
            begin = self._stream.time_base * min(0, self._first.pts or 0) if self._first else 0
            return Track("aac", context.sample_rate, round(-begin * context.sample_rate))
        raise CodecError(f"{context.name} is no codec of ours in such a file")

    def _demux(self) -> Iterator[Any]:
        """Packets with bytes in them; what the last says of its end is kept."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    if packet.has_sidedata("skip_samples"):
                        self._skipped = SKIP.unpack_from(bytes(packet.get_sidedata("skip_samples")))
                    yield packet
        except self._error as error:
            raise CodecError(f"damaged: {error}") from error

    def _lasts(self, data: bytes) -> int:
        return AAC_FRAME if self._head is None else packet_samples(data, self.track.rate)

    def _length(self, reach: int) -> int:
        """The sound's true length: by the file's edit list, by the last packet's note, else all that is there."""
        declared: int | None = self._stream.duration
        if declared is not None:
            length = round(float(declared * self._stream.time_base) * self.track.rate)
            return min(length, reach - self.track.delay)
        return reach - self.track.delay - round(self._skipped[1] * self.track.rate / CLOCK)
