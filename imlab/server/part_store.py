"""The door to where uploads in parts lie until they are whole: declared here, implemented in store/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """An unfinished upload. arrived: a byte per part, 1 when it has; heard: Unix time of the last change, seconds.

    size: bytes of the file as it stands, which are all that it will have once its last part has arrived.
    """

    about: bytes
    arrived: bytes
    size: int
    heard: float


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes, /) -> None:
        """More bytes."""
        ...

    def hexdigest(self) -> str:
        """Of all so far."""
        ...


class PartStore(Protocol):
    """Blocking; one call at a time for one upload. All raise DoorError when the disk fails.

    What was marked survives the death of the process: bytes first, then the mark. A power cut may lose bytes whose
    mark it keeps; the sha256 that the uploader is told, and the examination of the file, are the guard against that.
    """

    def unfinished(self) -> dict[str, Kept]:
        """What was begun and neither finished nor dropped, by id."""
        ...

    def begin(self, file: str, about: bytes, parts: int) -> None:
        """A new upload. about: a JSON object, kept as it is."""
        ...

    def write(self, file: str, offset: int, pieces: Sequence[bytes]) -> None:
        """Put bytes at their place."""
        ...

    def same(self, file: str, offset: int, pieces: Sequence[bytes]) -> bool:
        """Do these bytes lie there?"""
        ...

    def mark(self, file: str, index: int, size: int | None) -> None:
        """A part has arrived. size: of the whole file, which ends with it; None when it is not the last."""
        ...

    def whole(self, file: str, digest: Digest, done: int) -> tuple[Path, int, str]:
        """The file under a second name, to be given away; its size and its sha256 in hex digits.

        digest: the sha256 of the first ``done`` bytes, which is carried on.
        """
        ...

    def finish(self, file: str, answer: bytes) -> None:
        """Keep only the answer."""
        ...

    def answer(self, file: str) -> bytes | None:
        """What became of a finished upload."""
        ...

    def drop(self, file: str) -> None:
        """Forget an upload."""
        ...

    def sweep(self, before: float) -> None:
        """Forget answers older than that, Unix time in seconds."""
        ...
