"""Where new bodies go, as values: what ``SqliteStore`` is given. Where the old ones lie is written in its index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Files:
    """A file for each body."""


Kind = Files
FILES = Files()
KINDS: Mapping[str, Kind] = {"files": FILES}  # by the names that a command line has for them
