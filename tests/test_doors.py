"""The doors of the service on trial: one table of laws, for both faces, both databases, and connections kept or new."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path

import psycopg
import pytest

from imlab.errors import DoorError, UsageError
from imlab.server.service.caching import Caching
from imlab.server.service.handlers import Service
from imlab.server.service.lines import Lines
from imlab.server.service.wants import Add, Find, Get, Keep, Look, Newest, Put
from imlab.stack.service.backends import Backends
from imlab.stack.service.first_byte import FirstByte
from imlab.stack.service.frail import REST_S, Frail
from imlab.stack.service.object_process import ObjectProcess, object_store
from imlab.stack.services.contract import Endpoint
from imlab.stack.services.postgres import Postgres
from imlab.stack.services.private import private
from imlab.stack.services.redis import Redis
from imlab.store.recordings.sqlite_awaited import SWITCH_S
from tests.doors import FACES, Doors, ask, awaited, blocking, recording, wanting
from tests.tools import need_service

pytest_plugins = ("tests.servers",)

LINES = {"kept": Lines(), "new": Lines(most=0)}
NOWHERE = "http://127.0.0.1:1"
AT_ONCE = FirstByte(0, 0)
UNCACHED = Caching(limit=1)
SEED = count()


@pytest.fixture(params=FACES.values(), ids=list(FACES))
def face(request: pytest.FixtureRequest) -> Doors:
    """Blocking and awaited."""
    made: Doors = request.param
    return made


@pytest.fixture(params=LINES.values(), ids=list(LINES))
def lines(request: pytest.FixtureRequest) -> Lines:
    """Kept and new."""
    value: Lines = request.param
    return value


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectProcess]:
    """One object store for all, which answers at once."""
    with object_store(tmp_path_factory.mktemp("objects"), AT_ONCE) as process:
        yield process


def sqlite(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A new file."""
    return f"sqlite:{tmp_path / 'recordings.sqlite'}"


