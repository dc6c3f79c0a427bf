"""Uploads in parts on disk: each part at its place in one sparse file, and beside it what has arrived.

``parts/ID.data`` is the file to be. ``parts/ID.state`` holds a byte per part, 1 when it has arrived, and then what was
said of the upload, a JSON object: so a mark is one byte written at the part's index, and no two marks disturb each
other. ``parts/ID.done`` holds the answer that a finished upload got. Ids are file names (server/parts.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imlab.errors import DoorError
from imlab.server.part_store import Digest, Kept

AT_ONCE = 256 << 10  # bytes read at a time
MARK = b"\1"


class PartFiles:
    """A PartStore in one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with _door(root):
            root.mkdir(parents=True, exist_ok=True)
            for path in root.iterdir():
                if path.suffix == ".new" or (path.suffix == ".data" and not path.with_suffix(".state").exists()):
                    path.unlink()  # half begun or half dropped when the server was killed

    def unfinished(self) -> dict[str, Kept]:
        """See PartStore."""
        with _door(self._root):
            return {path.name.removesuffix(".state"): _read(path) for path in self._root.glob("*.state")}

    def begin(self, file: str, about: bytes, parts: int) -> None:
        """See PartStore."""
        new = self._path(file, "new")
        with _door(new):
            try:
                new.write_bytes(bytes(parts) + about)
                self._path(file, "data").touch()
                new.replace(self._path(file, "state"))
            except OSError:
                self.drop(file)
                raise

    def write(self, file: str, offset: int, pieces: Sequence[bytes]) -> None:
        """See PartStore."""
        path = self._path(file, "data")
        with _door(path), _opened(path, os.O_WRONLY) as descriptor:
            for piece in pieces:
                _write_at(descriptor, piece, offset)
                offset += len(piece)

    def same(self, file: str, offset: int, pieces: Sequence[bytes]) -> bool:
        """See PartStore."""
        path = self._path(file, "data")
        with _door(path), _opened(path, os.O_RDONLY) as descriptor:
            for piece in pieces:
                if os.pread(descriptor, len(piece), offset) != piece:
                    return False
                offset += len(piece)
        return True

    def mark(self, file: str, index: int, size: int | None) -> None:
        """See PartStore."""
        path = self._path(file, "state")
        with _door(path):
            if size is not None:
                os.truncate(self._path(file, "data"), size)  # an attempt that broke off may have been longer
            with _opened(path, os.O_WRONLY) as descriptor:
                os.pwrite(descriptor, MARK, index)

    def whole(self, file: str, digest: Digest, done: int) -> tuple[Path, int, str]:
        """See PartStore."""
        path, second = self._path(file, "data"), self._root / f"{os.urandom(16).hex()}.new"
        with _door(path):
            with path.open("rb", buffering=0) as data:
                data.seek(done)
                while piece := data.read(AT_ONCE):
                    digest.update(piece)
                size = data.tell()
            second.hardlink_to(path)
        return second, size, digest.hexdigest()

    def finish(self, file: str, answer: bytes) -> None:
        """See PartStore."""
        new = self._path(file, "new")
        with _door(new):
            new.write_bytes(answer)
            new.replace(self._path(file, "done"))
            self.drop(file)

    def answer(self, file: str) -> bytes | None:
        """See PartStore."""
        path = self._path(file, "done")
        with _door(path):
            return path.read_bytes() if path.exists() else None

    def drop(self, file: str) -> None:
        """See PartStore."""
        with _door(self._root):
            for kind in ("state", "data", "new"):
                self._path(file, kind).unlink(missing_ok=True)

    def sweep(self, before: float) -> None:
        """See PartStore."""
        with _door(self._root):
            for path in self._root.glob("*.done"):
                if path.stat().st_mtime < before:
                    path.unlink()

    def _path(self, file: str, kind: str) -> Path:
        return self._root / f"{file}.{kind}"


def _read(path: Path) -> Kept:
    state = path.read_bytes()
    parts = state.index(b"{")
    return Kept(state[parts:], state[:parts], path.with_suffix(".data").stat().st_size, path.stat().st_mtime)


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Every byte: a file that is nearly full takes some, and says so only to the next write."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


@contextmanager
def _opened(path: Path, how: int) -> Iterator[int]:
    descriptor = os.open(path, how)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _door(place: Path) -> Iterator[None]:
    """Translate the disk's errors."""
    try:
        yield
    except OSError as error:
        raise DoorError(f"cannot keep parts of an upload in {place}: {error.strerror}") from error
