"""The bytes of uploads on disk: a file is what was appended and not cut off, whatever happened in between."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import DoorError
from imlab.net.web.uploads.refusals import refusal_of
from imlab.server.uploads import Upload
from imlab.store.upload_files import UploadFiles
from tests.test_store import largest_file

ID, OTHER = "0123456789abcdef" * 2, "f" * 32
UPLOAD = Upload(ID, 1_000_000, "room dGVh", "", 1.0, 2.0)
DATA = Random(1).randbytes(300_000)
EVERY = 1_000  # bytes from sync to sync


@pytest.fixture
def files(tmp_path: Path) -> UploadFiles:
    return UploadFiles(tmp_path, EVERY)


class Model:
    """Beside the files, what they must hold: all bytes, how many are synced, where doubt begins, in which boot."""

    def __init__(self, root: Path) -> None:
        self.root, self.boots = root, 0
        self.held, self.synced, self.doubt = b"", 0, len(DATA)
        self.start()
        self.files.save(UPLOAD)

    def start(self) -> None:
        self.files = UploadFiles(self.root, EVERY, f"boot {self.boots}")

    def append(self, size: int) -> None:
        before, data = len(self.held), os.urandom(size)
        self.files.append(ID, before, [data[: size // 3], data[size // 3 :]])
        self.held += data
        if self.doubt == len(DATA) and before // EVERY != len(self.held) // EVERY:
            self.synced = len(self.held)

    def begin_to_doubt(self) -> None:
        if self.doubt == len(DATA):
            self.doubt = len(self.held)
            self.files.doubt(ID, self.doubt)

    def discard(self) -> None:
        self.held = self.held[: self.doubt]
        self.files.append(ID, len(self.held), ())
        self.trust()

    def trust(self) -> None:
        self.files.trust(ID)
        self.doubt = len(DATA)

    def crash(self) -> None:
        self.start()
        self.recover(len(self.held))

    def lose_power(self) -> None:
        """As far as a process can tell: the bytes that were not synced may still be there."""
        self.boots += 1
        self.start()
        self.recover(self.synced)
        self.synced = len(self.held)

    def recover(self, most: int) -> None:
        self.held, self.doubt = self.held[: min(most, self.doubt)], len(DATA)
        assert self.files.find(ID) == (UPLOAD, len(self.held))
        assert not self.held or self.files.path(ID).read_bytes() == self.held


SIZES = st.integers(0, 700).map(lambda size: ("append", size))
STEPS = st.sampled_from([("begin_to_doubt",), ("discard",), ("trust",), ("crash",), ("lose_power",)])


@settings(max_examples=60, deadline=None)
@given(st.lists(SIZES | STEPS, max_size=25))
def test_a_file_is_what_was_appended_and_trusted(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    model = Model(tmp_path_factory.mktemp("uploads"))
    for name, *arguments in steps:
        getattr(model, name)(*arguments)
        if model.held:
            assert model.files.digest(ID, len(model.held)) == sha256(model.held).hexdigest()


def test_nothing_is_nothing(files: UploadFiles) -> None:
    assert files.find(ID) is None
    files.save(UPLOAD)
    assert files.find(ID) == (UPLOAD, 0)


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b'{"upload": 1, "synced": 0, "boot": ""}', b"\0" * 300], ids=repr)
def test_a_word_that_a_power_cut_left_is_none(files: UploadFiles, left: bytes) -> None:
    files.save(UPLOAD)
    next(files.path(ID).parent.glob("*.json")).write_bytes(left)
    assert files.find(ID) is None


def test_an_empty_doubt_was_written_before_any_byte(files: UploadFiles) -> None:
    files.save(UPLOAD)
    files.append(ID, 0, [DATA])
    files.path(ID).with_suffix(".doubt").touch()
    assert files.find(ID) == (UPLOAD, len(DATA))


def test_what_a_store_took_over_does_not_change(files: UploadFiles, tmp_path: Path) -> None:
    """Its second name is the same file, and the upload goes on: see store/files.py."""
    files.save(UPLOAD)
    files.append(ID, 0, [DATA])
    taken = tmp_path / "taken"
    taken.hardlink_to(files.path(ID))
    files.append(ID, len(DATA) - 1, [b"other"])
    assert taken.read_bytes() == DATA
    assert files.path(ID).read_bytes() == DATA[:-1] + b"other"


class NoCopy:
    """A kernel that copies nothing by itself, or gives up half-way."""

    def __init__(self, first: int) -> None:
        self.left, self.real = first, os.copy_file_range

    def __call__(self, source: int, target: int, size: int) -> int:
        if not self.left:
            raise OSError(errno.EXDEV, "not here")
        self.left -= 1
        return self.real(source, target, 70_000)


@pytest.mark.parametrize("kernel", ["copies", "does not", "gives up"])
def test_files_are_joined(files: UploadFiles, monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    if kernel != "copies":
        monkeypatch.setattr(os, "copy_file_range", NoCopy(2 if kernel == "gives up" else 0))
    parts = [DATA[:260_000], b"", DATA[260_000:]]
    for number, part in enumerate(parts):
        files.save(replace(UPLOAD, id=f"{number:032x}"))
        files.append(f"{number:032x}", 0, [part] if part else [])
    files.append(OTHER, 0, [b"what a crash left there"])
    files.join(OTHER, [f"{number:032x}" for number in range(len(parts))])
    assert files.path(OTHER).read_bytes() == DATA
    assert files.digest(OTHER, len(DATA)) == sha256(DATA).hexdigest()


def test_what_expires(files: UploadFiles) -> None:
    files.save(UPLOAD)
    files.append(ID, 0, [DATA])
    files.append(OTHER, 0, [b"of which nothing is said"])
    os.utime(files.path(OTHER), (50, 50))
    assert files.expired(1.9, 49) == []
    assert files.expired(2.0, 49) == [ID]
    assert sorted(files.expired(2.0, 51)) == [ID, OTHER]
    for each in (ID, OTHER):
        files.remove(each)
    assert list(files.path(ID).parent.iterdir()) == []


def test_a_full_disk_is_told_as_one(files: UploadFiles) -> None:
    files.save(UPLOAD)
    files.append(ID, 0, [DATA[:1_000]])
    with largest_file(150_000), pytest.raises(DoorError, match="too large") as caught:
        files.append(ID, 1_000, [DATA[1_000:90_000], DATA[90_000:]])
    assert refusal_of(caught.value).status == 507
    assert files.find(ID) == (UPLOAD, 150_000)
    files.append(ID, 150_000, [DATA[150_000:]])
    assert files.digest(ID, len(DATA)) == sha256(DATA).hexdigest()
