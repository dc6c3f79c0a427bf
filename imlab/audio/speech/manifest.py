"""What is known of each recording of a corpus: MANIFEST.csv beside the files, or what the files themselves say."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from imlab.audio.clip import Clip
from imlab.audio.files import decode_clip, read_bytes
from imlab.audio.publish import publish
from imlab.errors import DoorError, PeerError

Say = Callable[[str], None]

NAME = "MANIFEST.csv"
COLUMNS = ("file", "lang", "sex", "rate", "seconds", "bytes", "licence", "source", "sha256")
SUFFIXES = (  # what we read and people keep
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".caf", ".au", ".w64",
    ".m4a", ".mp4", ".aac", ".amr", ".awb", ".3gp", ".webm", ".mka",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording. name: its path inside the corpus; rate in Hz; sex: F, M, C (child), a ? after a guess."""

    path: Path
    name: str
    lang: str
    sex: str
    rate: int
    seconds: float
    bytes: int
    licence: str
    source: str
    sha256: str

    def load(self) -> Clip:
        """The clip, if the file is still the one that the manifest describes."""
        data = read_bytes(self.path)
        seen = hashlib.sha256(data).hexdigest()
        if seen != self.sha256:
            raise PeerError(f"{self.name} is not what the manifest describes: sha256 {seen}, expected {self.sha256}")
        return decode_clip(data, self.name)


def read_manifest(directory: Path) -> tuple[Entry, ...]:
    """The entries of a directory's MANIFEST.csv, in its order."""
    text = read_bytes(directory / NAME).decode("utf-8", "replace")
    rows = csv.DictReader(io.StringIO(text))
    if missing := set(COLUMNS) - set(rows.fieldnames or ()):
        raise PeerError(f"{directory / NAME} lacks the columns {', '.join(sorted(missing))}")
    return tuple(_entry(directory, row, line) for line, row in enumerate(rows, start=2))


def write_manifest(directory: Path, entries: Iterable[Entry]) -> None:
    """MANIFEST.csv of these entries, replacing the one before."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for entry in entries:
        table.writerow(entry.name if column == "file" else getattr(entry, column) for column in COLUMNS)
    publish(directory / NAME, text.getvalue().encode(), overwrite=True)


def scan(directory: Path, say: Say) -> tuple[Entry, ...]:
    """The sound files of a directory and those below it, by name; nothing is known of who speaks.

    One that is not what its name says is left out, and say is told.
    """
    entries = []
    for path in sound_files(directory):
        try:
            entries.append(describe(path, path.relative_to(directory).as_posix()))
        except (PeerError, DoorError) as error:
            say(f"left out: {error}")
    return tuple(entries)


def sound_files(directory: Path) -> list[Path]:
    """Files of a directory and below it that are sound by their names, sorted; nothing hidden."""
    files = (file for file in directory.rglob("*") if file.suffix.lower() in SUFFIXES)
    return sorted(file for file in files if not _hidden(file.relative_to(directory)) and file.is_file())


def _hidden(path: Path) -> bool:
    """Whether it, or a directory it is in, is not for users to see: macOS leaves ._a.wav beside a.wav."""
    return any(part.startswith(".") for part in path.parts)


def describe(
    path: Path, name: str, *, lang: str = "?", sex: str = "?", licence: str = "unknown", source: str = "unknown"
) -> Entry:
    """The entry of a file: length, rate and hash from the file, the rest as told."""
    data = read_bytes(path)
    rate, frames = _extent(data, name)
    return Entry(
        path=path,
        name=name,
        lang=lang,
        sex=sex,
        rate=rate,
        seconds=round(frames / rate, 3),
        bytes=len(data),
        licence=licence,
        source=source,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _extent(data: bytes, name: str) -> tuple[int, int]:
    """Rate in Hz and length in frames: from the header where libsndfile knows it, else by decoding."""
    try:
        seen = soundfile.info(io.BytesIO(data))
    except soundfile.LibsndfileError:
        clip = decode_clip(data, name)
        return clip.rate, len(clip.samples)
    if not seen.frames:
        raise PeerError(f"{name} is a sound file without sound (0 frames)")
    return seen.samplerate, seen.frames


def _entry(directory: Path, row: dict[str, str], line: int) -> Entry:
    path = directory / row["file"]
    if not path.resolve().is_relative_to(directory.resolve()):
        raise PeerError(f"{directory / NAME}, line {line}: {row['file']} lies outside of the corpus")
    try:
        rate, seconds, size = int(row["rate"]), float(row["seconds"]), int(row["bytes"])
    except (TypeError, ValueError) as error:
        raise PeerError(f"{directory / NAME}, line {line}: {error}") from error
    told = {column: row[column] for column in ("lang", "sex", "licence", "source", "sha256")}
    return Entry(path=path, name=row["file"], rate=rate, seconds=seconds, bytes=size, **told)
