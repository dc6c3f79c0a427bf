"""The service in a process of its own: behind waitress and behind uvicorn it is one service, byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from imlab.errors import DoorError, UsageError
from imlab.server.service.lines import Lines
from imlab.server.service.surface import LARGEST
from imlab.stack.presets import NEW, OLD, Architecture
from imlab.stack.service.backends import Backends
from imlab.stack.service.embedded import embedded
from imlab.stack.service.first_byte import FirstByte
from imlab.stack.service.plan import ServicePlan, plan_heard, plan_told
from imlab.stack.service.process import RunningService, start
from imlab.stack.service.warmth import Warmth, write_warmth
from imlab.store.recordings.bulk import fill
from imlab.wire.framings import Json, Protobuf
from imlab.wire.recording import Recording
from tests.doors import recording

pytestmark = pytest.mark.process

SOON = FirstByte(0.0, 0.001)
KEPT, CLOSED = Lines(), Lines(most=0)
FRAMINGS: tuple[Json | Protobuf, ...] = (Json(), Protobuf())
MIXTURES = {
    f"{type(serving).__name__}, {type(framing).__name__}, {'kept' if lines.most else 'closed'}": Architecture(
        serving, OLD.caching, lines, framing
    )
    for serving, framing, lines in product((OLD.serving, NEW.serving), FRAMINGS, (KEPT, CLOSED))
}
STATUSES = [200, 200, 405, 404, 404, 404, 200, 200, 400, 201, 201, 400, 413, 200]  # of the questions
Heard = tuple[int, str | None, str | None, bytes]


@contextmanager
def stood(folder: Path, built: Architecture, held: list[Recording], warm: bool = False) -> Iterator[RunningService]:
    """The service before backends of its own, which hold these."""
    objects, database, warmth = folder / "objects", folder / "recordings.sqlite", folder / "warm"
    objects.mkdir()
    for one in held:
        assert one.note.file
        (objects / one.note.file.sha256).write_bytes(one.body)
    fill(database, [one.note for one in held])
    write_warmth(warmth, Warmth(objects, [one.note for one in held], [one.note for one in held]))
    with ExitStack() as up:
        backends = up.enter_context(embedded(objects, database, built, SOON))
        yield up.enter_context(start(ServicePlan(built, backends, warm=warmth if warm else None)))


def line(service: RunningService) -> HTTPConnection:
    where = urlsplit(service.address)
    return HTTPConnection(str(where.hostname), where.port, timeout=20)


def ask(service: RunningService, method: str, path: str, body: bytes = b"") -> Heard:
    connection = line(service)
    connection.request(method, path, body)
    answer = connection.getresponse()
    told = answer.status, answer.getheader("content-type"), answer.getheader("connection"), answer.read()
    connection.close()
    return told


def placed(count: int) -> list[Recording]:
    """Notes of one room, in their places."""
    made = [recording(number, "tea", 900) for number in range(1, count + 1)]
    return [replace(one, note=one.note.placed(place)) for place, one in enumerate(made, start=1)]


def questions(held: list[Recording], built: Architecture) -> list[tuple[str, str, bytes]]:
    """What is asked of each mixture."""
    fresh = replace(held[0], note=replace(held[0].note, id="f" * 32, sequence=0))
    known = f"/recordings/{held[1].note.id}"
    sent, too_large = built.framing.encode(fresh), b" " * (LARGEST + 1)
    return [
        *((method, known, b"") for method in ("GET", "HEAD", "DELETE")),
        *(("GET", path, b"") for path in ("/recordings/" + "0" * 32, "/recordings/x", "/nowhere", "/healthz")),
        *(("GET", f"/rooms/tea?newest={count}", b"") for count in ("2", "no")),
        *(("POST", "/recordings", body) for body in (sent, sent, b"not a recording", too_large)),
        ("GET", f"/recordings/{fresh.note.id}", b""),
    ]


def test_every_mixture_of_drivers_and_lines_answers_alike(tmp_path: Path) -> None:
    held, heard = placed(4), {}
    for number, (name, built) in enumerate(MIXTURES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with stood(folder, built, held) as service:
            heard[name] = [ask(service, *question) for question in questions(held, built)]
    for framing in ("Json", "Protobuf"):
        alike = [told for name, told in heard.items() if framing in name]
        first = [(status, kind, body) for status, kind, _, body in alike[0]]
        assert all([(status, kind, body) for status, kind, _, body in told] == first for told in alike)
        assert [status for status, *_ in first] == STATUSES
    for name, told in heard.items():
        assert ({connection for _, _, connection, _ in told} == {"close"}) == ("closed" in name), name


@pytest.mark.parametrize("side", [OLD, NEW], ids=["old", "new"])
def test_many_at_once_and_what_is_counted(tmp_path: Path, side: Architecture) -> None:
    held = placed(8)
    with stood(tmp_path, side, held, warm=True) as service, ThreadPoolExecutor(64) as crowd:
        paths = [f"/recordings/{held[number % 8].note.id}" for number in range(128)]
        told = list(crowd.map(lambda path: ask(service, "GET", path), paths))
        found = service.counters()
    assert {status for status, *_ in told} == {200}
    assert [side.framing.decode(body).note.id for *_, body in told] == [path.split("/")[2] for path in paths]
    assert found["imlab_service_fetches_total"] == found["imlab_service_hits_total"] == 128  # it was warm
    assert found["imlab_http_connections_total"] == found["imlab_http_requests_total"] == 129


@pytest.mark.parametrize("side", [OLD, NEW], ids=["old", "new"])
def test_a_dead_store_is_the_servers_fault_and_what_is_held_is_given(tmp_path: Path, side: Architecture) -> None:
    held = placed(2)
    with stood(tmp_path, side, held) as service:
        first, second = (f"/recordings/{one.note.id}" for one in held)
        assert ask(service, "GET", first)[0] == 200
        (tmp_path / "objects" / str(held[1].note.file and held[1].note.file.sha256)).unlink()
        assert ask(service, "GET", first)[0] == 200
        status, _, _, body = ask(service, "GET", second)
        assert (status, json.loads(body)["fault"]) == (503, "server")


def test_plans_travel() -> None:
    for built in [*MIXTURES.values(), NEW]:
        plan = ServicePlan(built, Backends("sqlite:x", "http://127.0.0.1:1"), warm=Path("warm"), slowed={"Get": 0.002})
        assert plan_heard(plan_told(plan)) == plan
    with pytest.raises(UsageError, match="not a plan"):
        plan_heard("{}")


def test_a_plan_that_cannot_be_served_is_told(tmp_path: Path) -> None:
    warm = tmp_path / "warm"
    warm.write_bytes(b"nothing")
    with pytest.raises(DoorError, match=r"did not start.*does not tell what caches hold"), stood_by(tmp_path, warm):
        pass


@contextmanager
def stood_by(folder: Path, warm: Path) -> Iterator[RunningService]:
    with embedded(folder, folder / "base", OLD, SOON) as backends, start(ServicePlan(OLD, backends, warm=warm)) as up:
        yield up


def test_it_ends_with_whoever_started_it_and_loads_nothing_heavy(tmp_path: Path) -> None:
    told = (
        "import sys, imlab.stack.service.serving; print(sorted({'pandas', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "[]\n"
    words = [sys.executable, "-P", "-m", "imlab", "serve", "--preset", "new", "--http", "0", "--json", "--while-stdin"]
    words += ["--notes", "4", "--data", str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        ready = json.loads(process.stdout.readline())
        children = Path(f"/proc/{ready['pid']}/task/{ready['pid']}/children").read_text().split()
        assert len(children) == 2 and ready["service"].startswith("http://127.0.0.1:")  # object store, Valkey's guard
        process.stdin.close()
        assert process.wait(30) == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert {"objects", "recordings.sqlite"} <= {file.name for file in tmp_path.iterdir()}
