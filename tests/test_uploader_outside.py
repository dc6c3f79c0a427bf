"""Our tus client against the reference server of the protocol's authors, cut and killed in the middle."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from imlab.audio.speech.corpus import Corpus
from imlab.client.backoff import Backoff
from imlab.client.uploading.part import Tus
from imlab.client.uploading.resumable import Begun, ResumableUpload
from imlab.codec.container import oggopus
from imlab.codec.contract import encode
from imlab.codec.opus import Opus
from imlab.errors import PeerError
from imlab.net.fetching.origin import Origin
from imlab.net.fetching.uploading import upload
from imlab.net.links import Link
from imlab.net.links import Path as Way
from imlab.net.proxy import proxy
from tests.tools import need_npm

pytestmark = [pytest.mark.outside, pytest.mark.process]

POLICY = Tus(chunk=100_000, backoff=Backoff(0.05, 2.0, 0.5), tries=50)
SERVER = Path(__file__).with_name("tus_server.cjs")


class Reference:
    """The server on one port and one directory, however often it dies."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.port = directory, 0
        self._environment = need_npm("@tus/server", "@tus/file-store")

    def start(self) -> None:
        words = ["node", str(SERVER), str(self.port), str(self.directory)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=self._environment)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def holds(self, data: bytes) -> bool:
        """Is there an upload of just these bytes?"""
        return any(file.read_bytes() == data for file in self.directory.iterdir() if file.suffix != ".json")


@contextmanager
def reference(directory: Path) -> Iterator[Reference]:
    server = Reference(directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def ogg(corpus: Corpus) -> bytes:
    """A minute of speech at a high rate: large enough to be cut in the middle."""
    codec = Opus(bitrate=96_000, complexity=0)
    return oggopus.write(encode(codec, corpus.note(60.0)))


def begin(size: int, begun: Begun | None = None) -> ResumableUpload:
    return ResumableUpload("/files", size, Random(1), {"filename": "note.ogg"}, POLICY, of="note.ogg", begun=begun)


async def until_cut(port: int, path: Path, size: int) -> str:
    """Half a file over a bad network that fails; what is left for another process."""
    link = Link(delay=0.005, rate=2e6)
    uploader, half = begin(size), asyncio.Event()

    def watch(there: int) -> None:
        if there > size // 2:
            half.set()

    async with proxy("127.0.0.1", port, Way("slow", link, link), 1) as behind:
        origin = Origin(f"http://127.0.0.1:{behind}")
        under_way = asyncio.ensure_future(upload(uploader, origin, path, watch))
        await half.wait()
    while uploader.wake_at() is None:  # nobody is behind that port any more: it would try again
        await asyncio.sleep(0.001)
    under_way.cancel()
    await asyncio.wait([under_way])
    await origin.close()
    assert uploader.result is None and 0 < uploader.received < size
    return uploader.begun.text()


def test_cut_in_the_middle_then_killed_then_whole(tmp_path: Path, ogg: bytes) -> None:
    file, store = tmp_path / "note.ogg", tmp_path / "store"
    file.write_bytes(ogg)
    store.mkdir()
    with reference(store) as server:
        text = asyncio.run(until_cut(server.port, file, len(ogg)))
        uploader, killed, first = begin(len(ogg), Begun.read(text)), 0, 0

        def watch(there: int) -> None:
            nonlocal killed, first
            first = first or there
            if there > len(ogg) * 3 // 4 and not killed:
                killed += 1
                server.kill()
                server.start()

        async def rest() -> int:
            async with Origin(f"http://127.0.0.1:{server.port}") as origin:
                return (await upload(uploader, origin, file, watch)).status

        assert asyncio.run(rest()) == 204
        assert (killed, uploader.received) == (1, len(ogg))
        assert first > 0.3 * len(ogg), "it went on, not from the start"
        assert server.holds(ogg)


@pytest.mark.parametrize("policy", [Tus(), Tus(chunk=50_000, careful=False), Tus(at_once=False, chunk=None)], ids=repr)
def test_in_every_manner(tmp_path: Path, ogg: bytes, policy: Tus) -> None:
    file, store = tmp_path / "note.ogg", tmp_path / "store"
    file.write_bytes(ogg)
    store.mkdir()

    async def run(port: int) -> None:
        async with Origin(f"http://127.0.0.1:{port}") as origin:
            uploader = ResumableUpload("/files", len(ogg), Random(1), {"filename": "note.ogg"}, policy)
            await upload(uploader, origin, file)
            joined = ResumableUpload("/files", len(ogg), Random(1), policy=Tus(parallel=2))
            with pytest.raises(PeerError, match="refused"):  # its store knows no concatenation, and says so
                await upload(joined, origin, file)

    with reference(store) as server:
        asyncio.run(run(server.port))
        assert server.holds(ogg)
