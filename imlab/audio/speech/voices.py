"""The synthesiser's clips as files with a manifest, so that a corpus of them is a corpus like any other."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

from imlab.audio.files import encode_clip
from imlab.audio.publish import publish
from imlab.audio.speech import phones, synth
from imlab.audio.speech.manifest import NAME, Entry, describe, read_manifest, write_manifest
from imlab.audio.speech.synth import MAN, WOMAN, synthesise

SYNTHETIC = "synthetic speech"
CLIPS = 12
SHORTEST = 4.0  # seconds; each clip is half a second longer than the one before


def voices(directory: Path) -> tuple[Entry, ...]:
    """Twelve clips of 4 to 9.5 s, men and women in turn, made once per version of the synthesiser."""
    place = directory / _version()
    if not (place / NAME).exists():
        place.mkdir(parents=True, exist_ok=True)
        write_manifest(place, [_speak(place, seed) for seed in range(CLIPS)])
    return read_manifest(place)


def _speak(place: Path, seed: int) -> Entry:
    voice, sex = (MAN, "M") if seed % 2 == 0 else (WOMAN, "F")
    name = f"voice-{seed:02}.flac"
    clip = synthesise(seed, SHORTEST + seed / 2, voice)
    publish(place / name, encode_clip(clip, ".flac"), overwrite=True)
    return describe(place / name, name, lang="zxx", sex=sex, licence="none", source=f"{SYNTHETIC}, seed {seed}")


def _version() -> str:
    """The first of the hash of the source code: a changed synthesiser never finds its old clips."""
    source = inspect.getsource(phones) + inspect.getsource(synth)
    return hashlib.sha256(source.encode()).hexdigest()[:12]
