"""What a scenario storms: a server that is named, or one that is started for it and stopped after it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imlab.desk.measuring.places import ROOT
from imlab.errors import DoorError, UsageError
from imlab.stack.plan import ServerPlan
from imlab.stack.server import start

SCENARIOS = ROOT / "scenarios"
OF_THE_SERVICE = "old_and_new"  # the scenario that asks the service on trial; all others ask the product


def scenario(name: str) -> Path:
    """Its file, by name or by path."""
    path = SCENARIOS / f"{name.removesuffix('.py')}.py"
    if not path.exists():
        path = Path(name)
    if not path.is_file():
        there = ", ".join(sorted(one.stem for one in SCENARIOS.glob("*.py")))
        raise UsageError(f"no scenario {name!r}: there are {there}, or name a file")
    return path


@contextmanager
def asked(path: Path, host: str, preset: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The host, and the scenario's options that go with it."""
    if host:
        yield host, ()
    elif preset or path.stem == OF_THE_SERVICE:
        with _service(preset or "old") as address:
            yield address, ()
    else:
        with start(ServerPlan()) as server:
            yield server.media, ("--ws", server.ws)


@contextmanager
def _service(preset: str) -> Iterator[str]:
    """./lab serve --preset, in a process that ends with us."""
    words = [sys.executable, "-P", "-m", "imlab", "serve", "--preset", preset, "--http", "0", "--json", "--while-stdin"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
    assert process.stdin and process.stdout
    try:
        line = process.stdout.readline()
        if not line:
            raise DoorError(f"./lab serve --preset {preset} did not start: it says why above")
        yield json.loads(line)["service"]
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
