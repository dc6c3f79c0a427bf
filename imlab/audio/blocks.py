"""Any sound file as mono blocks, one in memory at a time: what libsndfile reads by it, the rest by FFmpeg."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from imlab.audio.clip import Samples
from imlab.audio.ffmpeg import open_ffmpeg
from imlab.audio.resample import Resampler
from imlab.errors import DoorError, PeerError, UsageError

LONGEST = 4 * 3600  # seconds; a forged header must not make us work; no phone records a longer note
STREAMED = 0x7FFF0000  # a WAV that promises this many bytes, or 0, was written to a pipe: ffmpeg, sox
HIGHEST_RATE = 768_000  # Hz, the highest that converters are sold for; a forged one would make the resampler allocate
BLOCK = 1 << 16  # frames; 8 channels of them are 2 MB


def blocks(path: Path, rate: int) -> Iterator[Samples]:
    """A file's sound at ``rate`` Hz, float32 blocks of shape (n,), channels averaged; joined, it is the whole sound.

    A file that ends before its header says so is refused when its end is reached.
    """
    with open_binary(path) as file:
        own, source = open_sound(file, path.name)
        if own == rate:
            yield from source
            return
        resampler = Resampler(own, rate)
        for block in source:
            yield resampler.push(block)
        yield resampler.finish()


def open_binary(path: Path) -> BinaryIO:
    """A file to read from; a UsageError or a DoorError when there is none."""
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a directory, not a sound file") from error
    except OSError as error:
        raise DoorError(f"cannot read {path}: {error.strerror}") from error


def open_sound(file: BinaryIO, name: str) -> tuple[int, Iterator[Samples]]:
    """An open file's rate in Hz and its mono blocks; name: what errors call it. PeerError when it is no sound."""
    head = file.read(12)
    size = file.seek(0, 2)
    file.seek(0)
    if not size:
        raise PeerError(f"{name} is empty (0 bytes)")
    _refuse_cut_container(head, size, name)
    try:
        sound = soundfile.SoundFile(file)
    except soundfile.LibsndfileError as error:
        return _by_ffmpeg(file, name, error.error_string, f"({size} bytes, beginning {head[:8].hex()})")
    if sound.frames > LONGEST * sound.samplerate:
        raise PeerError(
            f"{name} promises {sound.frames / sound.samplerate / 3600:.0f} hours; {LONGEST // 3600} are allowed"
        )
    _refuse_rate(sound.samplerate, name)
    return sound.samplerate, _checked(_blocks(sound, name), sound.samplerate, name)


def _by_ffmpeg(file: BinaryIO, name: str, why: str, seen: str) -> tuple[int, Iterator[Samples]]:
    file.seek(0)
    try:
        rate, source = open_ffmpeg(file, name)
    except PeerError as error:
        raise PeerError(f"{name} is not a sound file we can read: {why} {error} {seen}") from error
    _refuse_rate(rate, name)
    return rate, _checked(source, rate, name)


def _blocks(sound: soundfile.SoundFile, name: str) -> Iterator[Samples]:
    """Every frame that the header promises, channels averaged."""
    reach = 0
    with sound:
        while True:
            try:
                block = sound.read(BLOCK, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise PeerError(f"{name} is damaged after {reach} frames: {error.error_string}") from error
            if not len(block):
                break
            reach += len(block)
            yield block[:, 0].copy() if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float64).astype(np.float32)
        if reach < sound.frames:
            raise PeerError(f"{name} is cut short: its header promises {sound.frames} frames, {reach} are here")


def _checked(source: Iterator[Samples], rate: int, name: str) -> Iterator[Samples]:
    """The same blocks, when they are sound: something, finite, and no longer than a note may be."""
    reach = 0
    for block in source:
        if not np.isfinite(block).all():
            raise PeerError(f"{name} holds samples that are not finite numbers")
        reach += len(block)
        if reach > LONGEST * rate:
            raise PeerError(f"{name} lasts over {LONGEST // 3600} hours; no more are allowed")
        yield block
    if not reach:
        raise PeerError(f"{name} is a sound file without sound (0 frames)")


def _refuse_rate(rate: int, name: str) -> None:
    if rate > HIGHEST_RATE:
        raise PeerError(f"{name} promises {rate} Hz; up to {HIGHEST_RATE} are read")


def _refuse_cut_container(head: bytes, size: int, name: str) -> None:
    """libsndfile reads a WAV or AIFF cut short without a word; half a note must not pass for a whole one."""
    order = {b"RIFF": "<I", b"FORM": ">I"}.get(head[:4])
    if order is None or len(head) < 12:
        return
    (promised,) = struct.unpack_from(order, head, 4)
    if 0 < promised < STREAMED and promised + 8 > size:
        raise PeerError(f"{name} is cut short: its header promises {promised + 8} bytes, {size} are here")
