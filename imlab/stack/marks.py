"""Marks to a file, one JSON object a line: taken in an instant, written by a thread of their own every second."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread

from imlab.errors import DoorError
from imlab.trace import Mark

EVERY = 1.0  # seconds; what a killed process can lose of its marks


class MarksFile:
    """A Trace; ``close`` writes what is left."""

    def __init__(self, path: Path) -> None:
        self._marks: deque[Mark] = deque()
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise DoorError(f"cannot write marks to {path}: {error.strerror}") from error
        self._closing = Event()
        self._thread = Thread(target=self._run, name="marks", daemon=True)  # no process waits for one who forgot us
        self._thread.start()

    def __call__(self, mark: Mark) -> None:
        self._marks.append(mark)

    def close(self) -> None:
        """Write what is left."""
        self._closing.set()
        self._thread.join()
        self._file.close()

    def _run(self) -> None:
        while not self._closing.wait(EVERY):
            self._write()
        self._write()

    def _write(self) -> None:
        while self._marks:
            self._file.write(json.dumps(asdict(self._marks.popleft())) + "\n")
        self._file.flush()


def read_marks(path: Path) -> Iterator[Mark]:
    """The marks in a file, in the order in which they were made."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):  # a killed process may leave half a line
                yield Mark(**json.loads(line))
