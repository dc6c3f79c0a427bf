"""The object store in a process of its own, which ends with whoever started it: its stdin is the lifeline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imlab.errors import DoorError
from imlab.stack.service.first_byte import FirstByte

PATIENCE_S = 10.0  # until it must have ended


@dataclass(frozen=True, slots=True)
class ObjectProcess:
    """It answers at url."""

    url: str
    pid: int


@contextmanager
def object_store(
    directory: Path, first_byte: FirstByte, port: int = 0, below: Path | None = None
) -> Iterator[ObjectProcess]:
    """It serves this directory and the one below it, inside. port 0: a free one."""
    words = [sys.executable, "-P", "-m", "imlab.stack.service.object_store", str(directory), "--port", str(port)]
    words += ["--low-s", str(first_byte.low_s), "--high-s", str(first_byte.high_s), "--seed", str(first_byte.seed)]
    words += ["--below", str(below)] if below else []
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
    assert process.stdin and process.stdout
    try:
        line = process.stdout.readline()
        if not line:
            raise DoorError(f"the object store of {directory} did not start: it says why above")
        told = json.loads(line)
        yield ObjectProcess(f"http://{told['address']}", told["pid"])
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
