"""Servers that we did not write: found, started, asked; none is left behind, and no stranger is hit."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest

from imlab.desk.dispatch import main
from imlab.desk.environment.findings import services
from imlab.errors import DoorError, UsageError
from imlab.stack.services.account import account, closed, within_reach
from imlab.stack.services.contract import Endpoint, Engine, Place, Service
from imlab.stack.services.nginx import Nginx
from imlab.stack.services.postgres import PSQL, Postgres
from imlab.stack.services.private import private, service
from imlab.stack.services.process import Process
from imlab.stack.services.redis import Redis
from imlab.stack.services.search import Search
from imlab.stack.services.standing import Status, down, status, up
from imlab.stack.services.starting import TAKEN, engine_of, free_port, prepared
from imlab.stack.services.table import SERVICES, service_called
from tests.tools import need_service

STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
OBEDIENT = "import sys; print(flush=True); sys.stdin.read()"
OUTSIDE = [pytest.mark.process, pytest.mark.outside]
QUICK: dict[str, Service] = {**SERVICES, "postgres": Postgres(fsync="off")}
EACH = [pytest.param(each, id=name, marks=OUTSIDE) for name, each in QUICK.items()]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment of who tests names."""
    for each in SERVICES.values():
        monkeypatch.delenv(each.variable, raising=False)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """One to which those can go for whom root's servers run; pytest's own are closed."""
    with TemporaryDirectory(prefix="imlab-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def home(quiet: None, monkeypatch: pytest.MonkeyPatch, open_directory: Path) -> Iterator[Path]:
    """A services' directory; nothing runs in it afterwards."""
    monkeypatch.setenv("IMLAB_SERVICES", str(open_directory))
    yield open_directory
    for each in SERVICES.values():
        down(each)


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process of Python that has said that it is there."""
    with subprocess.Popen([sys.executable, "-I", "-c", code], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout and process.stdout.readline() == "\n"
        try:
            yield process
        finally:
            process.kill()


def wait_for_end(pid: int) -> Callable[[], None]:
    """Taken while the process lives; called, it waits until that has ended."""
    handle = os.pidfd_open(pid)

    def wait() -> None:
        with closing(os.fdopen(handle)):
            assert select.select([handle], [], [], 60)[0], f"process {pid} goes on"

    return wait


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:1/0", "redis://127.0.0.1:1/0"),
        ("redis://:secret@host/1", "redis://:***@host/1"),
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert Endpoint(url).shown == shown


def test_a_wheel_comes_before_path_and_the_newest_version_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("wheels/some_server/bin/server", "path/server", "lib/9.6/server", "lib/15/server", "lib/16/other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.syspath_prepend(tmp_path / "wheels")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    places = (f"{str(tmp_path)[1:]}/lib/*/server",)
    found = Search((("some_server", "bin/*"), ("no_such_package", "*")), ("server", "servant"), places)()
    assert [(str(engine.program.relative_to(tmp_path)), engine.origin) for engine in found] == [
        ("wheels/some_server/bin/server", "wheel"),
        ("path/server", "system"),
        ("lib/15/server", "system"),
        ("lib/9.6/server", "system"),
    ]


@pytest.mark.process
@pytest.mark.parametrize(("code", "gently"), [(OBEDIENT, True), (STUBBORN, False)], ids=["obedient", "stubborn"])
def test_a_process_is_asked_and_then_killed(code: str, gently: bool) -> None:
    with child(code) as process:
        known = Process.of(process.pid)
        assert known.alive
        assert known.end(signal.SIGTERM, patience_s=60 if gently else 0.1) == gently
        assert process.wait() == -(signal.SIGTERM if gently else signal.SIGKILL)
        assert known.end(signal.SIGTERM, 0), "an ended one needs no killing"


@pytest.mark.process
def test_a_number_that_was_given_to_another_is_left_alone(home: Path) -> None:
    with child(OBEDIENT) as stranger:
        earlier = {"pid": stranger.pid, "born": "another boot 1"}
        assert Process(**earlier).end(signal.SIGKILL, 0)  # type: ignore[arg-type]
        (home / "redis").mkdir()
        told = {"process": earlier, "endpoint": {"url": "redis://127.0.0.1:1/0", "unix": ""}}
        (home / "redis" / "state.json").write_text(json.dumps(told))
        assert status(Redis()).state == "down"
        assert not down(Redis())
        assert stranger.poll() is None and Process.of(stranger.pid).alive


def test_a_torn_state_is_told(home: Path) -> None:
    (home / "redis").mkdir()
    (home / "redis" / "state.json").write_text("{")
    with pytest.raises(DoorError, match=r"state\.json cannot be read"):
        status(Redis())
    (home / "redis" / "state.json").unlink()


def test_an_unknown_name_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["services", "status", "mongodb"]) == 2
    assert capsys.readouterr().err == "lab services: no service mongodb; there are redis, postgres, nginx\n"


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["services", "--help"])
    said = capsys.readouterr().out
    assert all(word in said for each in SERVICES.values() for word in (each.name, each.variable))
    assert all(word in said for word in ("--json", "--no-install", "IMLAB_SERVICES"))


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("redis", "redis://:secret@127.0.0.1:1/0", "nobody answers at 127.0.0.1:1"),
        ("redis", "mongodb://127.0.0.1", "no address of a Redis"),
        ("nginx", "http://127.0.0.1:1", "nobody answers at 127.0.0.1"),
        ("nginx", "nginx", "no address of an HTTP server"),
    ],
)
def test_a_named_endpoint_that_does_not_answer_is_told(
    name: str, url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = service_called(name)
    monkeypatch.setenv(wanted.variable, url)
    found = status(wanted)
    assert (found.state, found.pid) == ("silent", 0) and said in found.detail and "secret" not in found.detail
    with pytest.raises(DoorError, match=said):
        up(wanted)


def test_a_directory_that_is_closed_on_the_way_is_found(tmp_path: Path) -> None:
    (tmp_path / "open" / "inner").mkdir(parents=True)
    tmp_path.chmod(0o700)
    first = closed(tmp_path / "open" / "inner")
    assert first is not None and tmp_path.is_relative_to(first)
    assert closed(Path("/usr/bin/env")) is None
    assert closed(Path("/etc/passwd")) == Path("/etc/passwd"), "nobody runs it"


@pytest.mark.parametrize("wanted", EACH)
def test_a_private_server_answers_and_leaves_nothing(wanted: Service, quiet: None) -> None:
    need_service(wanted.name, of_ours=True)
    with private(wanted) as server:
        assert server.version.split()[0] in {"Redis", "Valkey", "PostgreSQL", "nginx"}
        assert wanted.ask(server.endpoint.url) == server.version
        runs_for = Path(f"/proc/{server.process.pid}").stat().st_uid
        assert runs_for == os.geteuid() if os.geteuid() else runs_for != 0, "root's servers run for nobody"
        assert server.directory.exists()
    assert not server.process.alive
    assert not server.directory.parent.exists()


@pytest.mark.parametrize("wanted", EACH)
def test_whoever_started_it_may_be_killed(wanted: Service, quiet: None) -> None:
    need_service(wanted.name, of_ours=True)
    code = f"""
import sys
from imlab.stack.services.private import private
from imlab.stack.services.table import service_called
with private(service_called({wanted.name!r})) as server:
    print(server.process.pid, server.directory.parent, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as starter:
        assert starter.stdout
        pid, directory = starter.stdout.readline().split()
        guard = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        guard_ends, server_ends = wait_for_end(guard), wait_for_end(int(pid))
        starter.kill()
    server_ends()
    guard_ends()
    assert not Path(directory).exists()


@pytest.mark.parametrize("wanted", EACH)
def test_a_taken_port_is_told_apart_from_other_failures(wanted: Service, open_directory: Path, quiet: None) -> None:
    """Another port is tried only then: each server must say it in these words."""
    need_service(wanted.name, of_ours=True)
    with private(Redis()) as stranger:
        port = urlsplit(stranger.endpoint.url).port
        assert port is not None and stranger.process.listens(port) and not stranger.process.listens(free_port())
        start = prepared(wanted, engine_of(wanted), open_directory, account(), port)
        for words in (*start.first, start.command):
            done = subprocess.run(words, stdin=-3, stdout=-1, stderr=-2, text=True, cwd="/", **account().options())
    assert done.returncode != 0 and TAKEN in done.stdout.lower()


@pytest.mark.process
@pytest.mark.outside
def test_up_twice_is_one_server_and_down_ends_it(home: Path) -> None:
    need_service("redis", of_ours=True)
    command = [sys.executable, "-m", "imlab", "services"]
    both = [subprocess.Popen([*command, "up", "redis", "--json"], stdout=-1, stderr=-3) for _ in range(2)]
    said = [json.loads(each.communicate()[0])[0] for each in both]
    assert said[0] == said[1]
    assert said[0].keys() == {"name", "state", "url", "unix", "pid", "detail", "log"}
    known = Process.of(said[0]["pid"])
    asked = json.loads(subprocess.check_output([*command, "status", "redis", "--json"]))
    assert asked == [said[0]] and asked[0]["state"] == "up"
    assert up(Redis()).pid == known.pid
    subprocess.run([*command, "down", "redis"], check=True, stderr=-3)
    assert not known.alive
    assert subprocess.run([*command, "status", "redis"], stdout=-3).returncode == 1
    assert not down(Redis())


@pytest.mark.process
@pytest.mark.outside
def test_a_server_that_was_killed_is_started_again(home: Path) -> None:
    need_service("redis", of_ours=True)
    first = up(Redis())
    Process.of(first.pid).end(signal.SIGKILL, 60)
    assert status(Redis()).state == "down"
    second = up(Redis())
    assert (second.state, first.pid == second.pid) == ("up", False)


@pytest.mark.process
@pytest.mark.outside
def test_a_failed_start_shows_the_end_of_its_log_and_leaves_nothing(home: Path) -> None:
    need_service("redis", of_ours=True)
    for start in (lambda: up(Redis(policy="nonsense")), lambda: private(Redis(policy="nonsense")).__enter__()):
        with pytest.raises(DoorError, match="maxmemory-policy"):
            start()
    assert status(Redis()) == Status("redis", "down", Endpoint(""))


@pytest.mark.process
@pytest.mark.outside
def test_what_postgres_was_told_outlives_it(home: Path) -> None:
    need_service("postgres", of_ours=True)
    wanted = service_called("postgres")

    def sql(found: Status, statement: str, near: bool) -> str:
        url = found.endpoint.unix if near else found.endpoint.url
        return subprocess.check_output([next(PSQL()).program, "-wXAtqc", statement, url], text=True)

    sql(up(wanted), "CREATE TABLE kept AS SELECT 42 AS answer", near=False)
    assert down(wanted)
    assert sql(up(wanted), "SELECT answer FROM kept", near=True) == "42\n"


@pytest.mark.process
@pytest.mark.outside
def test_a_cluster_that_was_left_half_made_is_made_anew(home: Path) -> None:
    need_service("postgres", of_ours=True)
    (home / "postgres").mkdir()
    for part in ("data", "data/made", "data/made/base"):
        account().own(home / "postgres" / part)
    assert up(Postgres(fsync="off")).state == "up"


@pytest.mark.process
@pytest.mark.outside
def test_an_endpoint_of_the_environment_is_asked_and_nothing_is_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_service("redis", of_ours=True)
    with private(Redis()) as server:
        monkeypatch.setenv("IMLAB_REDIS", server.endpoint.url)
        expected = Status("redis", "named", Endpoint(server.endpoint.url), 0, server.version)
        assert status(Redis()) == up(Redis()) == expected
        with service("redis") as endpoint:
            assert endpoint.url == server.endpoint.url
        assert not down(Redis()) and server.process.alive
        assert list(home.iterdir()) == []
        monkeypatch.setenv("IMLAB_NGINX", server.endpoint.url.replace("redis:", "http:"))
        assert status(Nginx()).state == "silent", "a Redis is no nginx"


@pytest.mark.process
@pytest.mark.outside
def test_what_nginx_took_it_gives(quiet: None) -> None:
    need_service("nginx", of_ours=True)
    with private(Nginx()) as server:
        where = urlsplit(server.endpoint.url).netloc
        answers = []
        for method, body in (("PUT", b"a note"), ("GET", None)):
            with closing(HTTPConnection(where)) as connection:
                connection.request(method, "/room/note.ogg", body)
                answer = connection.getresponse()
                answers.append((answer.status, answer.read()))
    if answers[0][0] != 405:  # one that was built without WebDAV takes nothing
        assert answers[0][0] == 201 and answers[1] == (200, b"a note")


@pytest.mark.process
@pytest.mark.outside
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers for others: sudo ./lab test --outside")
def test_an_engine_that_others_cannot_reach_is_copied(tmp_path: Path, open_directory: Path) -> None:
    need_service("redis", of_ours=True)
    source = engine_of(Redis()).program
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    program = hidden / "server"
    program.write_bytes(source.read_bytes())
    program.chmod(0o755)
    reached = within_reach(Engine(program, hidden, "wheel"), account(), open_directory)
    told = subprocess.check_output([reached.program, "--version"], cwd="/", text=True, **account().options())
    assert "server" in told and reached.program != program
    assert Redis().command(reached, Place(open_directory, 1))[0] == str(reached.program)


def test_no_service_is_named_twice() -> None:
    assert len({each.variable for each in SERVICES.values()}) == len(SERVICES)
    with pytest.raises(UsageError, match="there are redis"):
        service_called("valkey")


def test_the_doctor_tells_of_each_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMLAB_REDIS", "redis://:secret@127.0.0.1:1/0")
    told = {found.name: found for found in services()}
    assert list(told) == list(SERVICES)
    assert told["redis"].state == "missing" and told["redis"].install == "unset IMLAB_REDIS"
    assert "secret" not in told["redis"].detail
    assert all(found.install for found in told.values() if found.state != "here")
