"""A server in a process of its own, which ends with whoever started it.

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
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from imlab.errors import DoorError

STARTING = 30.0  # seconds until it must be ready; 0.5 when the machine is idle
STOPPING = 30.0  # seconds until it must have stopped


class Running:
    """A process that accepts connections. As a context it is stopped at the end. ready: what its first line told."""

    def __init__(self, called: str, words: Sequence[str]) -> None:
        self._called = called
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - as long-lived as the process that writes it
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            process_group=0,  # Ctrl-C in a terminal is for us; we stop it
        )
        self._last_words = ""  # the end of what it wrote to stderr, on one line, once it has ended
        self.ready: dict[str, Any] = self._hear()
        self.pid = self._process.pid

    def stop(self) -> None:
        """Ask it to finish, and wait; DoorError when it did not end well."""
        self._end(signal.SIGTERM)
        if self._process.returncode != 0:
            raise DoorError(f"{self._called} ended with {self._process.returncode}: {self._last_words}")

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.returncode is None:
            self.stop()

    def _hear(self) -> dict[str, Any]:
        """The ready line, one JSON object."""
        assert self._process.stdout
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if waiting.select(STARTING) else b""
        if not line:
            self.kill()
            raise DoorError(f"{self._called} did not start: {self._last_words}")
        told: dict[str, Any] = json.loads(line)
        return told

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
