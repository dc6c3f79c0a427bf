"""The notes that are asked for and sent: real speech, each a file of its own, made once and kept for all trials.

A few recordings, whose lengths follow a stated law, make thousands of files that differ in their stream's serial number
and so in every checksum: no store can keep two as one, and no cache can hit one for another.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imlab.audio.cache import cache_directory
from imlab.audio.speech.corpus import Corpus, open_corpus
from imlab.audio.waveform import thumbnail
from imlab.codec.container import oggopus
from imlab.codec.contract import Coded, encode
from imlab.codec.opus import Opus
from imlab.errors import UsageError
from imlab.studies.architectures.lengths import Lengths
from imlab.studies.architectures.shelf import Shelf, write
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from imlab.wire.recording import Recording

VERSION = 1  # of what is kept: one more when the same catalogue would be made otherwise
TYPE = "audio/ogg"
BEGIN_MS = 1_700_000_000_000  # when the first note was recorded; the next follow by the second


@dataclass(frozen=True, slots=True)
class Catalogue:
    """``stored`` notes that are there before anybody asks, and ``unsent`` ones to send; in so many rooms, by turns.

    The bitrate is constant, so a note's size hangs on its length alone, and no hit ratio on which speech is here.
    """

    stored: int = 4_096
    unsent: int = 1_024
    recordings: int = 48
    rooms: int = 64
    lengths: Lengths = field(default_factory=Lengths)
    codec: Opus = field(default_factory=lambda: Opus(bitrate=24_000, frame_ms=20, vbr=False))
    seed: int = 7

    def __post_init__(self) -> None:
        if min(self.stored, self.recordings, self.rooms) < 1 or self.unsent < 0:
            raise UsageError(f"a catalogue has a note, a recording and a room: not {self!r}")

    @property
    def count(self) -> int:
        """All notes."""
        return self.stored + self.unsent

    def shelf(self, corpus: Corpus | None = None) -> Shelf:
        """The notes, from the cache or made now, which takes some seconds."""
        speech = corpus or open_corpus()
        place = cache_directory("architectures") / self._key(speech)
        if not place.exists():
            self._make(speech, place)
        return Shelf.opened(place, self.stored)

    def notes(self, corpus: Corpus) -> Iterator[Recording]:
        """All of them, made now."""
        rng = np.random.default_rng(self.seed)
        taken = [self._taken(corpus, seconds, rng) for seconds in self.lengths.spaced(self.recordings).tolist()]
        order = rng.permutation(np.arange(self.count) % self.recordings).tolist()
        serials = rng.choice(2**31, self.count, replace=False).tolist()
        for index, (which, serial) in enumerate(zip(order, serials, strict=True)):
            coded, waveform = taken[which]
            body = oggopus.write(coded, serial)
            yield Recording(self._note(index, rng.bytes(16).hex(), coded, waveform, body), body)

    def _taken(self, corpus: Corpus, seconds: float, rng: np.random.Generator) -> tuple[Coded, bytes]:
        clip = corpus.note(seconds, self.codec.rate, int(rng.integers(0, 2**31)))
        return encode(self.codec, clip), thumbnail(clip.samples)

    def _note(self, index: int, id: str, coded: Coded, waveform: bytes, body: bytes) -> VoiceMessage:
        """What is unsent has no place in its room yet."""
        return VoiceMessage(
            id=id,
            sender=f"user{index % (10 * self.rooms)}",
            room=f"room{index % self.rooms}",
            timestamp_ms=BEGIN_MS + 1000 * index,
            duration_ms=round(1000 * coded.samples / coded.rate),
            codec="opus",
            layout=PacketLayout(),
            size=0,
            audio=b"",
            waveform=waveform,
            sequence=index // self.rooms + 1 if index < self.stored else 0,
            file=File(hashlib.sha256(body).hexdigest(), len(body), TYPE),
        )

    def _key(self, corpus: Corpus) -> str:
        """What the cache calls it: everything that it is made of."""
        return hashlib.sha256(f"{VERSION} {self!r} {corpus.fingerprint}".encode()).hexdigest()[:24]

    def _make(self, corpus: Corpus, place: Path) -> None:
        """Beside its place, and then there at once; of two who make it at a time the first is kept."""
        making = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
        try:
            write(making, self.notes(corpus))
            making.rename(place)
        except OSError:
            if not place.exists():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
