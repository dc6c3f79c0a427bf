"""Unfinished uploads on disk: the bytes in one file, what was said of them in another beside it.

``ab12`` holds the bytes, ``ab12.json`` what was said, and how many bytes were synced in which boot. A process that is
killed loses nothing that it had written: the kernel has it, and the file's size is the offset. A machine that loses
power may keep the size and lose the bytes under it. So every ``SYNCED`` bytes are synced and the fact is written
down, and in another boot than that of the last word an upload goes on from there.

The time of a word is the time when it is over, so that a sweep need not read them all.

``ab12.doubt`` holds an offset behind which bytes wait for their checksum: a file that is there after a crash says
where to cut. A sha256 of the bytes is kept in memory as they come; after a restart it is read from the file.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from imlab.errors import DoorError
from imlab.server.uploads import Upload

SYNCED = 16 << 20  # bytes from one sync to the next: 0.1 s of a slow disk; what a power cut may cost
DIGESTS = 1_024  # that are kept; 100 bytes each
COPIED = 256 << 10  # bytes at once, where the kernel does not copy by itself
WORD, DOUBT, NEW = ".json", ".doubt", ".new"


def boot() -> str:
    """One name from one start of the machine to the next; where it has none, each process counts as a boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return uuid4().hex


@dataclass(frozen=True, slots=True)
class Word:
    """What is written beside the bytes. synced: of them, in or before the boot of that name."""

    upload: Upload
    synced: int
    boot: str


