"""Servers that stay: started once, found again from any process, stopped by their number and birth.

Each has a home in the services' directory: ``data``, ``log``, ``state.json`` (what runs) and ``lock`` (one at a time).
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from imlab.errors import DoorError, UsageError
from imlab.stack.data_directory import data_directory
from imlab.stack.services.account import Account, account, closed
from imlab.stack.services.contract import Endpoint, Engine, Service
from imlab.stack.services.process import Process
from imlab.stack.services.starting import (
    TAKEN,
    Start,
    answering,
    engine_of,
    last_words,
    named,
    prepared,
    supported,
    tries,
)

TO_STOP_S = 20.0  # after which it is killed
TO_PREPARE_S = 120.0  # for initdb, which takes 0.5 s on an idle machine
OF_ROOT = Path("/var/lib/imlab/services")  # root's own home is closed to those whom its servers run for


@dataclass(frozen=True, slots=True)
class Status:
    """state: "named" (by the environment), "up", "silent" (it runs but does not answer) or "down".

    endpoint: of whoever answers, or should. detail: who answers; or why nobody does; "" where nothing was started.
    """

    name: str
    state: str
    endpoint: Endpoint
    pid: int = 0
    detail: str = ""
    log: str = ""


def services_directory() -> Path:
    """IMLAB_SERVICES, or a place in the user's data directory."""
    if told := os.environ.get("IMLAB_SERVICES"):
        return Path(told).absolute()
    return OF_ROOT if os.geteuid() == 0 and not os.environ.get("IMLAB_DATA") else data_directory() / "services"


def status(service: Service) -> Status:
    """What answers now; nothing is started or written."""
    if url := named(service):
        return _asked(service, "named", Endpoint(url))
    running = _running(service)
    if running is None:
        return Status(service.name, "down", Endpoint(""))
    process, endpoint = running
    return _asked(service, "up", endpoint, process.pid, str(_home(service) / "log"))


def up(service: Service) -> Status:
    """Started unless it runs; when this returns it answers. DoorError with the end of its log when it does not."""
    if named(service):
        return _must_answer(status(service))
    supported()
    with _alone(service):
        running = _running(service)
        if running is None:
            _start(service, engine_of(service), account())
        else:
            process, endpoint = running
            answering(service, endpoint.url, process, _home(service) / "log", 0)
        return _must_answer(status(service))


def down(service: Service) -> bool:
    """Stopped, if we started it; whether there was anything to stop."""
    if not (_home(service) / "state.json").exists():
        return False
    supported()
    with _alone(service):
        running = _running(service)
        if running is not None:
            running[0].end(service.stop, TO_STOP_S)
        (_home(service) / "state.json").unlink(missing_ok=True)
        return running is not None


def _asked(service: Service, state: str, endpoint: Endpoint, pid: int = 0, log: str = "") -> Status:
    try:
        return Status(service.name, state, endpoint, pid, service.ask(endpoint.url), log)
    except (DoorError, UsageError) as error:  # of the environment's endpoint: it may be no URL at all
        return Status(service.name, "silent", endpoint, pid, str(error), log)


def _must_answer(found: Status) -> Status:
    if found.state == "silent":
        raise DoorError(f"{found.name}: {found.detail}")
    return found


def _start(service: Service, engine: Engine, who: Account) -> None:
    home = _home(service)
    if who.other and (shut := closed(home)):
        raise DoorError(f"root's servers run for others, to whom {shut} is closed: IMLAB_SERVICES=DIR names a place")
    log = home / "log"
    for port in tries():
        start = prepared(service, engine, home, who, port)
        begin = log.stat().st_size if log.exists() else 0
        process = _launched(service, start, home, who)
        try:
            answering(service, start.endpoint.url, process, log, begin)
        except BaseException as error:
            process.end(service.stop, TO_STOP_S)
            (home / "state.json").unlink(missing_ok=True)
            if isinstance(error, DoorError) and TAKEN in str(error).lower():
                continue
            raise
        return
    raise DoorError(f"no port stayed free for {service.name}")


def _launched(service: Service, start: Start, home: Path, who: Account) -> Process:
    """The server runs, in a session of its own, and its state is written; it may not answer yet."""
    with (home / "log").open("ab") as log:
        try:
            usual = {"cwd": "/", "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **who.options()}
            for words in start.first:
                subprocess.run(words, check=True, timeout=TO_PREPARE_S, **usual)
            begun = subprocess.Popen(start.command, start_new_session=True, **usual)
        except (OSError, subprocess.SubprocessError) as error:
            raise DoorError(f"{service.name} cannot be started: {error}; {last_words(home / 'log')}") from error
    process = Process.of(begun.pid)
    told = {"process": asdict(process), "endpoint": asdict(start.endpoint), "program": str(start.engine.program)}
    (home / "state.new").write_text(json.dumps(told))
    (home / "state.new").replace(home / "state.json")
    return process


def _running(service: Service) -> tuple[Process, Endpoint] | None:
    """What the state tells, if that very process still runs."""
    try:
        told = json.loads((_home(service) / "state.json").read_text())
        process, endpoint = Process(**told["process"]), Endpoint(**told["endpoint"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DoorError(f"{_home(service) / 'state.json'} cannot be read: {error}; remove it") from error
    return (process, endpoint) if process.alive else None


def _home(service: Service) -> Path:
    return services_directory() / service.name


@contextmanager
def _alone(service: Service) -> Iterator[None]:
    """One of us at a time; another waits. The system lets go for one who dies."""
    home = _home(service)
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = (home / "lock").open("ab")
    except OSError as error:
        raise DoorError(f"cannot use {home}: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
