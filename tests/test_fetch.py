"""Fetching recordings: through the user's own index, checked twice; what is wrong is loud and nothing of it stays."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.files import encode_clip
from imlab.audio.speech.corpus import open_corpus
from imlab.audio.speech.fetch import fetch, fetched, unpack
from imlab.audio.speech.manifest import NAME, read_manifest
from imlab.audio.speech.recordings import RECORDINGS, Recording
from imlab.errors import DoorError, PeerError

SOUND = encode_clip(Clip(np.linspace(-0.5, 0.5, 4000, dtype=np.float32), 16_000), ".wav")


def in_tar(name: str, sound: bytes = SOUND) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for path in ("../../outside.wav", name):
            entry = tarfile.TarInfo(path)
            entry.size = len(sound)
            tar.addfile(entry, io.BytesIO(sound))
    return file.getvalue()


def in_zip(name: str, sound: bytes = SOUND) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, sound)
    return file.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def recording(archive: str, data: bytes, member: str) -> Recording:
    """What the table would say of an archive."""
    return Recording(
        project="spoken",
        archive=archive,
        archive_bytes=len(data),
        archive_sha256=sha256(data),
        member=member,
        bytes=len(SOUND),
        sha256=sha256(SOUND),
        lang="en",
        sex="F",
        licence="ours",
        source=f"made in the test, in {archive}",
    )


TAR, ZIP = in_tar("spoken-1.0/a.wav"), in_zip("spoken/b.wav")
A = recording("spoken-1.0.tar.gz", TAR, "spoken-1.0/a.wav")
B = recording("spoken-1.0-py3-none-any.whl", ZIP, "spoken/b.wav")


class Index(ThreadingHTTPServer):
    """A simple index (PEP 503) of one project on loopback. cut: bytes of each archive that are promised, not sent."""

    def __init__(self, files: dict[str, bytes], cut: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Shelf)
        self.files, self.cut = files, cut


class Shelf(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if self.path == "/simple/spoken/":
            links = "".join(f'<a href="/files/{file}">{file}</a>' for file in self.server.files)
            self._answer(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")
        elif name in self.server.files:
            self._answer(self.server.files[name], "application/octet-stream", self.server.cut)
        else:
            self.send_error(404)

    def _answer(self, body: bytes, kind: str, cut: int = 0) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - cut])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The user's package index, as pip's own settings name it."""
    server = Index({A.archive: TAR, B.archive: ZIP})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple/")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.process
def test_recordings_come_once_and_whole(index: Index, tmp_path: Path) -> None:
    heard: list[str] = []
    entries = fetch(tmp_path, heard.append, [A, B])
    assert sorted(file.name for file in tmp_path.iterdir()) == [NAME, "a.wav", "b.wav"], "and nothing else"
    assert read_manifest(tmp_path) == entries
    assert [entry.load().samples.shape for entry in entries] == [(4000,), (4000,)]
    assert f"2 recordings of speech, {(len(TAR) + len(ZIP)) / 1e6:.1f} MB" in heard[0]
    assert all("ours" in line for line in heard[1:]), "licences are said before the download"
    index.files.clear()
    assert fetch(tmp_path, heard.append, [A, B]) == entries
    assert len(heard) == 3, "the second time nothing is asked for"


@pytest.mark.process
@pytest.mark.parametrize("served", [bytes(len(TAR)), TAR + bytes(10**6)], ids=["other", "longer"])
def test_another_archive_is_loud_and_nothing_stays(index: Index, tmp_path: Path, served: bytes) -> None:
    index.files[A.archive] = served
    with pytest.raises(PeerError, match=r"spoken-1\.0\.tar\.gz is not what was published.*nothing was kept"):
        fetch(tmp_path, print, [A])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_an_archive_cut_short_is_left_out_and_said(index: Index, tmp_path: Path) -> None:
    index.cut = 100
    heard: list[str] = []
    assert fetch(tmp_path, heard.append, [A]) == ()
    assert "left out: spoken-1.0.tar.gz" in heard[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_what_the_index_lacks_is_left_out_and_the_rest_comes(index: Index, tmp_path: Path) -> None:
    del index.files[A.archive]
    heard: list[str] = []
    assert [entry.name for entry in fetch(tmp_path, heard.append, [A, B])] == ["b.wav"]
    assert "left out: the package index does not have spoken-1.0.tar.gz" in heard[2]


@pytest.mark.process
def test_without_an_index_the_synthesiser_speaks(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index here knows none of the real recordings: the first that is asked for ends the attempt."""
    monkeypatch.delenv("IMLAB_CORPUS", raising=False)
    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path))
    heard: list[str] = []
    assert open_corpus(say=heard.append).label == "synthetic speech"
    assert "the package index cannot be reached, or has nothing named" in heard[2]
    assert "synthetic speech takes their place" in heard[3]


LINK = tarfile.TarInfo("spoken-1.0/a.wav")
LINK.type, LINK.linkname = tarfile.SYMTYPE, "/etc/passwd"
WRONG = [
    pytest.param(A, TAR[:-1], DoorError, f"came cut short: {len(TAR) - 1} of {len(TAR)} bytes", id="cut short"),
    pytest.param(replace(A, archive_sha256="0" * 64), TAR, PeerError, "tar.gz is not what was published", id="archive"),
    pytest.param(replace(A, sha256="0" * 64), TAR, PeerError, r"a.wav is not what was published", id="recording"),
    pytest.param(replace(A, bytes=7), TAR, PeerError, "has 8044 bytes, not 7", id="size in a tar"),
    pytest.param(replace(B, bytes=7), ZIP, PeerError, "has 8044 bytes, not 7", id="size in a wheel"),
    pytest.param(
        replace(A, member="spoken-1.0/z.wav"), TAR, PeerError, "does not hold spoken-1.0/z", id="not in the tar"
    ),
    pytest.param(replace(B, member="spoken/z.wav"), ZIP, PeerError, "does not hold spoken/z", id="not in the wheel"),
    pytest.param(recording("a.tar.gz", b"junk", "a.wav"), b"junk", PeerError, "does not hold a.wav", id="no tar"),
    pytest.param(recording("a.whl", b"junk", "a.wav"), b"junk", PeerError, "does not hold a.wav", id="no wheel"),
]


@pytest.mark.parametrize(("wrong", "archive", "error", "seen"), WRONG)
def test_what_is_not_as_published_is_not_unpacked(
    wrong: Recording, archive: bytes, error: type[Exception], seen: str
) -> None:
    with pytest.raises(error, match=seen):
        unpack(wrong, archive)


def test_a_link_is_not_followed() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(LINK)
    linked = replace(recording("a.tar", file.getvalue(), LINK.name), bytes=0)
    with pytest.raises(PeerError, match="not a plain file"):
        unpack(linked, file.getvalue())


def test_a_recording_changed_after_it_was_fetched_is_loud(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(SOUND[:-2] + b"\0\0")
    with pytest.raises(PeerError, match="was changed after it was fetched"):
        fetched(tmp_path, [A])


def test_the_table_is_whole() -> None:
    assert len({recording.member.rpartition("/")[2] for recording in RECORDINGS}) == len(RECORDINGS), "one name each"
    for entry in RECORDINGS:
        assert len(entry.archive_sha256) == len(entry.sha256) == 64
        assert entry.licence
        assert entry.bytes < entry.archive_bytes