def postgres(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A schema of its own."""
    endpoint: Endpoint = request.getfixturevalue("postgres")
    name = f"doors_{os.getpid()}_{next(SEED)}"
    with psycopg.connect(endpoint.url, autocommit=True) as base:
        base.execute(f"CREATE SCHEMA {name}")
    request.addfinalizer(partial(_dropped, endpoint.url, name))
    return f"{endpoint.url}?options=-csearch_path%3D{name}"


def _dropped(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as base:
        base.execute(f"DROP SCHEMA {name} CASCADE")


PLACES = [
    pytest.param(sqlite, marks=pytest.mark.process, id="sqlite"),
    pytest.param(postgres, marks=pytest.mark.outside, id="postgres"),
]


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite and PostgreSQL."""
    address: str = request.param(tmp_path, request)
    return address


@pytest.fixture
def backends(database: str, objects: ObjectProcess) -> Backends:
    """Without a second cache."""
    return Backends(database, objects.url, far_s=0.0)


def test_what_was_sent_is_fetched_and_listed(face: Doors, lines: Lines, backends: Backends) -> None:
    service, sent = Service(UNCACHED), [recording(number) for number in range(3)]
    with face(backends, lines) as doors:
        for number, each in enumerate(sent):
            assert doors.all([partial(service.send, each)]) == [number + 1]
        fetched = doors.all([partial(service.fetch, each.note.id) for each in sent])
        assert [got.body for got in fetched] == [each.body for each in sent]
        assert [got.note for got in fetched] == [each.note.placed(n + 1) for n, each in enumerate(sent)]
        assert doors.all([partial(service.newest, "kitchen", 2)]) == [(fetched[2].note, fetched[1].note)]
        assert doors.all([partial(service.newest, "cellar", 2)]) == [()]


def test_unknown_is_none_and_the_same_again_is_what_it_was(face: Doors, lines: Lines, backends: Backends) -> None:
    first, second = recording(1).note, recording(2).note
    with face(backends, lines) as doors:
        assert ask(doors, Find("0" * 32)) is None
        assert [ask(doors, Add(note)) for note in (first, second, first, second)] == [1, 2, 1, 2]
        assert ask(doors, Add(recording(1, "cellar").note)) == 1
        assert len(ask(doors, Newest("kitchen", 9))) == 2


def test_who_sends_at_once_leaves_no_gap(face: Doors, lines: Lines, backends: Backends) -> None:
    notes = [recording(number, room).note for number in range(12) for room in ("kitchen", "cellar")]
    with face(backends, lines) as doors, face(backends, lines) as others:
        twice = doors.all([wanting(Add(note)) for note in notes + notes[:6]])
        assert twice[: len(notes)] == others.all([wanting(Add(note)) for note in notes])
        assert twice[len(notes) :] == twice[:6]
        for room in ("kitchen", "cellar"):
            assert [note.sequence for note in ask(doors, Newest(room, 99))] == list(range(12, 0, -1))
        assert doors.counts()["most_at_once"] > 1


def test_connections_are_kept_or_new(face: Doors, lines: Lines, backends: Backends) -> None:
    sent = recording(1)
    with face(backends, lines) as doors:
        ask(doors, Put(sent.note.file.sha256, sent.body))  # type: ignore[union-attr]
        ask(doors, Add(sent.note))
        for _ in range(4):
            assert ask(doors, Find(sent.note.id)).id == sent.note.id
            assert ask(doors, Get(sent.note.file.sha256)) == sent.body  # type: ignore[union-attr]
        told = doors.counts()
        assert (told["database_questions"], told["objects_questions"]) == (5, 5)
        once = 1 if lines.most else 5
        assert (told["database_connections"], told["objects_connections"]) == (once, once)
        assert told["most_at_once"] == 1


def test_what_was_added_is_there_for_who_opens_it_later(face: Doors, lines: Lines, backends: Backends) -> None:
    with face(backends, lines) as doors:
        ask(doors, Add(recording(1).note))
    with blocking(backends, Lines()) as later:
        assert ask(later, Find(recording(1).note.id)) == recording(1).note.placed(1)


# Objects


@pytest.mark.process
def test_any_object_is_the_same_again(face: Doors, lines: Lines, objects: ObjectProcess, tmp_path: Path) -> None:
    bodies = [bytes([size & 255]) * size for size in (1, 100, 20_000, 3_000_000)]
    names = [sha256(body).hexdigest() for body in bodies]
    with face(Backends(f"sqlite:{tmp_path / 'x'}", objects.url), lines) as doors:
        assert doors.all([wanting(Put(*each)) for each in zip(names, bodies, strict=True)]) == [None] * 4
        assert doors.all([wanting(Get(name)) for name in names]) == bodies
        with pytest.raises(DoorError, match="says 404 no such object"):
            ask(doors, Get("0" * 64))
        with pytest.raises(DoorError, match="says 400 these are other bytes"):
            ask(doors, Put("0" * 64, b"other"))


@pytest.mark.process
def test_an_object_store_may_go_and_come_back(face: Doors, lines: Lines, tmp_path: Path) -> None:
    body, name = b"sound", sha256(b"sound").hexdigest()
    folder = tmp_path / "objects"
    folder.mkdir()
    with object_store(folder, AT_ONCE) as process:
        stood = face(Backends(f"sqlite:{tmp_path / 'x'}", process.url), lines)
        doors = stood.__enter__()
        ask(doors, Put(name, body))
    with pytest.raises(DoorError):
        ask(doors, Get(name))
    with object_store(folder, AT_ONCE, int(process.url.rpartition(":")[2])):
        assert ask(doors, Get(name)) == body
    with object_store(folder, AT_ONCE, int(process.url.rpartition(":")[2])):
        assert ask(doors, Get(name)) == body, "the kept connection is dead: another one"
        stood.__exit__(None, None, None)


@pytest.mark.process
def test_an_object_store_reads_what_lies_below_and_never_writes_there(
    face: Doors, lines: Lines, tmp_path: Path
) -> None:
    above, below = tmp_path / "above", tmp_path / "below"
    for folder in (above, below):
        folder.mkdir()
    old, new = (sha256(body).hexdigest() for body in (b"old", b"new"))
    (below / old).write_bytes(b"old")
    with (
        object_store(above, AT_ONCE, below=below) as store,
        face(Backends(f"sqlite:{tmp_path / 'x'}", store.url), lines) as doors,
    ):
        ask(doors, Put(new, b"new"))
        assert [ask(doors, Get(name)) for name in (old, new)] == [b"old", b"new"]
        with pytest.raises(DoorError, match="no such object"):
            ask(doors, Get("0" * 64))
    assert ([each.name for each in above.iterdir()], [each.name for each in below.iterdir()]) == ([new], [old])


@pytest.mark.process
def test_the_object_store_ends_with_its_starter(tmp_path: Path) -> None:
    words = [sys.executable, "-P", "-m", "imlab.stack.service.object_store", str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin and b"address" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_key_has_its_own_time_and_keeps_it() -> None:
    drawn = [FirstByte(seed=7)(f"{number:064x}") for number in range(2_000)]
    assert drawn == [FirstByte(seed=7)(f"{number:064x}") for number in range(2_000)]
    assert drawn[0] != FirstByte(seed=8)("0" * 64)
    assert 0.1 <= min(drawn) < 0.101 and 0.199 < max(drawn) <= 0.2
    assert abs(sum(drawn) / len(drawn) - 0.15) < 5 * 0.1 / 12**0.5 / len(drawn) ** 0.5, "five standard errors"
    assert FirstByte(0.5, 0.5)("key") == 0.5
    with pytest.raises(UsageError, match="low to high"):
        FirstByte(0.2, 0.1)


# Databases that fail


@pytest.mark.parametrize("far_s", [-0.001, 0.0001, 0.0007])
def test_a_distance_that_an_event_loop_cannot_wait_for_is_refused(far_s: float) -> None:
    assert Backends("sqlite:x", NOWHERE, far_s=0.0015).far_s == 0.0015
    with pytest.raises(UsageError, match="whole milliseconds"):
        Backends("sqlite:x", NOWHERE, far_s=far_s)


def test_a_damaged_file_is_a_fault_of_the_door(face: Doors, lines: Lines, tmp_path: Path) -> None:
    path = tmp_path / "recordings.sqlite"
    with face(Backends(f"sqlite:{path}", NOWHERE), lines) as doors:
        assert ask(doors, Find("0" * 32)) is None
        with sqlite3.connect(path) as base:
            base.execute("DROP TABLE recordings")
        base.close()
        with pytest.raises(DoorError, match="no such table"):
            ask(doors, Find("0" * 32))


def test_a_damaged_row_is_a_fault_of_the_door(face: Doors, tmp_path: Path) -> None:
    path, note = tmp_path / "recordings.sqlite", recording(1).note
    with face(Backends(f"sqlite:{path}", NOWHERE), Lines()) as doors:
        ask(doors, Add(note))
        with sqlite3.connect(path) as base:
            base.execute("UPDATE recordings SET head = x'0aff'")
        base.close()
        for want in (Find(note.id), Newest(note.room, 1)):
            with pytest.raises(DoorError, match="damaged: 0aff"):
                ask(doors, want)


def test_what_is_no_database_is_said_at_once(face: Doors, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but a text that is long enough to be looked at" * 9)
    for address, fault in ((f"sqlite:{tmp_path / 'text'}", DoorError), ("mysql://x", UsageError), ("", UsageError)):
        with pytest.raises(fault), face(Backends(address, NOWHERE), Lines()):
            pass


def test_the_switch_interval_is_short_while_a_loop_has_sqlite_and_then_as_before(tmp_path: Path) -> None:
    usual = sys.getswitchinterval()
    with awaited(Backends(f"sqlite:{tmp_path / 'x'}", NOWHERE), Lines()):
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    assert sys.getswitchinterval() == usual


@pytest.mark.process
def test_who_asks_sqlite_does_not_load_the_library_of_postgres() -> None:
    code = "import sys, imlab.stack.service.blocking, imlab.stack.service.awaited; print('psycopg' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"False\n"


@pytest.mark.outside
def test_a_connection_that_postgres_ended_is_replaced(
    face: Doors, objects: ObjectProcess, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = postgres(tmp_path, request)
    note = recording(1).note
    with face(Backends(url, objects.url), Lines()) as doors:
        ask(doors, Add(note))
        with psycopg.connect(url, autocommit=True) as base:
            ours = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'imlab'"
            assert base.execute(ours).fetchall()
        assert ask(doors, Add(note)) == 1
        assert doors.counts()["database_connections"] == 2


@pytest.mark.outside
def test_a_dead_postgres_is_a_fault_of_the_door(face: Doors, lines: Lines) -> None:
    need_service("postgres", of_ours=True)
    with private(Postgres(fsync="off")) as server:
        stood = face(Backends(server.endpoint.url, NOWHERE), lines)
        doors = stood.__enter__()
        assert ask(doors, Find("0" * 32)) is None
        server.kill()
        for _ in range(2):
            with pytest.raises(DoorError, match="PostgreSQL"):
                for _ in range(100_000):  # the process that has our connection outlives its parent for a moment
                    ask(doors, Find("0" * 32))
        stood.__exit__(None, None, None)
        with pytest.raises(DoorError, match="PostgreSQL"), face(Backends(server.endpoint.url, NOWHERE), lines):
            pass


# The second cache


@pytest.fixture(scope="module")
def valkey() -> Iterator[Endpoint]:
    """One for all, from the wheel."""
    with private(Redis(memory_mb=16)) as server:
        yield server.endpoint


@pytest.mark.process
@pytest.mark.parametrize("way", ["url", "unix"])
def test_what_is_kept_is_found(face: Doors, lines: Lines, way: str, valkey: Endpoint, tmp_path: Path) -> None:
    values = {b"%s %d" % (str(tmp_path).encode(), size): os.urandom(size) for size in (1, 20_000, 1_000_000)}
    with face(Backends(f"sqlite:{tmp_path / 'x'}", NOWHERE, getattr(valkey, way)), lines) as doors:
        assert doors.all([wanting(Look(key)) for key in values]) == [None] * 3
        for key, value in values.items():
            ask(doors, Keep(key, value))
        assert [ask(doors, Look(key)) for key in values] == list(values.values())
        told = doors.counts()
        assert told["cache_questions"] == 9 and told["cache_failures"] == 0
        assert told["cache_connections"] <= 3 if lines.most else told["cache_connections"] == 9


@pytest.mark.process
def test_a_dead_cache_is_a_miss_and_is_counted(
    face: Doors, lines: Lines, objects: ObjectProcess, tmp_path: Path
) -> None:
    service = Service(Caching(limit=1, second=True, at_upload=True, single_flight=True))
    each = recording(1)
    with private(Redis(memory_mb=16)) as server:
        stood = face(Backends(f"sqlite:{tmp_path / 'x'}", objects.url, server.endpoint.url, far_s=0.0), lines)
        doors = stood.__enter__()
        assert doors.all([partial(service.send, each)]) == [1]
        assert doors.all([partial(service.fetch, each.note.id)])[0].body == each.body
        assert service.counts.told()["second_hits"] == 1
        server.process.end(signal.SIGKILL, 30)
        for _ in range(2):
            assert doors.all([partial(service.fetch, each.note.id)])[0].body == each.body
    assert service.counts.told()["misses"] == 2
    assert doors.counts()["cache_failures"] == 1, "it is left alone for a while then"
    stood.__exit__(None, None, None)


def test_a_cache_that_failed_rests_and_is_tried_again() -> None:
    frail = Frail()
    assert not frail.resting(0.0)
    frail.failed(DoorError("gone"), 10.0)
    assert frail.resting(10.0) and frail.resting(10.0 + 0.99 * REST_S) and not frail.resting(10.0 + REST_S)
    frail.answered()
    frail.failed(DoorError("gone again"), 20.0)
    assert frail.failures == 2
