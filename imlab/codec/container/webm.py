"""WebM: Opus in Matroska's elements, as browsers record it; CodecDelay and DiscardPadding say begin and end in ns."""

from __future__ import annotations

from typing import BinaryIO

from imlab.codec.container.demux import Demuxed
from imlab.codec.container.oggopus import OggOpusWriter
from imlab.codec.container.remux import Remuxed
from imlab.codec.container.track import Track


class WebmWriter(Remuxed):
    """By way of Ogg, whose pre-skip and last granule FFmpeg understands."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        super().__init__(file, track, OggOpusWriter)

    def finish(self, samples: int) -> None:
        """The file."""
        self.pour(samples, "ogg", "webm", {})


def reader(file: BinaryIO) -> Demuxed:
    """Packets of a WebM or Matroska file."""
    return Demuxed(file, "matroska,webm")
