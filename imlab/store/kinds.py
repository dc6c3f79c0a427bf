"""Where new bodies go, as values: what ``SqliteStore`` is given. Where the old ones lie is written in its index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Files:
    """A file for each body."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Bodies one after the other in large files, synced together. Both in bytes.

    roll: a segment that has grown this long is not appended to any more; emptying one copies at most half of it.
    large: bodies from this size on get a file each: it is made by a rename where it was uploaded as a file, its sync
    costs less than copying it, and it can be deleted alone.
    """

    roll: int = 64 << 20
    large: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Blobs:
    """Bodies in a table of the index."""


Kind = Files | Segments | Blobs
SEGMENTS = Segments()
KINDS: Mapping[str, Kind] = {"files": Files(), "segments": SEGMENTS, "blobs": Blobs()}  # as a command line names them
