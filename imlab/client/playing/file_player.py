"""A sound file that is heard before all of it is here: bytes go in from wherever they come, samples come out.

Ogg Opus plays from its first page on and is entered anywhere by asking for a few ranges; any other file that we read
is waited for whole. ``want`` says which bytes are wanted now; who fetches them, and how often the network fails
meanwhile, is not the player's affair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.audio.clip import Samples
from imlab.audio.tempo import Tempo
from imlab.client.fetching.ranges import Need
from imlab.client.playing.bisection import PROBE
from imlab.client.playing.held import Held
from imlab.client.playing.ogg_source import OggSource
from imlab.client.playing.source import Source
from imlab.client.playing.whole_source import WholeSource
from imlab.codec.container.formats import SNIFFED, recognise

NOTHING: Samples = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many bytes are fetched ahead of what is heard: as many as ``most``, and then no more until half are used."""

    most: int = 1 << 20  # five minutes at 24 kbit/s: a voice note is fetched whole


class FilePlayer:
    """speed: 0.5..2, its pitch stays; size in bytes and duration in seconds of the file, where one knows them."""

    def __init__(
        self,
        speed: float = 1.0,
        size: int | None = None,
        duration: float | None = None,
        container: str | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        self._held = Held()
        self._source: Source | None = None
        self._size, self._duration, self._container = size, duration, container
        self._ahead = ahead or Ahead()
        self._speed = speed
        self._tempo: Tempo | None = None
        self._ready: Samples = NOTHING
        self._sought: float | None = None
        self._sated = False  # more than enough has come
        self._starving = False  # what has come is not enough for the next samples
        self._ended = False  # nothing more will come out of the file

    @property
    def done(self) -> bool:
        """Has every sample been taken?"""
        return self._ended and not len(self._ready)

    @property
    def rate(self) -> int:
        """Hz; 0 until enough of the file is here to know it."""
        if source := self._open():
            source.open()
            return source.rate
        return 0

    @property
    def seconds(self) -> float | None:
        """How long the sound lasts at speed 1, when that is known."""
        if self._source and self._source.length is not None:
            return self._source.length / self._source.rate
        return self._duration

    # What a driver asks and tells

    def want(self) -> Need | None:
        """The bytes wanted now; None: enough is here."""
        source = self._open()
        if source and (need := source.need()):
            return need
        if self._sought is not None:  # what kind of file it is, and no more
            return Need(self._held.gap(0), PROBE)
        cursor = source.cursor if source else 0
        gap = self._held.gap(cursor)
        if self._size is not None and gap >= self._size:
            return None
        self._sated = gap - cursor > (self._ahead.most // 2 if self._sated else self._ahead.most)
        return None if self._sated and not self._starving else Need(gap)

    def told(self, size: int) -> None:
        """The file has so many bytes."""
        self._size = size
        if self._source:
            self._source.size = size

    def feed(self, at: int, data: bytes) -> None:
        """Bytes of the file, from ``at`` on."""
        self._held.add(at, data)

    # What the loudspeaker asks

    def take(self, samples: int) -> Samples:
        """The next ``samples`` or as many as can be heard now, float32 of shape (n,); CodecError for no sound."""
        source = self._open()
        while source and len(self._ready) < samples and not self._ended:
            heard = source.pull()
            self._ended, self._starving = heard is None, heard is not None and not len(heard)
            if self._starving:
                break
            self._ready = np.concatenate((self._ready, self._at_speed(heard, source.rate)))
        taken, self._ready = self._ready[:samples], self._ready[samples:]
        return taken

    def seek(self, seconds: float) -> None:
        """Go on from there; before the beginning is the beginning, behind the end is the end."""
        self._sought = max(0.0, seconds)
        self._ready, self._tempo, self._ended = NOTHING, None, False
        self._open()

    def _open(self) -> Source | None:
        """As soon as one can see what the file is; what was sought before that is sought now."""
        if self._source is None and len(head := self._held.read(0, SNIFFED)) == SNIFFED:
            whole = recognise(head) != "ogg"
            self._source = (
                WholeSource(self._held, self._size, self._container)
                if whole
                else OggSource(self._held, self._size, self._duration)
            )
        if self._source and self._sought is not None:
            self._source.seek(self._sought)
            self._sought = None
        return self._source

    def _at_speed(self, heard: Samples | None, rate: int) -> Samples:
        """None: the end."""
        if self._speed != 1.0 and self._tempo is None:
            self._tempo = Tempo(rate, self._speed)
        if heard is None:
            return self._tempo.finish() if self._tempo else NOTHING
        return self._tempo.push(heard) if self._tempo else heard
