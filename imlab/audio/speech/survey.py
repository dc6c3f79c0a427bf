"""What a directory of recordings really holds: each decoded, its length, rate and level, and what is wrong with it."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from imlab.audio.clip import Clip, Samples
from imlab.audio.files import decode_clip, read_bytes
from imlab.audio.loudness import loudness
from imlab.audio.speech.manifest import NAME, Entry, describe, read_manifest, sound_files
from imlab.errors import DoorError, PeerError, UsageError

SILENT = 1e-4  # of full scale, -80 dB: nothing above it is a voice that anyone hears
QUIET = -45.0  # LUFS; AISHELL's quietest speakers are at -40
SHORT = 0.5  # seconds; ViSQOL and loudness need about so much
FLAT = 3  # samples in a row at the same extreme: a clipped peak, not a loud one


@dataclass(frozen=True, slots=True)
class Finding:
    """One file. entry: None where refused says why; level in LUFS, -inf for none; remarks: what a user should know."""

    name: str
    entry: Entry | None
    refused: str = ""
    channels: int = 1
    level: float = -math.inf
    remarks: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether something can be measured on it."""
        return self.entry is not None and "silent" not in self.remarks


def survey(directory: Path) -> Iterator[Finding]:
    """Every recording of a directory, as it is decoded: those of its manifest, else all below it."""
    if not directory.is_dir():
        raise UsageError(f"the corpus {directory} is not a directory")
    if (directory / NAME).exists():
        for entry in read_manifest(directory):
            yield _look(entry.path, entry.name, entry)
        return
    for path in sound_files(directory):
        yield _look(path, path.relative_to(directory).as_posix(), None)


def survey_size(directory: Path) -> int:
    """How many findings there will be."""
    return len(read_manifest(directory) if (directory / NAME).exists() else sound_files(directory))


def _look(path: Path, name: str, entry: Entry | None) -> Finding:
    """One file decoded."""
    try:
        clip = entry.load() if entry else decode_clip(read_bytes(path), name)
        entry = entry or describe(path, name)
    except (PeerError, DoorError, UsageError) as error:
        return Finding(name, None, refused=str(error))
    channels = _channels(path)
    return Finding(name, entry, "", channels, loudness(clip), tuple(_remarks(clip, channels)))


def _remarks(clip: Clip, channels: int) -> Iterator[str]:
    """What is unusual about a clip, in single words or few."""
    peak = float(np.abs(clip.samples).max())
    if peak < SILENT:
        yield "silent"
    elif loudness(clip) < QUIET:
        yield "quiet"
    if clipped(clip.samples):
        yield "clipped"
    if clip.seconds < SHORT:
        yield "short"
    if channels > 1:
        yield f"{channels} channels, averaged"


def clipped(samples: Samples) -> bool:
    """Whether peaks are cut off: several samples in a row at the extreme of the clip, near full scale."""
    peak = np.abs(samples).max(initial=0.0)
    if peak < 0.5 or len(samples) < FLAT:
        return False
    top = np.abs(samples) >= peak * (1 - 1e-4)
    runs = np.convolve(top, np.ones(FLAT, np.int64), "valid")
    return bool((runs == FLAT).any())


def _channels(path: Path) -> int:
    """As libsndfile counts them; 1 for what only others can read."""
    try:
        return int(soundfile.info(io.BytesIO(read_bytes(path))).channels)
    except soundfile.LibsndfileError:
        return 1
