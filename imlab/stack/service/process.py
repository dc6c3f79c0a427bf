"""The service in a process of its own, from a plan; it ends with whoever started it: its stdin is the lifeline."""

from __future__ import annotations

import json
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

from imlab.errors import DoorError
from imlab.net.web.metrics import read_counters
from imlab.stack.service.plan import Ready, ServicePlan, plan_told

STARTING_S = 30.0  # until it must be ready: 0.3 s on an idle machine, and what warming takes
STOPPING_S = 15.0  # until it must have stopped: requests under way get 5 s


class RunningService:
    """A service that accepts connections. As a context it is stopped at the end."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
        self._process, self._complaints = process, complaints
        self._last_words = ""  # the end of what it wrote to stderr, on one line, once it has ended
        ready = self._hear()
        self.address, self.pid = ready.service, ready.pid

    def counters(self) -> Mapping[str, float]:
        """All that it counts, by name."""
        where = urlsplit(self.address)
        asking = HTTPConnection(str(where.hostname), where.port, timeout=10)
        try:
            asking.request("GET", "/metrics")
            answer = asking.getresponse()
            said = answer.read().decode()
        except (OSError, HTTPException) as error:
            raise DoorError(f"the service at {self.address} does not tell its counters: {error}") from error
        finally:
            asking.close()
        if answer.status != 200:
            raise DoorError(f"the service at {self.address} does not tell its counters: {answer.status} {said:.200}")
        return read_counters(said)

    def stop(self) -> None:
        """Ask it to finish, and wait; DoorError when it did not end well."""
        self._end(signal.SIGTERM)
        if self._process.returncode != 0:
            raise DoorError(f"the service ended with {self._process.returncode}: {self._last_words}")

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.returncode is None:
            self.stop()

    def _hear(self) -> Ready:
        """The ready line."""
        assert self._process.stdout
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if waiting.select(STARTING_S) else b""
        if not line:
            self.kill()
            raise DoorError(f"the service did not start: {self._last_words}")
        return Ready(**json.loads(line))

    def _end(self, number: signal.Signals) -> None:
        """Once: signal this one process, wait for it, and let go of what we held of it."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").split("\n")
        self._last_words = " / ".join(line.strip() for line in lines if line.strip())[-500:] or "it said nothing"
        for file in (self._process.stdin, self._process.stdout, self._complaints):
            if file:
                file.close()


def start(plan: ServicePlan) -> RunningService:
    """A fresh process; it accepts connections when this returns."""
    complaints = tempfile.TemporaryFile()  # noqa: SIM115 - as long-lived as the process that writes it
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "imlab.stack.service.serving", plan_told(plan)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        process_group=0,  # Ctrl-C in a terminal is for us; we stop it
    )
    return RunningService(process, complaints)
