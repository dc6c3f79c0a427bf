"""Notes that are files, end to end: our verbs and our client against our server, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
import pytest

from imlab.audio.clip import Clip, Samples
from imlab.audio.files import write_clip
from imlab.client.backoff import Backoff
from imlab.client.fetching.requests import Answer
from imlab.client.playing.file_player import Ahead, FilePlayer
from imlab.client.uploading.part import Tus
from imlab.client.uploading.resumable import Begun, ResumableUpload
from imlab.client.uploading.uploader import Uploader
from imlab.client.uploading.whole import whole_upload
from imlab.codec.container import oggopus
from imlab.desk.calls.client_options import media_address
from imlab.desk.dispatch import main
from imlab.errors import PeerError, UsageError
from imlab.net.fetching.origin import Origin
from imlab.net.fetching.playing import play
from imlab.net.fetching.uploading import upload
from imlab.stack.plan import ServerPlan
from imlab.stack.server import RunningServer, start
from tests.test_file_player import RATE, note
from tests.tools import need

pytestmark = pytest.mark.process

ID = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(ServerPlan(data=tmp_path_factory.mktemp("data"))) as started:
        yield started


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    write_clip(path, Clip(np.sin(np.arange(16_000, dtype=np.float32) * np.float32(0.2)) * np.float32(0.3), 16_000))
    return path


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("via", ["put", "tus"])
def test_what_is_sent_as_a_file_is_listened_to(
    server: RunningServer, wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], via: str
) -> None:
    where = ("--room", f"by {via}", "--server", server.ws, "--media", server.media, "--json", "--timeout", "30")
    assert main(["send", str(wav), str(wav), *where, "--as", "ann", "--via", via]) == 0
    sent = said(capsys)
    assert [each["sequence"] for each in sent] == [1, 2]
    for _ in range(2):  # the second finds them saved
        assert main(["listen", *where, "--after", "0", "--count", "2", "--save", str(tmp_path / "notes")]) == 0
        heard = said(capsys)
        assert [(each["id"], each["sender"], each["codec"]) for each in heard] == [
            (each["id"], "ann", "opus") for each in sent
        ]
        for each in heard:
            file = Path(str(each["file"]))
            assert file.name == f"{each['sequence']}-{each['id']}.ogg"
            assert oggopus.read(file.read_bytes()).samples == 16_000
            assert (each["bytes"], each["duration_ms"]) == (file.stat().st_size, 1000)


def test_both_ways_stand_in_one_room(
    server: RunningServer, wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--room", "both", "--server", server.ws, "--media", server.media, "--json", "--timeout", "30")
    for via in ("ws", "put", "ws", "tus"):
        assert main(["send", str(wav), *where, "--via", via]) == 0
    sent = said(capsys)
    assert main(["listen", *where, "--after", "0", "--count", "4", "--save", str(tmp_path)]) == 0
    heard = said(capsys)
    assert [(each["sequence"], each["id"]) for each in heard] == [(i + 1, n["id"]) for i, n in enumerate(sent)]
    sounds = [oggopus.read(Path(str(each["file"])).read_bytes()) for each in heard]
    assert all(sound == sounds[0] for sound in sounds)


def test_a_file_that_is_no_note_is_refused_with_the_servers_words(
    server: RunningServer, wav: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(uploader: Uploader, data: bytes) -> Answer:
        async with Origin(server.media) as origin:
            return await upload(uploader, origin, data)

    data = b"no sound at all " * 2000
    for uploader in (
        whole_upload("/notes/tea", ID, len(data), Random(1), (("content-type", "audio/ogg"),)),
        ResumableUpload("/files/", len(data), Random(1), {"room": "tea"}),
    ):
        with pytest.raises(PeerError, match="the server refused it: 4"):
            asyncio.run(run(uploader, data))


def test_nobody_there_is_said(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--room", "tea", "--media", "http://127.0.0.1:1", "--timeout", "0.2", "--via", "put")
    assert main(["send", str(wav), *where]) == 1
    assert "no answer from http://127.0.0.1:1 within 0.2 s" in capsys.readouterr().err


POLICIES = [
    Tus(chunk=50_000, checksum="sha1"),
    Tus(chunk=50_000, parallel=3),
    Tus(chunk=None, at_once=False, careful=False),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy.parallel} {policy.checksum}")
def test_by_tus_in_every_manner_a_note_comes_out_as_it_went_in(server: RunningServer, policy: Tus) -> None:
    file, _ = note(20.0, 64_000)
    key = f"{SystemRandom().getrandbits(128):032x}"

    async def run() -> Answer:
        uploader = ResumableUpload(
            "/files/", len(file), Random(1), {"room": "tea", "sender": "ann"}, policy, (("idempotency-key", key),)
        )
        async with Origin(server.media) as origin:
            told = await upload(uploader, origin, file)
            got = await origin.fetch("GET", told.headers["im-note"])
            assert got.body == file
            return told

    assert int(asyncio.run(run()).headers["im-seq"]) >= 1


def test_a_server_that_is_killed_in_the_middle_gets_the_rest(tmp_path: Path) -> None:
    """The upload goes on by itself when the server is back; then another process takes up what a third left."""
    file, _ = note(20.0, 64_000)
    path = tmp_path / "note.ogg"
    path.write_bytes(file)
    policy = Tus(chunk=20_000, backoff=Backoff(0.05, 1.5, 0.3), tries=100)
    running = start(ServerPlan(data=tmp_path / "data"))
    port = int(running.media.rpartition(":")[2])

    async def run() -> Answer:
        uploader = ResumableUpload("/files/", len(file), Random(1), {"room": "tea"}, policy, of="note.ogg")
        begun: list[str] = []

        def watch(there: int) -> None:
            nonlocal running
            if there > len(file) // 2 and not begun:
                begun.append(uploader.begun.text())
                running.kill()
                running = start(ServerPlan(data=tmp_path / "data", http_port=port))

        async with Origin(f"http://127.0.0.1:{port}") as origin:
            await upload(uploader, origin, path, watch)
            again = ResumableUpload(
                "/files/", len(file), Random(1), {"room": "tea"}, policy, of="note.ogg", begun=Begun.read(begun[0])
            )
            told = await upload(again, origin, path)
            got = await origin.fetch("GET", told.headers["im-note"])
            assert got.body == file
            return told

    try:
        told = asyncio.run(run())
        assert told.status == 200, "the second asked once, and all was there"
        assert told.headers["im-seq"] == "1"
    finally:
        running.stop()


def test_a_note_is_heard_from_its_middle_without_the_whole(server: RunningServer) -> None:
    file, sound = note(120.0, 64_000)
    came = 0

    class Counted(FilePlayer):
        def feed(self, at: int, data: bytes) -> None:
            nonlocal came
            came += len(data)
            super().feed(at, data)

    async def run() -> Samples:
        heard: list[Samples] = []

        async def hear(rate: int, piece: Samples) -> None:
            heard.append(piece)
            if sum(map(len, heard)) > RATE:
                raise EOFError

        async with Origin(server.media) as origin:
            told = await upload(whole_upload("/notes/tea", ID, len(file), Random(1)), origin, file)
            player = Counted(size=len(file), duration=120.0, ahead=Ahead(20_000))
            player.seek(60.0)
            with pytest.raises(EOFError):
                await play(player, json.loads(told.body)["url"], origin, Random(1), hear)
        return np.concatenate(heard)

    out = asyncio.run(run())
    loud = np.sqrt(np.mean(sound**2))
    assert np.abs(out[RATE // 4 : RATE] - sound[60 * RATE + RATE // 4 : 61 * RATE]).max() < 0.05 * loud
    assert came < len(file) // 2


@pytest.mark.outside
def test_over_tls_notes_go_up_and_come_down_and_nothing_is_left_open(tmp_path: Path, wav: Path) -> None:
    need("openssl")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout {key} -out {cert}"
    )
    subprocess.run(made.split(), check=True, capture_output=True)
    with start(ServerPlan(tls=(cert, key))) as server:
        where = ("--room", "tea", "--server", server.ws, "--media", server.media, "--timeout", "20")
        for words in (
            ("send", str(wav), *where, "--via", "put"),
            ("send", str(wav), *where, "--via", "tus"),
            ("listen", *where, "--after", "0", "--count", "2", "--save", str(tmp_path / "notes")),
        ):
            done = subprocess.run(
                [sys.executable, "-P", "-W", "error::ResourceWarning", "-m", "imlab", *words], text=True, check=False,
                capture_output=True, env=os.environ | {"SSL_CERT_FILE": str(cert)},
            )  # fmt: skip
            assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr
    assert len(list((tmp_path / "notes").glob("*.ogg"))) == 2


MEDIA = [
    ("ws://127.0.0.1:8765", None, "http://127.0.0.1:8766"),
    ("wss://im.example:443/ws", None, "https://im.example:444"),
    ("ws://[::1]:8765", None, "http://[::1]:8766"),
    ("wss://im.example/ws", None, "https://im.example"),
    ("ws://im.example:1", "http://files.example", "http://files.example"),
]


@pytest.mark.parametrize(("server", "media", "address"), MEDIA)
def test_where_the_files_are(server: str, media: str | None, address: str) -> None:
    assert media_address(server, media) == address


def test_a_server_without_a_port_that_is_one_is_refused() -> None:
    with pytest.raises(UsageError, match="a server is"):
        media_address("ws://a:b", None)
