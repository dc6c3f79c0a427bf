"""A file that appears whole or not at all, and replaces nothing in silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imlab.errors import DoorError, UsageError


def publish(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write under a name of this process's own, then rename: readers see nothing, or every byte."""
    with appearing(path, overwrite=overwrite) as part:
        part.write_bytes(data)


@contextmanager
def appearing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A place to write to, bit by bit; it becomes ``path`` when the block ends well, and vanishes when it does not."""
    if not overwrite and path.exists():
        raise UsageError(f"{path} is already there; say that it may be overwritten")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
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
