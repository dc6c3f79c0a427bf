"""A known server in a process of its own: ``python -m imlab.lab.known.server REQUEST``, or ``start`` from here.

REQUEST is a JSON object: the system as ``systems.told`` writes it, a seed, the size of requests in bytes. One ready
line of JSON tells port and pid. It ends when its standard input does, so never later than its parent.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from imlab.errors import DoorError, UsageError
from imlab.lab.known.clockwork import Clockwork
from imlab.lab.known.systems import System, heard, told
from imlab.lab.known.wire import SIZE, request
from imlab.lab.running.cores import Cores

STARTING = 30.0  # seconds until it must be ready; 0.2 when the machine is idle
STOPPING = 10.0  # seconds until it must have ended


@dataclass(frozen=True, slots=True)
class KnownServer:
    """A server that accepts connections on loopback."""

    port: int
    pid: int


@contextmanager
def start(system: System, seed: int = 0, cores: Cores | None = None, size: int = SIZE) -> Iterator[KnownServer]:
    """A fresh process that serves ``system``, on the system's ``cores``; it is ended with the context.

    The cost of request i is ``system.services(count, seed)[i]``; ``size`` is that of a request, in bytes.
    """
    request(size)
    asked = json.dumps({"system": told(system), "seed": seed, "size": size})
    with tempfile.TemporaryFile() as complaints:
        with (cores or Cores()).lent():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "imlab.lab.known.server", asked],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                process_group=0,  # Ctrl-C in a terminal is for us; we stop it
            )
        try:
            yield _ready(process)
        finally:
            _end(process)
            complaints.seek(0)
            if said := complaints.read().decode(errors="replace").strip():
                raise DoorError(f"the known server complained: {' / '.join(said.splitlines())[-500:]}")


def _ready(process: subprocess.Popen[bytes]) -> KnownServer:
    """What its ready line tells."""
    assert process.stdout
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if waiting.select(STARTING) else b""
    if not line:
        raise DoorError("the known server did not start")
    return KnownServer(**json.loads(line))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, and wait; end it by force when it does not listen."""
    assert process.stdin and process.stdout
    process.stdin.close()
    try:
        process.wait(STOPPING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def serve(asked: str, parent: IO[bytes], ready: IO[str]) -> None:
    """Serve what is asked until ``parent`` ends; tell the port on ``ready``."""
    try:
        said = json.loads(asked)
        system, seed, size = heard(said["system"]), int(said["seed"]), int(said["size"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"not a request for a known server: {asked}") from error
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        clockwork = Clockwork(system, seed, size, listener, parent)
        here = KnownServer(listener.getsockname()[1], os.getpid())
        ready.write(json.dumps(asdict(here)) + "\n")
        ready.flush()
        clockwork.run()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout)