class UploadFiles:
    """An UploadStore in a directory of its own."""

    def __init__(self, root: Path, synced: int = SYNCED, boot: str | None = None) -> None:
        self._root, self._every, self._boot = root, synced, boot or _BOOT
        self._digests: OrderedDict[str, tuple[int, Any]] = OrderedDict()  # id -> of how many bytes, sha256
        self._turn = Lock()
        with self._translated("make"):
            root.mkdir(parents=True, exist_ok=True)

    def save(self, upload: Upload) -> None:
        """See UploadStore."""
        known = self._word(upload.id)
        self._write(Word(upload, known.synced if known else 0, self._boot))

    def find(self, id: str) -> tuple[Upload, int] | None:
        """See UploadStore."""
        word = self._word(id)
        if word is None:
            return None
        with self._translated("read"):
            held = self._certain(id, _size(self.path(id)))
        if word.boot != self._boot:
            held = min(held, word.synced)
            self.append(id, held, ())
            self._write(Word(word.upload, held, self._boot))
        return word.upload, held

    def append(self, id: str, offset: int, pieces: Sequence[bytes]) -> None:
        """See UploadStore."""
        with self._translated("write"), _opened(self._own(id, offset), os.O_WRONLY | os.O_CREAT) as file:
            if os.fstat(file).st_size != offset:
                os.ftruncate(file, offset)
            reached = offset
            for piece in pieces:
                reached += _write_all(file, piece, reached)
            if offset // self._every != reached // self._every:
                self._sync(id, file, reached)
        self._digested(id, offset, pieces)

    def doubt(self, id: str, offset: int) -> None:
        """See UploadStore."""
        with self._translated("write"):
            self._beside(id, DOUBT).write_text(str(offset))

    def trust(self, id: str) -> None:
        """See UploadStore."""
        with self._translated("write"):
            self._beside(id, DOUBT).unlink(missing_ok=True)

    def join(self, id: str, parts: Sequence[str]) -> None:
        """See UploadStore."""
        self.drop(id)
        with self._translated("write"), _opened(self.path(id), os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
            for part in filter(Path.exists, map(self.path, parts)):  # an empty part has no file
                with _opened(part, os.O_RDONLY) as source:
                    _copy(source, file)

    def digest(self, id: str, size: int) -> str:
        """See UploadStore."""
        with self._turn:
            held, digest = self._digests.get(id, (0, sha256()))
        if held != size:
            with self._translated("read"), self.path(id).open("rb") as file:
                digest = file_digest(file, "sha256")
        found: str = digest.hexdigest()
        return found

    def path(self, id: str) -> Path:
        """See UploadStore."""
        return self._root / id

    def drop(self, id: str) -> None:
        """See UploadStore."""
        self._forget(id)
        with self._translated("remove from"):
            self.path(id).unlink(missing_ok=True)

    def remove(self, id: str) -> None:
        """See UploadStore. The bytes go last: left alone when this is cut short, they are swept."""
        with self._translated("remove from"):
            for end in (WORD, DOUBT, NEW):
                self._beside(id, end).unlink(missing_ok=True)
        self.drop(id)

    def expired(self, now: float, before: float) -> list[str]:
        """See UploadStore."""
        with self._translated("read"):
            times = _times(self._root)
        over = {name.removesuffix(WORD) for name, time in times.items() if name.endswith(WORD) and time <= now}
        old = {name.partition(".")[0] for name, time in times.items() if not name.endswith(WORD) and time < before}
        return sorted(over | {name for name in old if name + WORD not in times})

    def _own(self, id: str, offset: int) -> Path:
        """The file, which nobody else has under another name: a store that took it over keeps what it took."""
        path = self.path(id)
        with suppress(FileNotFoundError):
            if path.stat().st_nlink > 1:
                new = self._beside(id, NEW)
                with _opened(path, os.O_RDONLY) as source, _opened(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
                    _copy(source, file)
                    os.ftruncate(file, offset)
                new.replace(path)
        return path

    def _word(self, id: str) -> Word | None:
        """What is said; None if nothing, or nothing whole, as a power cut leaves it."""
        try:
            told = json.loads(self._beside(id, WORD).read_bytes())
            return Word(Upload(**told.pop("upload")), **told)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None
        except OSError as error:
            raise DoorError(f"cannot read what was said of the upload {id}: {error.strerror}") from error

    def _write(self, word: Word, durably: bool = False) -> None:
        place, new = self._beside(word.upload.id, WORD), self._beside(word.upload.id, NEW)
        with self._translated("write"):
            with _opened(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
                _write_all(file, json.dumps(asdict(word)).encode(), 0)
                if durably:
                    os.fsync(file)
            os.utime(new, (word.upload.expires, word.upload.expires))
            new.replace(place)
            if durably:
                _sync_names(self._root)

    def _sync(self, id: str, file: int, reached: int) -> None:
        """The bytes so far survive a power cut, unless they are in doubt."""
        word = self._word(id)
        if word is not None and not self._beside(id, DOUBT).exists():
            os.fdatasync(file)
            self._write(Word(word.upload, reached, self._boot), durably=True)

    def _certain(self, id: str, size: int) -> int:
        """How much of so many bytes is not in doubt; the rest is cut off. The doubt was written before the bytes."""
        try:
            told = self._beside(id, DOUBT).read_text()
        except FileNotFoundError:
            return size
        held = min(size, int(told)) if told else size
        self.append(id, held, ())
        self.trust(id)
        return held

    def _digested(self, id: str, offset: int, pieces: Sequence[bytes]) -> None:
        with self._turn:
            held, digest = self._digests.pop(id, (0, sha256()))
        if offset == 0:
            digest = sha256()
        elif held != offset:
            return  # it went back: the file will be read once more
        for piece in pieces:
            digest.update(piece)
        with self._turn:
            self._digests[id] = offset + sum(map(len, pieces)), digest
            while len(self._digests) > DIGESTS:
                self._digests.popitem(last=False)

    def _forget(self, id: str) -> None:
        with self._turn:
            self._digests.pop(id, None)

    def _beside(self, id: str, end: str) -> Path:
        return self._root / (id + end)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Foreign errors in our words."""
        try:
            yield
        except OSError as error:
            raise DoorError(f"cannot {what} the uploads in {self._root}: {error.strerror}") from error


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags, 0o666)
    try:
        yield file
    finally:
        os.close(file)


def _sync_names(directory: Path) -> None:
    """Make the names in a directory durable."""
    with _opened(directory, os.O_RDONLY) as opened:
        os.fsync(opened)


def _times(directory: Path) -> dict[str, float]:
    """When each file was changed, as far as it is still there."""
    times = {}
    with os.scandir(directory) as found:
        for entry in found:
            with suppress(FileNotFoundError):
                times[entry.name] = entry.stat().st_mtime
    return times


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _write_all(file: int, data: bytes, offset: int) -> int:
    """The number of bytes; a kernel may take them in several goes."""
    written = os.pwrite(file, data, offset)
    while written < len(data):
        written += os.pwrite(file, memoryview(data)[written:], offset + written)
    return written


def _copy(source: int, target: int) -> None:
    """All of one file to the end of another: by the kernel, on some file systems without a byte moved."""
    try:
        while os.copy_file_range(source, target, 1 << 30):
            pass
    except (OSError, AttributeError):  # this file system or this kernel cannot; what is missing is said by its place
        while data := os.read(source, COPIED):
            _write_all(target, data, os.lseek(target, 0, os.SEEK_CUR))
            os.lseek(target, len(data), os.SEEK_CUR)


_BOOT = boot()
