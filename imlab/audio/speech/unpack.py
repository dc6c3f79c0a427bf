"""Members of archives, one after the other, whatever the kind: tar in any compression, zip, tars inside of tars.

No path of an archive reaches the disk here: members are named by patterns, and only plain files are given out.
"""

from __future__ import annotations

import io
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from imlab.errors import PeerError

LARGEST = 64 << 20  # bytes of one recording or table; LibriSpeech's longest has 1.1 MB
LARGEST_NESTED = 1 << 30  # of an archive in an archive; AISHELL's have 40 MB
BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError)


def members(archive: Path, nested: str = "", first: str = "") -> Iterator[tuple[str, IO[bytes]]]:
    """The plain files of an archive in its order, by name, open to be read once; those of nested ones among them.

    nested: the pattern of members that are archives themselves; first: of those that come before all others, which
    only a zip can do: it has an index. PeerError when the archive is damaged.
    """
    try:
        yield from _zip(archive, first) if zipfile.is_zipfile(archive) else _tar(archive, nested)
    except BROKEN as error:
        raise PeerError(f"{archive.name} cannot be unpacked: {error}") from error


def read_member(name: str, file: IO[bytes], most: int = LARGEST) -> bytes:
    """All of a member; PeerError when it is larger than any recording."""
    try:
        data = file.read(most + 1)
    except BROKEN as error:
        raise PeerError(f"{name} in the archive is damaged: {error}") from error
    if len(data) > most:
        raise PeerError(f"{name} in the archive is larger than {most >> 20} MiB")
    return data


def _zip(archive: Path, first: str) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as box:
        files = [info for info in box.infolist() if not info.is_dir()]
        for info in sorted(files, key=lambda info: not re.fullmatch(first, info.filename)):
            if not stat.S_ISLNK(info.external_attr >> 16):
                with box.open(info) as file:
                    yield info.filename, file


def _tar(archive: Path, nested: str) -> Iterator[tuple[str, IO[bytes]]]:
    with archive.open("rb") as file:
        for name, member in _walk(file):
            if nested and re.fullmatch(nested, name):
                yield from _walk(io.BytesIO(read_member(name, member, LARGEST_NESTED)))
            else:
                yield name, member


def _walk(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """A tar as a stream: nothing is held but the member at hand."""
    with tarfile.open(fileobj=file, mode="r|*") as box:
        for member in box:
            content = box.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name.removeprefix("./"), content
