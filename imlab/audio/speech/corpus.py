"""The speech that everything is measured on, and the plain word for which speech that was."""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imlab.audio.cache import cache_directory
from imlab.audio.capture import RATE
from imlab.audio.clip import Clip
from imlab.audio.join import extend
from imlab.audio.resample import resample
from imlab.audio.speech.fetch import Say, fetch, fetched
from imlab.audio.speech.manifest import NAME, Entry, read_manifest, scan
from imlab.audio.speech.voices import SYNTHETIC, voices
from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Corpus:
    """Recordings in a fixed order. label: "given speech", "fetched speech" or "synthetic speech", for every result."""

    label: str
    entries: tuple[Entry, ...]

    @property
    def real(self) -> bool:
        """Whether people spoke here, in every entry."""
        return not any(entry.source.startswith(SYNTHETIC) for entry in self.entries)

    @property
    def fingerprint(self) -> str:
        """One hash over all recordings, whatever their order and wherever they lie."""
        return hashlib.sha256("\n".join(sorted(entry.sha256 for entry in self.entries)).encode()).hexdigest()

    @property
    def seconds(self) -> float:
        """How long all of it lasts."""
        return sum(entry.seconds for entry in self.entries)

    def __str__(self) -> str:
        """One line for a report."""
        return f"{self.label}: {len(self.entries)} clips, {self.seconds:.0f} s, sha256 {self.fingerprint[:12]}"

    def clips(self, rate: int = RATE, limit: int | None = None, seed: int | None = None) -> Iterator[Clip]:
        """Clips at ``rate`` Hz, loaded as they are reached: in the order of the entries, or shuffled by ``seed``."""
        order = range(len(self.entries)) if seed is None else np.random.default_rng(seed).permutation(len(self.entries))
        for index in itertools.islice(order, limit):
            yield resample(self.entries[index].load(), rate)

    def note(self, seconds: float, rate: int = RATE, seed: int = 0) -> Clip:
        """A note of exactly ``seconds``: clips joined in the order that ``seed`` draws, then cut."""
        return extend(self.clips(rate, seed=seed), seconds)


def open_corpus(path: Path | None = None, *, download: bool = True, say: Say | None = None) -> Corpus:
    """The directory given or named by IMLAB_CORPUS; else the fetched recordings; else, without network, a synthesiser.

    download: whether recordings that are not in the cache may be fetched now. say: who is told about a download
    and about a lack of speech; stderr when None.
    """
    tell = say or _to_stderr
    if path is None and (named := os.environ.get("IMLAB_CORPUS")):
        path = Path(named)
    if path is not None:
        return _given(path, tell)
    cache = cache_directory("speech")
    if entries := fetch(cache, tell) if download else fetched(cache):
        return Corpus("fetched speech", entries)
    tell("no recordings of speech are here: synthetic speech takes their place, and every result says so")
    return Corpus(SYNTHETIC, voices(cache_directory("synthetic")))


def _given(directory: Path, say: Say) -> Corpus:
    """A directory of the user's; it counts as synthetic when its manifest says so."""
    if not directory.is_dir():
        raise UsageError(f"the corpus {directory} is not a directory")
    entries = read_manifest(directory) if (directory / NAME).exists() else scan(directory, say)
    if not entries:
        raise UsageError(f"the corpus {directory} holds no sound files that can be read: ./lab corpus check says why")
    given = Corpus("given speech", entries)
    return given if given.real else Corpus(SYNTHETIC, entries)


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
