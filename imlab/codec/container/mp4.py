"""MP4 and M4A: AAC or Opus in ISO's boxes, the delay as an edit list, which also says where the sound ends.

FFmpeg's own player begins where the edit list says and plays the last packet to its end; its ``duration`` is exact.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from imlab.codec.container.adts import FRAME, AdtsWriter
from imlab.codec.container.demux import Demuxed
from imlab.codec.container.oggopus import CLOCK, OggOpusWriter
from imlab.codec.container.remux import Remuxed
from imlab.codec.container.track import Track, Writer

TICKS = "movie_timescale"  # of the edit list per second; FFmpeg's 1000 would round the length to milliseconds


class AacWriter(Remuxed):
    """AAC: FFmpeg takes the settings from ADTS headers, and from us the place of each packet in time."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        super().__init__(file, track, AdtsWriter)
        self._track = track
        self._at = -track.delay
        self._end = 0

    def finish(self, samples: int) -> None:
        """The file, with its index at the end."""
        self._end = samples
        self.pour(samples, "aac", "ipod", {TICKS: str(self._track.rate)}, self._place)

    def _place(self, packet: Any) -> None:
        tick = 1 / (packet.time_base * self._track.rate)  # FFmpeg counts ADTS in 1/28224000 s
        packet.pts = packet.dts = round(self._at * tick)
        packet.duration = round(max(1, min(FRAME, self._end - self._at)) * tick)
        self._at += FRAME


class OpusWriter(Remuxed):
    """Opus: by way of Ogg, whose pre-skip and last granule FFmpeg understands."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        super().__init__(file, track, OggOpusWriter)

    def finish(self, samples: int) -> None:
        """The file, with its index at the end."""
        self.pour(samples, "ogg", "mp4", {TICKS: str(CLOCK)})


def writer(file: BinaryIO, track: Track) -> Writer:
    """The writer of a codec."""
    return AacWriter(file, track) if track.codec == "aac" else OpusWriter(file, track)


def reader(file: BinaryIO) -> Demuxed:
    """Packets of an MP4 or M4A."""
    return Demuxed(file, "mov,mp4,m4a,3gp,3g2,mj2")
