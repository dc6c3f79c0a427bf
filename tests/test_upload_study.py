"""The study of uploads: bodies of their own, requests that servers understand, a loop that loses none, its reading."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imlab.audio.speech.corpus import open_corpus
from imlab.codec.container import oggopus
from imlab.errors import DoorError, InvalidRun
from imlab.lab.plan.design import plan
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.server.doors import Claimed
from imlab.stack.structure import Structure
from imlab.studies import q14_upload as q14
from imlab.studies.upload import asked, reading
from imlab.studies.upload.cases import CASES, OURS, Fetches, Notes, Recording
from imlab.studies.upload.connections import AT_ONCE, Connections
from imlab.studies.upload.evidence import SHARED, evidence
from imlab.studies.upload.hammer import strike
from imlab.studies.upload.notes import notes, recording
from imlab.studies.upload.servers import Go, program
from imlab.studies.upload.spent import family, spent_s
from tests.tools import need

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "q01_stop_to_play" / "reference"
ADDRESS = ("127.0.0.1", 9)


def test_every_note_is_another_file_of_the_same_sound() -> None:
    made = list(notes(open_corpus(), 12, np.random.default_rng(1)))
    assert len({sha256(body).hexdigest() for body in made}) == 12
    assert oggopus.read(made[0]) == oggopus.read(made[4])
    assert all(15_000 < len(body) < 25_000 for body in made)
    found = asyncio.run(Structure()(made[0], Claimed(type="audio/ogg")))
    assert found.codec == "opus"
    assert abs(found.duration_ms - 6_400) <= 1


@pytest.mark.parametrize("size", [100_000, 4 << 20])
def test_a_long_recording_is_one_that_may_be_sent(size: int) -> None:
    body = recording(open_corpus(), size, np.random.default_rng(1))
    assert size - 4 < len(body) <= size
    found = asyncio.run(Structure()(body, Claimed(type="audio/wav")))
    assert abs(found.duration_ms - 1000 * (size - 44) / 192_000) <= 2


BUILDS = [asked.put(OURS), asked.form, asked.tus, asked.form_pieces("/upload"), asked.put_pieces]


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__qualname__.split(".")[0])
def test_a_request_says_how_long_it_is_and_brings_the_body(build: asked.Build) -> None:
    body = bytes(range(256)) * 8_000
    brought = b""
    for request in build(ADDRESS, [body]):
        head, _, rest = request.partition(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: "))
        assert int(length.split()[1]) == len(rest)
        brought += rest
    whole = brought
    if b"form-data" in whole:
        parts = [part for part in whole.split(asked.BOUNDARY) if b'filename="' in part]
        whole = b"".join(part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n--") for part in parts)
    assert whole == body


@contextmanager
def answering(answer: bytes, cut: int = 1 << 20) -> Iterator[tuple[str, int]]:
    """A server that answers every request of 10 bytes so, in pieces of ``cut`` bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def attend(line: socket.socket) -> None:
            with line, suppress(ConnectionResetError):  # a client that was refused leaves at once
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while line.recv(10, socket.MSG_WAITALL):
                    for start in range(0, len(answer), cut):
                        line.sendall(answer[start : start + cut])

        def accept() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=attend, args=(line,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listening.getsockname()
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()


@pytest.mark.process
@pytest.mark.parametrize("cut", [1, 7, 1_000])
@pytest.mark.parametrize("body", [b"", b"x" * 300])
def test_every_request_is_asked_once_and_its_answer_read_whole(cut: int, body: bytes) -> None:
    answer = b"HTTP/1.1 201 Created\r\nX: y\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with answering(answer, cut) as address:
        struck = strike(address, [b"0123456789"] * 50, 7)
    assert len(struck.latencies) == 50
    assert struck.bytes == 50 * len(body)
    assert 0 < max(struck.latencies) <= struck.seconds


@pytest.mark.process
def test_a_refusal_is_loud() -> None:
    with (
        answering(b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\n\r\n") as address,
        pytest.raises(DoorError, match="507"),
    ):
        strike(address, [b"0123456789"] * 3, 2)


@pytest.mark.process
@pytest.mark.parametrize("read", [0, 10])
def test_a_server_that_hangs_up_is_told_of(read: int) -> None:
    """Unread bytes make of its end a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def leave() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(read or 1, socket.MSG_PEEK if not read else socket.MSG_WAITALL)

        leaving = threading.Thread(target=leave)
        leaving.start()
        with pytest.raises(DoorError, match=r"the server (hung up|broke the connection)"):
            strike(listening.getsockname(), [b"0123456789"], 1)
        leaving.join()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="Linux counts here")
def test_what_a_process_spent_grows_with_what_it_does() -> None:
    before, own = spent_s(os.getpid()), time.process_time()
    sum(range(2_000_000))
    own = time.process_time() - own
    assert spent_s(os.getpid()) - before >= 0.5 * own > 0
    assert os.getpid() in family(os.getppid())


def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("IMLAB_PEERS", raising=False)
    with pytest.raises(InvalidRun, match="the peer article is not here: results/peers/run"):
        program("article")


@pytest.mark.process
@pytest.mark.parametrize(
    "case",
    ["ours: PUT, structure, segments", "ours: tus, structure, segments", "ours: long, tus", "ours: long, chunked form",
     "ours: GET", "floor: GET", "kept connections"],
)  # fmt: skip
def test_cases_of_ours_end_well(case: str, tmp_path: Path) -> None:
    trial = next(t for t in plan(q14.EXPERIMENT, "smoke").trials if t.settings["case"] == case)
    rows = list(q14.attempt(replace(trial, scratch=tmp_path)))
    assert rows
    for row in rows:
        assert row["requests"] > 0
        assert row["server_cpu_s"] > 0


@pytest.mark.outside
@pytest.mark.parametrize(
    "case", ["Go: form, the article's", "Go: long, chunked form and join", "nginx: PUT", "nginx: GET"]
)
def test_cases_of_peers_end_well(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peers: Path) -> None:
    monkeypatch.setenv("IMLAB_PEERS", str(peers))
    trial = next(t for t in plan(q14.EXPERIMENT, "smoke").trials if t.settings["case"] == case)
    assert list(q14.attempt(replace(trial, scratch=tmp_path)))


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The peers, built."""
    need("go", "nginx")
    folder = tmp_path_factory.mktemp("peers")
    source = Path(__file__).resolve().parents[1] / "results" / "peers" / "article.go"
    environment = {**os.environ, "GO111MODULE": "off", "GOCACHE": str(folder / "cache"), "CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-o", "article", str(source)], check=True, cwd=folder, env=environment)
    return folder


def told(case: str, block: int, connections: int, **values: float) -> dict[str, Any]:
    usual = {
        "requests": 100,
        "bytes": 2_000_000,
        "seconds": 1.0,
        "server_cpu_s": 0.01,
        "client_cpu_s": 0.02,
        "p50_s": 0.001,
        "p99_s": 0.002,
    }
    return {"case": case, "block": block, "connections": connections, "kept": True, "outcome": "ok", **usual, **values}


def rows(blocks: int = 6) -> pd.DataFrame:
    """Every case costs 100 us, but for those that the test is about."""
    made = []
    for block in range(blocks):
        wobble = 1 + 0.01 * (block % 3)
        for name, case in CASES.items():
            known = {reading.PUT: 0.02, reading.ARTICLE: 0.04, reading.DECODED: 0.4, reading.GET: 0.004}
            spent = known.get(name, 0.01) * wobble
            for lines in {Notes: (32, 1), Recording: (1,), Fetches: (32,), Connections: (AT_ONCE, 1)}[type(case)]:
                made.append(told(name, block, lines, server_cpu_s=spent))
    return pd.DataFrame(made)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Run:
    run = Run(REFERENCE, read_manifest(REFERENCE))
    monkeypatch.setattr(Run, "rows", lambda _: rows())
    return run


def test_costs_are_those_of_the_rows() -> None:
    found = reading.cpu(rows())
    assert found[reading.PUT].iloc[0] == pytest.approx(200e-6)
    assert found[reading.LONG].iloc[0] == pytest.approx(0.01 / 2e6 * 1e9)
    assert reading.ratio(found, reading.PUT, reading.ARTICLE).estimate == pytest.approx(0.5)
    assert set(found.columns) == {name for name, case in CASES.items() if not isinstance(case, Connections)}


def test_figures_tables_and_the_sentence_say_all_cases(stored: Run) -> None:
    figures = reading.figures(stored)
    assert set(figures) == {"cpu", "alone", "long", "fetch", "connections"}
    assert "ours: PUT, structure, segments: 202 [" in figures["cpu"].alt
    tables = reading.tables(stored)
    assert len(tables["ratios"]) == len(reading.PAIRS)
    assert len(reading.table(stored.rows())) == len([c for c in CASES.values() if isinstance(c, Notes | Fetches)])
    assert "0.5 [0.5, 0.5] times the article's Go handler" in reading.conclusion(stored)


def test_what_is_said_of_one_connection_for_all(monkeypatch: pytest.MonkeyPatch, stored: Run) -> None:
    doubled = rows()
    doubled.loc[doubled["case"] == SHARED, "p99_s"] *= 2
    monkeypatch.setattr(Run, "rows", lambda _: doubled)
    ((claim, (found,)),) = evidence(stored).items()
    assert claim == "C17"
    assert found.effect.estimate == pytest.approx(100)
    monkeypatch.setattr(Run, "rows", lambda _: doubled.drop(columns="p99_s"))
    assert evidence(stored) == {}, "a window too short for a p99 says nothing"


def test_too_few_for_a_median_leave_its_place_empty() -> None:
    told = reading.table(rows(1).drop(columns="p50_s").assign(p50_s=np.nan))
    assert set(told["p50 alone (ms)"]) == {""}
    assert len(told) == len(reading.table(rows(1)))
    assert set(reading.connections(rows(1).drop(columns="p50_s").assign(p50_s=np.nan))["p50 alone (ms)"]) == {""}


def test_without_peers_ours_speaks_alone(monkeypatch: pytest.MonkeyPatch, stored: Run) -> None:
    ours = rows()
    monkeypatch.setattr(Run, "rows", lambda _: ours[~ours["case"].str.contains("Go|nginx")])
    assert set(reading.figures(stored)) == {"cpu", "alone", "long", "fetch", "connections"}
    assert "nginx" not in reading.conclusion(stored)
    assert "Go" not in reading.conclusion(stored)


def test_a_peer_that_was_not_built_does_not_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("IMLAB_PEERS", raising=False)
    with pytest.raises(InvalidRun), Go().stand(tmp_path):
        pass
