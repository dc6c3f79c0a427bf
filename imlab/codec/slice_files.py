"""A sound file cut into slice files, and slice files joined: every one plays by itself and says where it belongs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from imlab.audio.clip import Samples
from imlab.audio.files import read_bytes
from imlab.audio.passages import copy_passage, join_passages, open_sound, passage, shape_for
from imlab.audio.publish import publish
from imlab.audio.resample import Resampler
from imlab.codec.container import oggopus
from imlab.codec.container.tags import read_tags, write_tags
from imlab.codec.contract import Codec, CodecError, Coded, Packet, drain
from imlab.codec.slices import MOST, Label, Slice, cut, in_order, join, labels
from imlab.errors import DoorError, PeerError, UsageError

FIELDS = ("source", "index", "count", "start", "samples", "total", "rate")
SUFFIXES = (".ogg", ".opus", ".wav", ".flac")  # of what we write, and look for in a directory
CHANNELS_AT = 9  # of OpusHead, RFC 7845, section 5.1
BLOCK_S = 1  # second of sound that is read at once

Watch = Callable[[int, int], None]  # told how many slices are done, of how many


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice that is ready to be written. name: of its file; data: the file."""

    name: str
    label: Label
    data: bytes


def slice_samples(path: Path, suffix: str, every_s: float, source: str | None = None) -> Iterator[Piece]:
    """Slices that are copies, sample for sample, in .wav or .flac. every_s in seconds; source: else the sha256."""
    with open_sound(path) as file:
        shape = shape_for(file, suffix)
        wanted = labels(source or fingerprint(path), file.frames, shape.rate, round(every_s * shape.rate))
        for label in wanted:
            yield _piece(path, suffix, label, copy_passage(file, label.samples, shape))


def slice_opus(path: Path, every_s: float, source: str | None = None) -> Iterator[Piece]:
    """Slices of an Ogg Opus file: its own packets, nothing is coded anew. every_s in seconds."""
    data = read_bytes(path)
    whole = oggopus.read(data)
    if data[data.index(b"OpusHead") + CHANNELS_AT] != 1:
        raise UsageError(f"{path.name} is stereo, our Ogg Opus is mono: code it anew, or cut it as pcm or flac")
    wanted = labels(source or fingerprint(path), whole.samples, whole.rate, round(every_s * whole.rate))
    for part in cut(whole.packets, wanted, whole.codec, whole.delay):
        yield _piece(path, ".ogg", part.label, oggopus.write(part.coded))


def slice_coded(path: Path, codec: Codec, every_s: float, source: str | None = None) -> Iterator[Piece]:
    """Slices of one continuous Opus encoding of a sound file, coded as it is read. every_s in seconds."""
    if codec.name != "opus":
        raise UsageError(f"slices of {codec.name} cannot be joined without a seam: opus, pcm and flac can")
    with open_sound(path) as file:
        total = (2 * file.frames * codec.rate + file.samplerate) // (2 * file.samplerate)
        wanted = labels(source or fingerprint(path), total, codec.rate, round(every_s * codec.rate))
        packets = code(codec, _at(codec.rate, file), total)
        for part in cut(packets, wanted, codec.name, codec.delay):
            yield _piece(path, ".ogg", part.label, oggopus.write(part.coded))


