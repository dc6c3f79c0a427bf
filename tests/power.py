"""A file system that forgets, at a power cut, what was not synced: for FUSE, in memory, in a process of its own.

    python tests/power.py MOUNT LEFT SEED

It keeps two states of everything: what programs see, and what is on the disk. fsync and fdatasync of a file bring its
bytes to the disk, fsync of a directory its names; nothing else does. ``mkdir MOUNT/.cut-N`` writes what would be left
if power failed now to ``LEFT/N``, and goes on. What was not synced is gone there, all of it or in part: each write and
each name by a throw of dice, since a disk may write what it holds in any order, or the half of it (cut in the middle of
a write, too). That is harder than ext4 is to its users, where a synced file keeps its name. After ``mkdir MOUNT/.fail``
the next fsync of a file fails.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import mfusepy as fuse  # type: ignore[import-untyped,import-not-found,unused-ignore]

Change = tuple[int, bytes] | int  # bytes written at an offset, or a new length


@dataclass(eq=False)
class File:
    """data: what programs see; kept: what is on the disk; changes: from the one to the other."""

    data: bytearray = field(default_factory=bytearray)
    kept: bytes = b""
    changes: list[Change] = field(default_factory=list)
    links: int = 1
    modified: int = field(default_factory=time.time_ns)  # since 1970

    def apply(self, change: Change) -> None:
        """What a program did."""
        apply(self.data, change)
        self.changes.append(change)
        self.modified = time.time_ns()

    def sync(self) -> None:
        """To the disk with it."""
        self.kept = bytes(self.data)
        self.changes.clear()

    def left(self, dice: Random, luck: float) -> bytes:
        """After a cut."""
        data = bytearray(self.kept)
        for change in self.changes:
            if dice.random() < luck:
                apply(data, _torn(change, dice) if dice.random() < 0.2 else change)
        return bytes(data)


@dataclass(eq=False)
class Directory:
    """names: what programs see; kept: what is on the disk."""

    names: dict[str, Node] = field(default_factory=dict)
    kept: dict[str, Node] = field(default_factory=dict)

    def left(self, dice: Random, luck: float) -> dict[str, Node]:
        """The names after a cut."""
        names = dict(self.kept)
        for name in self.names.keys() | self.kept.keys():
            if self.names.get(name) is not self.kept.get(name) and dice.random() < luck:
                names.pop(name, None)
                names |= {name: self.names[name]} if name in self.names else {}
        return names


Node = File | Directory


def _torn(change: Change, dice: Random) -> Change:
    """The beginning of a write."""
    return change if isinstance(change, int) else (change[0], change[1][: dice.randrange(len(change[1]) + 1)])


def apply(data: bytearray, change: Change) -> None:
    """Change bytes."""
    if isinstance(change, int):
        del data[change:]
        data.extend(bytes(change - len(data)))
    else:
        offset, new = change
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(new)] = new


class Disk(fuse.Operations):  # type: ignore[misc,unused-ignore]
    """The file system. One thread: what it does is done one after the other."""

    use_ns = True

    def __init__(self, left: Path, seed: int) -> None:
        self._root, self._left, self._dice = Directory(), left, Random(seed)
        self._open: dict[int, Node] = {}
        self._failing = False

    def init_with_config(self, connection: Any, config: Any) -> None:
        os.write(1, b"mounted\n")

    def _find(self, path: str) -> Node:
        node: Node = self._root
        for part in path.split("/")[1:]:
            if part:
                if not isinstance(node, Directory) or part not in node.names:
                    raise fuse.FuseOSError(errno.ENOENT)
                node = node.names[part]
        return node

    def _at(self, path: str) -> tuple[Directory, str]:
        parent, _, name = path.rpartition("/")
        node = self._find(parent)
        assert isinstance(node, Directory)
        return node, name

    def _file(self, path: str, handle: int | None) -> File:
        node = self._open.get(handle or 0) or self._find(path)
        assert isinstance(node, File)
        return node

    def _handle(self, node: Node) -> int:
        handle = max(self._open, default=0) + 1
        self._open[handle] = node
        return handle

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        node = self._open.get(fh or 0) or self._find(path)
        if isinstance(node, Directory):
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        times = {"st_mtime": node.modified, "st_ctime": node.modified}
        return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": node.links, "st_size": len(node.data)} | times

    def readdir(self, path: str, fh: int) -> list[str]:
        node = self._find(path)
        return [".", "..", *(node.names if isinstance(node, Directory) else ())]

    def mkdir(self, path: str, mode: int) -> int:
        directory, name = self._at(path)
        self._failing |= name == ".fail"
        if name.startswith(".cut-"):
            self._cut(name.removeprefix(".cut-"))
        directory.names[name] = Directory()
        return 0

    def rmdir(self, path: str) -> int:
        return self.unlink(path)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        directory, name = self._at(path)
        directory.names[name] = node = File()
        return self._handle(node)

    def open(self, path: str, flags: int) -> int:
        handle = self._handle(self._find(path))
        if flags & os.O_TRUNC:
            self._file(path, handle).apply(0)
        return handle

    def opendir(self, path: str) -> int:
        return self._handle(self._find(path))

    def release(self, path: str, fh: int) -> int:
        del self._open[fh]
        return 0

    releasedir = release

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._file(path, fh).data[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._file(path, fh).apply((offset, bytes(data)))
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        self._file(path, fh).apply(length)
        return 0

    def link(self, target: str, source: str) -> int:
        directory, name = self._at(target)
        node = directory.names[name] = self._find(source)
        assert isinstance(node, File)
        node.links += 1
        return 0

    def unlink(self, path: str) -> int:
        directory, name = self._at(path)
        node = directory.names.pop(name)
        if isinstance(node, File):
            node.links -= 1
        return 0

    def rename(self, old: str, new: str) -> int:
        (old_directory, old_name), (directory, name) = self._at(old), self._at(new)
        directory.names[name] = old_directory.names.pop(old_name)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        if self._failing:
            self._failing = False
            raise fuse.FuseOSError(errno.EIO)
        self._file(path, fh).sync()
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        node = self._open[fh]
        assert isinstance(node, Directory)
        node.kept = dict(node.names)
        return 0

    def _cut(self, name: str) -> None:
        """What is left, in a real directory. At best all, at worst only what was synced."""
        luck = self._dice.choice((0.0, 0.5, 0.9, 1.0))
        self._write(self._root, self._left / name, luck)

    def _write(self, node: Node, to: Path, luck: float) -> None:
        if isinstance(node, File):
            to.write_bytes(node.left(self._dice, luck))
            return
        to.mkdir()
        for name, inner in node.left(self._dice, luck).items():
            self._write(inner, to / name, luck)


if __name__ == "__main__":
    fuse.FUSE(Disk(Path(sys.argv[2]), int(sys.argv[3])), sys.argv[1], foreground=True, nothreads=True)
