"""A server in a process of its own, from a plan; it ends with whoever started it.

Its stdin is the lifeline: the pipe breaks when this process ends, however it ends, and the server stops. (Linux's
PR_SET_PDEATHSIG would tie it to the thread that started it, which may end much earlier.)
"""

from __future__ import annotations

import json
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from types import TracebackType
from typing import IO, Self

from imlab.errors import DoorError
from imlab.net.web.downloads.hot import Warmth
from imlab.server.examination import Limits
from imlab.server.terms import Terms
from imlab.server.upload_terms import UploadTerms
from imlab.stack.plan import Ready, ServerPlan

STARTING = 30.0  # seconds until it must be ready; 0.5 when the machine is idle
STOPPING = 30.0  # seconds until it must have stopped


class RunningServer:
    """A server that accepts connections. As a context it is stopped at the end."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
        self._process, self._complaints = process, complaints
        self._last_words = ""  # the end of what it wrote to stderr, on one line, once it has ended
        ready = self._hear()
        self.ws, self.media, self.pid = ready.ws, ready.media, ready.pid

    def stop(self) -> None:
        """Ask it to finish, and wait; DoorError when it did not end well."""
        self._end(signal.SIGTERM)
        if self._process.returncode != 0:
            raise DoorError(f"the server ended with {self._process.returncode}: {self._last_words}")

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
            line = self._process.stdout.readline() if waiting.select(STARTING) else b""
        if not line:
            self.kill()
            raise DoorError(f"the server did not start: {self._last_words}")
        return Ready(**json.loads(line))

    def _end(self, number: signal.Signals) -> None:
        """Once: signal this one process, wait for it, and let go of what we held of it."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").split("\n")
        self._last_words = " / ".join(line.strip() for line in lines if line.strip())[-500:] or "it said nothing"
        for file in (self._process.stdin, self._process.stdout, self._complaints):
            if file:
                file.close()


def start(plan: ServerPlan) -> RunningServer:
    """A fresh process; it accepts connections when this returns."""
    complaints = tempfile.TemporaryFile()  # noqa: SIM115 - as long-lived as the process that writes it
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "imlab", "serve", *_arguments(plan)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        process_group=0,  # Ctrl-C in a terminal is for us; we stop it
    )
    return RunningServer(process, complaints)


def _arguments(plan: ServerPlan) -> Iterator[str]:
    yield from ("--json", "--while-stdin", "--host", plan.host, "--loop", plan.loop)
    yield from ("--ws", str(plan.ws_port), "--http", str(plan.http_port))
    yield from ("--data", str(plan.data)) if plan.data else ("--memory",)
    yield from ("--examine", plan.examine, "--bodies", plan.bodies)
    for name, value, usual in (
        ("--terms", plan.terms, Terms()),
        ("--uploads", plan.uploads, UploadTerms()),
        ("--limits", plan.limits, Limits()),
        ("--warmth", plan.warmth, Warmth()),
    ):
        if value != usual:
            yield from (name, json.dumps(asdict(value)))
    if plan.second_cache:
        yield from ("--cache", plan.second_cache)
    if plan.marks:
        yield from ("--marks", str(plan.marks))
    for name in plan.names:
        yield from ("--name", name)
    if plan.tls:
        yield from ("--tls", *map(str, plan.tls))
