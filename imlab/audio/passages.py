"""Passages of a sound file, copied sample for sample into files of their own, and put one behind the other again.

Nothing is converted: channels, rate and the kind of number stay. So the copy is exact, and memory holds a passage.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from imlab.audio.files import decode_clip, encode_clip, read_bytes
from imlab.audio.publish import growing
from imlab.errors import DoorError, PeerError, UsageError

WHOLE = {"PCM_U8": "int32", "PCM_S8": "int32", "PCM_16": "int32", "PCM_24": "int32", "PCM_32": "int32"}
KINDS = {**WHOLE, "FLOAT": "float64", "DOUBLE": "float64"}  # subtype -> what holds it without loss
FORMATS = {".wav": "WAV", ".flac": "FLAC"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What passages must share to be joined. rate in Hz; format and subtype in libsndfile's words, such as PCM_16."""

    rate: int
    channels: int
    format: str
    subtype: str

    def __str__(self) -> str:
        return f"{self.format} {self.subtype} of {self.channels} channels at {self.rate} Hz"


@contextmanager
def open_sound(path: Path) -> Iterator[soundfile.SoundFile]:
    """A sound file to be read bit by bit; what libsndfile does not know is decoded whole first."""
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError:
        clip = decode_clip(read_bytes(path), path.name)  # says what is wrong, or reads what libsndfile does not
        file = soundfile.SoundFile(io.BytesIO(encode_clip(clip, ".wav", exact=True)))
    with file:
        if not file.frames:
            raise PeerError(f"{path.name} is a sound file without sound (0 frames)")
        yield file


def shape_for(file: soundfile.SoundFile, suffix: str) -> Shape:
    """How passages of this file are written under a suffix, without loss; UsageError where that cannot be."""
    if suffix not in FORMATS:
        raise UsageError(f"passages are written as {' or '.join(FORMATS)}, not as {suffix!r}")
    subtype = file.subtype if file.subtype in KINDS else "PCM_16" if "LAW" in file.subtype else "FLOAT"
    if suffix == ".flac":
        subtype = {"PCM_U8": "PCM_S8"}.get(subtype, subtype)
    elif file.format == "FLAC":
        subtype = {"PCM_S8": "PCM_U8"}.get(subtype, subtype)
    if not soundfile.check_format(FORMATS[suffix], subtype):
        raise UsageError(f"{FORMATS[suffix]} cannot hold {subtype} without loss: choose another codec")
    return Shape(file.samplerate, file.channels, FORMATS[suffix], subtype)


def copy_passage(file: soundfile.SoundFile, frames: int, shape: Shape) -> bytes:
    """The next ``frames`` frames of an open file, as a file. PeerError when it ends before."""
    sound = file.read(frames, dtype=KINDS[shape.subtype], always_2d=True)
    if len(sound) < frames:
        raise PeerError(f"the sound ends {frames - len(sound)} frames before its header says")
    whole = io.BytesIO()
    soundfile.write(whole, sound, shape.rate, format=shape.format, subtype=shape.subtype)
    return whole.getvalue()


def passage(data: bytes, name: str) -> tuple[Shape, NDArray[np.generic]]:
    """A passage out of its file: its shape, and samples of shape (frames, channels) that lost nothing."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            sound = file.read(dtype=KINDS.get(file.subtype, "float64"), always_2d=True)
            if len(sound) < file.frames:
                raise PeerError(f"{name} is cut short: {len(sound)} of {file.frames} frames are here")
            return Shape(file.samplerate, file.channels, file.format, file.subtype), sound
    except soundfile.LibsndfileError as error:
        raise PeerError(f"{name} is not a sound file we can read: {error.error_string}") from error


def join_passages(parts: Iterable[tuple[str, bytes]], path: Path, *, overwrite: bool = False) -> Shape:
    """Passages by name, one behind the other, as a file that appears whole; PeerError where one is of another shape."""
    coming = iter(parts)
    name, data = next(coming)
    shape, sound = passage(data, name)
    if FORMATS.get(path.suffix.lower()) != shape.format:
        raise UsageError(f"the slices are {shape.format}: call the file {path.stem}.{shape.format.lower()}")
    with growing(path, overwrite=overwrite) as place, _writing(place, path, shape) as file:
        file.write(sound)
        for name, data in coming:
            other, sound = passage(data, name)
            if other != shape:
                raise PeerError(f"{name} is {other}, the slices before it are {shape}")
            file.write(sound)
    return shape


@contextmanager
def _writing(place: BinaryIO, path: Path, shape: Shape) -> Iterator[soundfile.SoundFile]:
    """libsndfile writes by the place's name: through a Python file it could not say that a disk is full."""
    try:
        with soundfile.SoundFile(
            place.name, "w", shape.rate, shape.channels, shape.subtype, format=shape.format
        ) as file:
            yield file
    except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that every frame was written
        raise DoorError(f"cannot write all of {path}: is the disk full?") from error
