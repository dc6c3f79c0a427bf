"""Sound out of any file that we read, when all of it is here: no other container but Ogg is read from its middle."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from imlab.audio.clip import Samples
from imlab.client.fetching.ranges import Need
from imlab.client.playing.held import Held
from imlab.codec.container.reading import open_reader
from imlab.codec.container.track import Track
from imlab.codec.contract import Packet
from imlab.codec.named import open_codec

NOTHING: Samples = np.zeros(0, np.float32)


class WholeSource:
    """container: what the file is taken for when its bytes look like nothing."""

    def __init__(self, held: Held, size: int | None, container: str | None = None) -> None:
        self._held, self._container = held, container
        self.size = size
        self.rate = 0  # until all is here
        self.length: int | None = None
        self._sound: Iterator[Samples] | None = None
        self._from = 0.0  # seconds
        self._skip = 0  # samples

    @property
    def cursor(self) -> int:
        """See Source."""
        return self._held.gap(0)

    def open(self) -> None:
        """See Source."""
        if self._sound is None:
            self._begin()

    def need(self) -> Need | None:
        """See Source."""
        return None

    def pull(self) -> Samples | None:
        """See Source."""
        self.open()
        if self._sound is None:
            return NOTHING
        for heard in self._sound:
            kept = heard[self._skip :]
            self._skip = max(0, self._skip - len(heard))
            if len(kept):
                return kept
        return None

    def seek(self, seconds: float) -> None:
        """See Source; what is before it is decoded again."""
        self._sound, self._from = None, seconds

    def _begin(self) -> None:
        if self.size is None or self.cursor < self.size:
            return
        reader = open_reader(io.BytesIO(self._held.read(0, self.size)), self._container)
        packets = list(reader)
        self.length, self.rate = reader.samples, reader.track.rate
        self._sound, self._skip = _sound(packets, reader.track, reader.samples), round(self._from * self.rate)


def _sound(packets: list[Packet], track: Track, samples: int) -> Iterator[Samples]:
    """Packet by packet, without what the codec put before and behind."""
    skip, left = track.delay, samples
    decoder = None
    for packet in packets:
        decoder = decoder or open_codec(track.codec, track.rate, packet.samples).decoder()
        heard = decoder.decode(packet.data)
        audible, skip = heard[skip:][:left], max(0, skip - len(heard))
        left -= len(audible)
        yield audible
