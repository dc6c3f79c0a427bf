"""tus clients that we did not write, unchanged, against the real server: whole, cut, killed, in parallel parts."""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from imlab.audio.speech.corpus import Corpus
from imlab.codec.container import oggopus
from imlab.codec.contract import encode
from imlab.codec.opus import Opus
from imlab.net.links import Link
from imlab.net.links import Path as Way
from imlab.net.proxying.thread import proxy_thread
from imlab.stack.plan import ServerPlan
from imlab.stack.server import RunningServer, start
from tests.test_kill import free_port
from tests.tools import lacking, need_npm

pytestmark = [pytest.mark.outside, pytest.mark.process]

CLIENT = Path(__file__).with_name("tus_client.cjs")
SLOW = Way("slow", Link(rate=2e6), Link(rate=2e6))  # a third of a second for the file


@pytest.fixture(scope="module")
def ogg(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of speech at a high rate: large enough to be cut in the middle."""
    path = tmp_path_factory.mktemp("ogg") / "note.ogg"
    path.write_bytes(oggopus.write(encode(Opus(bitrate=96_000, complexity=0), corpus.note(60.0))))
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests that leave it standing, each in a room of its own."""
    with start(ServerPlan(data=tmp_path_factory.mktemp("data"))) as started:
        yield started


def listed(media: str, room: str) -> list[bytes]:
    """The files of a room's notes."""
    with urlopen(f"{media}/notes/{room}") as answer:
        notes = json.load(answer)
    files = []
    for note in notes:
        with urlopen(media + note["url"]) as answer:
            files.append(answer.read())
    return files


def metadata(room: str) -> dict[str, str]:
    return {"room": room, "sender": "node", "filename": "note.ogg", "filetype": "audio/ogg"}


class Node:
    """tus-js-client in a process of its own, and what it has said."""

    def __init__(self, media: str, file: Path, room: str, **options: Any) -> None:
        environment, self.said = need_npm("tus-js-client"), list[dict[str, Any]]()
        told = json.dumps({"metadata": metadata(room)} | options)
        words = ["node", str(CLIENT), f"{media}/files/", str(file), told]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)

    def until_sent(self, size: int) -> None:
        """It has sent so many bytes."""
        while self._hear().get("sent", 0) < size:
            pass

    def end(self) -> None:
        """It has ended, and well."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(json.loads(line))
        assert self.process.wait() == 0
        assert not [each for each in self.said if "error" in each], self.said

    @property
    def url(self) -> str:
        """Where its upload is."""
        return next(str(each["url"]) for each in self.said if "url" in each)

    def _hear(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"it ended early: {self.said}"
        self.said.append(json.loads(line))
        return self.said[-1]


@contextmanager
def node(*words: Any, **options: Any) -> Iterator[Node]:
    running = Node(*words, **options)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


MANNERS: dict[str, dict[str, Any]] = {
    "default": {},
    "chunks": {"chunkSize": 100_000},
    "at once": {"uploadDataDuringCreation": True},
    "no PATCH": {"overridePatchMethod": True},
    "parallel": {"parallelUploads": 4},
    "stream": {
        "stream": True,
        "uploadLengthDeferred": True,
        "chunkSize": 10_000_000,
    },  # with several, it hangs by itself
}


@pytest.mark.parametrize("manner", MANNERS)
def test_tus_js_client(server: RunningServer, ogg: Path, manner: str) -> None:
    room = f"js {manner}".replace(" ", "-")
    with node(server.media, ogg, room, **MANNERS[manner]) as client:
        client.end()
    assert listed(server.media, room) == [ogg.read_bytes()]
    assert client.said[-1].get("note") or any(each.get("note") for each in client.said), "it is told of the note"


@pytest.mark.parametrize("manner", ["default", "chunks"])
def test_tus_js_client_dies_and_another_goes_on(server: RunningServer, ogg: Path, manner: str) -> None:
    room, size = f"js-dies-{manner}", ogg.stat().st_size
    port = int(server.media.rpartition(":")[2])
    with proxy_thread("127.0.0.1", port, SLOW, 1) as slow:
        with node(f"http://127.0.0.1:{slow}", ogg, room, **MANNERS[manner]) as client:
            client.until_sent(size // 2)
        url = client.url.replace(str(slow), str(port))
    with node(server.media, ogg, room, uploadUrl=url, **MANNERS[manner]) as another:
        another.end()
    assert another.said[0]["method"] == "HEAD"
    assert next(each["sent"] for each in another.said if "sent" in each) > 0, "not from the start"
    assert listed(server.media, room) == [ogg.read_bytes()]


@pytest.mark.parametrize("manner", ["chunks", "parallel"])
def test_tus_js_client_while_the_server_dies(tmp_path: Path, ogg: Path, manner: str) -> None:
    size, options = ogg.stat().st_size, MANNERS[manner] | {"chunkSize": 50_000}
    plan = ServerPlan(http_port=free_port(), data=tmp_path / "data")
    server = start(plan)
    try:
        behind = proxy_thread("127.0.0.1", plan.http_port, SLOW, 1)
        with behind as slow, node(f"http://127.0.0.1:{slow}", ogg, "tea", **options) as client:
            client.until_sent(size // 2)
            server.kill()
            server = start(plan)
            client.end()
        assert any(each.get("method") == "HEAD" for each in client.said), "it had to ask"
        assert listed(server.media, "tea") == [ogg.read_bytes()]
    finally:
        server.stop()


def tuspy() -> Any:
    """The client of the protocol's authors for Python."""
    try:
        return importlib.import_module("tusclient.client")
    except ModuleNotFoundError:
        lacking("tuspy", "pip install tuspy")


@pytest.mark.parametrize("chunk", [1 << 30, 100_000])
@pytest.mark.parametrize("checked", [False, True])
def test_tuspy(server: RunningServer, ogg: Path, chunk: int, checked: bool) -> None:
    room = f"py-{chunk}-{checked}"
    client = tuspy().TusClient(f"{server.media}/files/")
    uploader = client.uploader(str(ogg), chunk_size=chunk, metadata=metadata(room), upload_checksum=checked)
    uploader.upload()
    assert uploader.request.response_headers["im-note"] == uploader.url.replace(f"{server.media}/files", "/audio")
    assert listed(server.media, room) == [ogg.read_bytes()]


def test_tuspy_while_the_server_dies(tmp_path: Path, ogg: Path) -> None:
    plan = ServerPlan(http_port=free_port(), data=tmp_path / "data")
    client = tuspy().TusClient(f"http://127.0.0.1:{plan.http_port}/files/")
    server = start(plan)
    try:
        first = client.uploader(str(ogg), chunk_size=100_000, metadata=metadata("tea"))
        first.upload(stop_at=300_000)
        server.kill()
        server = start(plan)
        second = client.uploader(str(ogg), url=first.url, chunk_size=100_000)
        assert second.offset == 300_000
        second.upload()
        assert listed(server.media, "tea") == [ogg.read_bytes()]
        assert client.uploader(str(ogg), url=first.url).offset == ogg.stat().st_size
    finally:
        server.stop()


def test_what_is_no_sound_is_refused(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "note.ogg").write_bytes(b"no sound at all " * 10_000)
    with node(server.media, tmp_path / "note.ogg", "refused") as client:
        client.process.wait()
        client.until_sent(1)
        with pytest.raises(AssertionError, match="error"):
            client.end()
    assert [each["status"] for each in client.said if "status" in each] == [201, 415]
    assert listed(server.media, "refused") == []
