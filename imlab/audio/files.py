"""Sound files: whatever libsndfile or FFmpeg reads, to a clip; a clip to WAV or FLAC."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from imlab.audio.blocks import open_binary, open_sound
from imlab.audio.clip import Clip, Samples
from imlab.audio.publish import publish
from imlab.errors import DoorError, UsageError


def read_clip(path: Path) -> Clip:
    """A file as a mono clip at its own rate; channels are averaged."""
    with open_binary(path) as file:
        return _whole(file, path.name)


def write_clip(path: Path, clip: Clip, *, exact: bool = False, overwrite: bool = False) -> None:
    """A clip as WAV or FLAC of 16 bit, by suffix; ``exact`` is WAV of 32 bit float. Beyond -1..1 16 bit is clipped."""
    publish(path, encode_clip(clip, path.suffix, exact=exact), overwrite=overwrite)


def read_bytes(path: Path) -> bytes:
    """A whole file."""
    with open_binary(path) as file:
        try:
            return file.read()
        except OSError as error:
            raise DoorError(f"cannot read {path}: {error.strerror}") from error


def decode_clip(data: bytes, name: str) -> Clip:
    """The bytes of a sound file as a mono clip; name: what errors call it.

    A file that ends before its header says so is refused. Ogg has no such header: it is read as far as it goes.
    """
    return _whole(io.BytesIO(data), name)


def encode_clip(clip: Clip, suffix: str, *, exact: bool = False) -> bytes:
    """The bytes of a sound file of this suffix."""
    if not np.isfinite(clip.samples).all():
        raise UsageError("a clip with samples that are not finite numbers cannot be written")
    match suffix.lower(), exact:
        case ".wav", True:
            return _encode(clip.samples, clip.rate, "WAV", "FLOAT")
        case ".wav", False:
            return _encode(to_int16(clip.samples), clip.rate, "WAV", "PCM_16")
        case ".flac", False:
            return _encode(to_int16(clip.samples), clip.rate, "FLAC", "PCM_16")
        case ".flac", True:
            raise UsageError("FLAC holds whole numbers: float samples go into .wav")
    raise UsageError(f"we write .wav and .flac, not {suffix or 'a name without suffix'!r}")


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Full scale -1..1 to 16 bit, rounded and clipped; the inverse of division by 32768."""
    whole: NDArray[np.int16] = np.clip(np.rint(samples * np.float32(32768)), -32768, 32767).astype(np.int16)
    return whole


def _encode(samples: NDArray[np.generic], rate: int, format: str, subtype: str) -> bytes:
    file = io.BytesIO()
    try:
        soundfile.write(file, samples, rate, format=format, subtype=subtype)
    except soundfile.LibsndfileError as error:
        raise UsageError(f"{format} cannot hold this clip at {rate} Hz: {error.error_string}") from error
    return file.getvalue()


def _whole(file: BinaryIO, name: str) -> Clip:
    """Memory follows the sound that is there, not the sound that a header promises."""
    rate, source = open_sound(file, name)
    return Clip(np.concatenate(list(source)), rate)
