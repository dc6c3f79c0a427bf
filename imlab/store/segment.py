"""One segment: a file to whose end records are appended, and from which any thread reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes

from imlab.errors import DoorError
from imlab.store.record import HEADER, read_salt, record_header, segment_header

VECTORS = 1_024  # parts in one write, Linux's IOV_MAX


class Segment:
    """An open segment. Its file is closed when nobody has it any more: a reader may still be at it when it goes."""

    def __init__(self, path: Path, number: int, descriptor: int, salt: bytes) -> None:
        self.path, self.number, self.salt = path, number, salt
        self._descriptor = descriptor
        self.end = os.fstat(descriptor).st_size  # where the next record will stand

    @classmethod
    def create(cls, path: Path, number: int) -> Segment:
        """A new file, without records; whoever appends makes its name durable."""
        salt = token_bytes(16)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            _write(descriptor, [segment_header(number, salt)], 0)
            os.fdatasync(descriptor)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
        return cls(path, number, descriptor, salt)

    @classmethod
    def open(cls, path: Path, number: int) -> Segment | None:
        """One that stands there; None: it has no header, and so it has no records."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        salt = read_salt(os.pread(descriptor, HEADER, 0), number)
        if salt is None:
            os.close(descriptor)
            return None
        return cls(path, number, descriptor, salt)

    def append(self, records: Sequence[tuple[int, bytes, bytes]]) -> list[int]:
        """Write records (kind, sha256, content), and answer with where each content begins.

        OSError: they did not fit, and left nothing. One write for many of 20 kB takes half the time of one for each.
        """
        at = self.end
        offsets: list[int] = []
        parts: list[bytes] = []
        for kind, digest, content in records:
            offsets.append(at + HEADER)
            parts += record_header(kind, at, len(content), digest, self.salt), content
            at += HEADER + len(content)
        try:
            for some in range(0, len(parts), VECTORS):
                _write(self._descriptor, parts[some : some + VECTORS], self.end + sum(map(len, parts[:some])))
        except OSError:
            os.ftruncate(self._descriptor, self.end)
            raise
        self.end = at
        return offsets

    def cut(self, end: int) -> None:
        """Take back, durably, what stands from there on."""
        os.ftruncate(self._descriptor, end)
        os.fdatasync(self._descriptor)
        self.end = end

    def sync(self) -> None:
        """Make all of it durable."""
        os.fdatasync(self._descriptor)

    def read(self, start: int, size: int) -> bytes:
        """So many bytes; DoorError when the file ends before."""
        parts, left = [], size
        while left and (part := os.pread(self._descriptor, left, start + size - left)):
            parts.append(part)
            left -= len(part)
        if left:
            raise DoorError(f"the segment {self.path} is damaged: it ends {left} bytes too early")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Nobody reads any more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        """Nobody has it any more."""
        self.close()


def _write(descriptor: int, parts: list[bytes], at: int) -> None:
    """All of it; a disk that is nearly full takes a part, and tells why not all when it is asked for the rest."""
    written, whole = os.pwritev(descriptor, parts, at), sum(map(len, parts))
    while written < whole:
        written += os.pwrite(descriptor, b"".join(parts)[written:], at + written)