def code(codec: Codec, blocks: Iterable[Samples], total: int) -> Iterator[Packet]:
    """The packets of a sound that comes in blocks of any size, ``total`` samples in all; memory holds one frame."""
    encoder = codec.encoder()
    count = -(-(total + codec.delay) // codec.frame)
    given = 0
    for frame in _frames(blocks, codec.frame, count):
        if data := encoder.encode(frame):
            given += 1
            yield Packet(data, codec.frame)
    yield from (Packet(data, codec.frame) for data in drain(codec, encoder, count - given))


def _frames(blocks: Iterable[Samples], size: int, count: int) -> Iterator[Samples]:
    """Exactly ``count`` frames: what is left of a block begins the next frame, silence ends the last."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate((rest, block))
        whole = min(len(rest) // size, count)
        yield from rest[: whole * size].reshape(whole, size)
        rest, count = rest[whole * size :], count - whole
    for at in range(0, count * size, size):
        frame = np.zeros(size, np.float32)
        frame[: len(rest[at : at + size])] = rest[at : at + size]
        yield frame


def _at(rate: int, file: soundfile.SoundFile) -> Iterator[Samples]:
    """A file's sound at another rate: mono, block by block."""
    blocks = file.blocks(BLOCK_S * file.samplerate, dtype="float32", always_2d=True)
    mono = (block.mean(axis=1, dtype=np.float64).astype(np.float32) for block in blocks)
    if rate == file.samplerate:
        yield from mono
        return
    resampler = Resampler(file.samplerate, rate)
    yield from map(resampler.push, mono)
    yield resampler.finish()


def write_slices(pieces: Iterable[Piece], directory: Path, watch: Watch = lambda done, total: None) -> list[Path]:
    """The slices as files of a directory, each of which appears whole; one that is there already is refused."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DoorError(f"cannot make {directory}: {error.strerror}") from error
    written = []
    for piece in pieces:
        publish(directory / piece.name, piece.data)
        written.append(directory / piece.name)
        watch(len(written), piece.label.count)
    return written


def read_label(data: bytes, name: str) -> Label:
    """What a slice file says of itself; PeerError for a file that is no slice, or says what cannot be."""
    try:
        return label_of(read_tags(data), name)
    except CodecError as error:
        raise PeerError(f"{name} is no slice: {error}") from error


def label_of(tags: Mapping[str, str], name: str) -> Label:
    """The label that tags spell; PeerError for what cannot be. name: of the file, for the message."""
    said = [tags.get(f"SLICE_{field.upper()}") for field in FIELDS]
    if None in said:
        lacking = f"SLICE_{FIELDS[said.index(None)].upper()}"
        raise PeerError(f"{name} has no tag {lacking}: it is no slice, or it is cut short and lost its tags")
    source, *numbers = map(str, said)
    try:
        label = Label(source, *map(int, numbers))
    except ValueError as error:
        raise PeerError(f"{name} has a tag that is no number: {error}") from error
    placed = 0 <= label.index < label.count <= MOST and 0 <= label.start <= label.total - label.samples
    if not placed or min(label.samples, label.rate) <= 0:
        raise PeerError(f"{name} says what cannot be: {label}")
    return label


def slices_in(paths: Sequence[Path]) -> list[Path]:
    """The files to join: those given, and the sound files of directories given."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        here = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.name[0] != ".")
        if not here:
            raise UsageError(f"{path} holds no slices ({', '.join(SUFFIXES)})")
        found += here
    return found


def join_slices(paths: Sequence[Path], out: Path, *, overwrite: bool = False) -> tuple[Label, str]:
    """The slices in any order as the one file they were cut from; the last label, and what was written, in words.

    PeerError names a slice that is missing, foreign, damaged or there twice; nothing is written then.
    """
    seen = {str(path): read_label(read_bytes(path), path.name) for path in paths}
    ordered = {name: seen[name] for name in in_order(seen)}
    last = list(ordered.values())[-1]
    if read_bytes(Path(next(iter(ordered))))[:4] == b"OggS":
        return last, _join_opus(ordered, out, overwrite)
    return last, str(join_passages(_passages(ordered), out, overwrite=overwrite))


def _join_opus(ordered: Mapping[str, Label], out: Path, overwrite: bool) -> str:
    if out.suffix.lower() not in (".ogg", ".opus"):
        raise UsageError(f"the slices are Opus: call the file {out.stem}.ogg")
    whole = join({name: Slice(label, _opus(Path(name), label)) for name, label in ordered.items()})
    publish(out, oggopus.write(whole), overwrite=overwrite)
    return f"Ogg Opus of {len(whole.packets)} packets at {whole.rate} Hz"


def _opus(path: Path, label: Label) -> Coded:
    """The packets of a slice, when they hold what its label says."""
    try:
        coded = oggopus.read(read_bytes(path), label.rate)
    except (CodecError, UsageError) as error:  # a rate that Opus does not have came from the tags
        raise PeerError(f"{path.name}: {error}") from error
    if coded.samples != label.samples:
        raise PeerError(f"{path.name} holds {coded.samples} samples, its tags say {label.samples}")
    return coded


def _passages(ordered: Mapping[str, Label]) -> Iterator[tuple[str, bytes]]:
    """The bytes of each slice, when they hold what its label says."""
    for name, label in ordered.items():
        data = read_bytes(Path(name))
        shape, sound = passage(data, Path(name).name)
        if (len(sound), shape.rate) != (label.samples, label.rate):
            raise PeerError(f"{Path(name).name} holds {len(sound)} samples, its tags say {label.samples}")
        yield Path(name).name, data


def fingerprint(path: Path) -> str:
    """The sha256 of a file, read bit by bit."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DoorError(f"cannot read {path}: {error.strerror}") from error


def _piece(path: Path, suffix: str, label: Label, data: bytes) -> Piece:
    """A file with its tags; the name sorts as the slices do."""
    tags = {f"SLICE_{field.upper()}": str(getattr(label, field)) for field in FIELDS}
    digits = len(str(label.count))
    name = f"{path.stem}.{label.index + 1:0{digits}}-of-{label.count}{suffix}"
    return Piece(name, label, write_tags(data, {**tags, "SLICE_START_SECONDS": f"{label.seconds:.6f}"}))
