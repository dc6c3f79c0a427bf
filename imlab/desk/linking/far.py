"""A server at the far end of a link: started, waited for until it listens, ended."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from imlab.desk.linking.owner import owner
from imlab.errors import DoorError, UsageError
from imlab.net.tun import Host

PATIENCE_S = 30.0  # for a server to listen; ours takes 1 s on a busy machine
LOOK_S = 0.02
TO_END_S = 5.0
LISTEN, UNCONNECTED = "0A", "07"  # states of TCP and of bound UDP in proc_net_tcp.rst of Linux


@contextmanager
def far_server(far: Host, command: Sequence[str]) -> Iterator[None]:
    """The command on the far host; its output goes to stderr, beside ours."""
    server = started(far, command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    _wait(server, command[0])
    try:
        yield
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):  # then the end of the network ends it
            server.wait(TO_END_S)


def started(host: Host, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """The command on the host, as whoever called sudo."""
    try:
        return host.popen(command, **options, **owner())
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be started: {error.strerror}") from error


def _wait(server: subprocess.Popen[Any], name: str) -> None:
    """Until something listens where the server runs."""
    end = time.monotonic() + PATIENCE_S
    while not _listens(server.pid):
        if server.poll() is not None:
            raise DoorError(f"{name} ended with code {server.returncode} before it listened at the far end")
        if time.monotonic() > end:
            raise DoorError(f"{name} does not listen at the far end after {PATIENCE_S:g} s")
        time.sleep(LOOK_S)


def _listens(pid: int) -> bool:
    """Whether any socket in the process's network waits for clients."""
    for table, state in (("tcp", LISTEN), ("tcp6", LISTEN), ("udp", UNCONNECTED), ("udp6", UNCONNECTED)):
        with suppress(OSError):  # it has just ended
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
            if any(line.split()[3] == state for line in lines):
                return True
    return False
