"""A server of one's own, for a test or a study: started in a directory that is gone afterwards, as is the server.

However the process that asked for it ends, nothing is left: a guard between the two sees to it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imlab.errors import DoorError
from imlab.stack.services.account import Account, account
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
from imlab.stack.services.table import service_called

GUARD = Path(__file__).with_name("guard.py")
TO_STOP_S = 10.0  # after which it is killed


@dataclass(frozen=True, slots=True)
class Private:
    """A server that answers. version: who it says it is."""

    endpoint: Endpoint
    process: Process
    version: str
    directory: Path

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.process.end(signal.SIGKILL, TO_STOP_S)


@contextmanager
def service(name: str) -> Iterator[Endpoint]:
    """The one that the environment names, else a private one of the usual settings."""
    wanted = service_called(name)
    if url := named(wanted):
        wanted.ask(url)
        yield Endpoint(url)
        return
    with private(wanted) as server:
        yield server.endpoint


@contextmanager
def private(wanted: Service) -> Iterator[Private]:
    """A new one in a temporary directory, in a process of its own."""
    supported()
    engine, who = engine_of(wanted), account()
    with tempfile.TemporaryFile() as log:  # without a name: it is gone with us, however we end
        for port in tries():
            guard, start = _guarded(wanted, engine, who, port, log.fileno())
            try:
                server = _answering(wanted, guard, start, Path(f"/proc/self/fd/{log.fileno()}"))
                if server is not None:
                    yield server
                    return
            finally:
                _let_go(guard)
    raise DoorError(f"no port stayed free for {wanted.name}")


def _answering(wanted: Service, guard: subprocess.Popen[bytes], start: Start, log: Path) -> Private | None:
    """None: its port was taken by someone else meanwhile."""
    try:
        process = _told(guard, wanted, log)
        version = answering(wanted, start.endpoint.url, process, log, 0)
    except DoorError as error:
        if TAKEN in str(error).lower():
            return None
        raise
    return Private(start.endpoint, process, version, start.place.directory)


def _guarded(
    wanted: Service, engine: Engine, who: Account, port: int, log: int
) -> tuple[subprocess.Popen[bytes], Start]:
    home = Path(tempfile.mkdtemp(prefix=f"imlab-{wanted.name}-"))
    home.chmod(0o711 if who.other else 0o700)
    start = prepared(wanted, engine, home, who, port)
    return _guard(start, home, who, wanted.stop, log), start


def _guard(start: Start, home: Path, who: Account, stop: signal.Signals, log: int) -> subprocess.Popen[bytes]:
    told = {
        "folder": str(home),
        "first": start.first,
        "command": start.command,
        "stop": int(stop),
        "patience_s": TO_STOP_S,
        **who.options(),
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(GUARD), json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd="/",
        process_group=0,
    )


def _told(guard: subprocess.Popen[bytes], wanted: Service, log: Path) -> Process:
    """Which process the server is, once all before it is done."""
    assert guard.stdout
    line = guard.stdout.readline()
    if not line:
        raise DoorError(f"{wanted.name} did not start: {last_words(log)}")
    try:
        return Process.of(int(line))
    except DoorError as error:  # it is gone already
        raise DoorError(f"{wanted.name} did not start: {last_words(log)}") from error


def _let_go(guard: subprocess.Popen[bytes]) -> None:
    """Close the lifeline, and wait until all is gone."""
    assert guard.stdin and guard.stdout
    guard.stdin.close()
    guard.wait(2 * TO_STOP_S)
    guard.stdout.close()
