"""A file that appears whole or not at all, and replaces nothing in silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imlab.errors import DoorError, UsageError


def publish(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write under a name of this process's own, then rename: readers see nothing, or every byte."""
    with growing(path, overwrite=overwrite) as file:
        file.write(data)


@contextmanager
def growing(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A file to write, read and seek in, that takes its name when the block ends well; else nothing is left of it."""
    if not overwrite and path.exists():
        raise UsageError(f"{path} is already there; say that it may be overwritten")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w+b") as file:
            yield file
        _appear(part, path, overwrite)
    except OSError as error:
        raise DoorError(f"cannot write {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _appear(part: Path, path: Path, overwrite: bool) -> None:
    """A hard link refuses a name that was taken meanwhile; a rename would not."""
    if overwrite:
        part.replace(path)
        return
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise UsageError(f"{path} appeared while it was being written; say that it may be overwritten") from None
    except OSError:  # FAT and some mounts know no hard links
        part.rename(path)
