"""Sound files: WAV, FLAC and whatever else libsndfile reads, to a clip; a clip to WAV or FLAC."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from imlab.audio.clip import Clip, Samples
from imlab.audio.publish import publish
from imlab.errors import DoorError, PeerError, UsageError

LONGEST = 4 * 3600  # seconds; a forged header must not make us allocate; no phone records a longer note
STREAMED = 0x7FFF0000  # a WAV that promises this many bytes, or 0, was written to a pipe: ffmpeg, sox


def read_clip(path: Path) -> Clip:
    """A file as a mono clip at its own rate; channels are averaged."""
    return decode_clip(read_bytes(path), path.name)


def write_clip(path: Path, clip: Clip, *, exact: bool = False, overwrite: bool = False) -> None:
    """A clip as WAV or FLAC of 16 bit, by suffix; ``exact`` is WAV of 32 bit float. Beyond -1..1 16 bit is clipped."""
    publish(path, encode_clip(clip, path.suffix, exact=exact), overwrite=overwrite)


def read_bytes(path: Path) -> bytes:
    """A whole file."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a directory, not a sound file") from error
    except OSError as error:
        raise DoorError(f"cannot read {path}: {error.strerror}") from error


def decode_clip(data: bytes, name: str) -> Clip:
    """The bytes of a sound file as a mono clip; name: what errors call it.

    A file that ends before its header says so is refused. Ogg has no such header: it is read as far as it goes.
    """
    if not data:
        raise PeerError(f"{name} is empty (0 bytes)")
    _refuse_cut_container(data, name)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            return Clip(_mono(file, name), file.samplerate)
    except soundfile.LibsndfileError as error:
        raise PeerError(f"{name} is not a sound file we can read: {error.error_string} {_first_bytes(data)}") from error


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


def _mono(file: soundfile.SoundFile, name: str) -> Samples:
    """Every frame that the header promises, channels averaged, checked to be sound."""
    if file.frames > LONGEST * file.samplerate:
        raise PeerError(
            f"{name} promises {file.frames / file.samplerate / 3600:.0f} hours; {LONGEST // 3600} are allowed"
        )
    sound = file.read(dtype="float32", always_2d=True)
    if len(sound) < file.frames:
        raise PeerError(f"{name} is cut short: its header promises {file.frames} frames, {len(sound)} are here")
    if len(sound) == 0:
        raise PeerError(f"{name} is a sound file without sound (0 frames)")
    if not np.isfinite(sound).all():
        raise PeerError(f"{name} holds samples that are not finite numbers")
    return (
        np.ascontiguousarray(sound[:, 0])
        if sound.shape[1] == 1
        else sound.mean(axis=1, dtype=np.float64).astype(np.float32)
    )


def _refuse_cut_container(data: bytes, name: str) -> None:
    """libsndfile reads a WAV or AIFF cut short without a word; half a note must not pass for a whole one."""
    order = {b"RIFF": "<I", b"FORM": ">I"}.get(data[:4])
    if order is None or len(data) < 12:
        return
    (promised,) = struct.unpack_from(order, data, 4)
    if 0 < promised < STREAMED and promised + 8 > len(data):
        raise PeerError(f"{name} is cut short: its header promises {promised + 8} bytes, {len(data)} are here")


def _first_bytes(data: bytes) -> str:
    return f"({len(data)} bytes, beginning {data[:8].hex()})"
