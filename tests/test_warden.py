"""Whatever ends a command, the warden leaves nothing of it: no process in any session, no folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imlab.lab.running import warden

pytestmark = pytest.mark.process

LONER = "setsid sleep 600 & echo $! > {pipe}; "  # a grandchild in a session of its own; told before going on


class Guarded:
    """A command under a warden, and a pipe by which it tells of its loner."""

    def __init__(self, home: Path, script: str, limit_s: float = 60.0) -> None:
        self.pipe, self.folder = home / "pipe", home / "scratch"
        os.mkfifo(self.pipe)
        (self.folder / "deep").mkdir(parents=True)
        command = ["sh", "-c", script.format(pipe=self.pipe)]
        words = [sys.executable, "-I", "-S", warden.__file__, str(limit_s), str(self.folder), *command]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

    def loner(self) -> int:
        """The process id of the grandchild, once it was started."""
        return int(self.pipe.read_text())

    def told(self) -> dict[str, Any]:
        """What the warden says at the end."""
        assert self.process.stdout is not None and self.process.stdin is not None
        said: dict[str, Any] = json.loads(self.process.stdout.read())
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        return said


def gone(pid: int) -> bool:
    """Whether no such process is there."""
    return not Path(f"/proc/{pid}").exists()


def test_a_command_that_ends_is_told_as_it_ended(tmp_path: Path) -> None:
    told = Guarded(tmp_path, "exit 3").told()
    assert (told["why"], told["code"], told["leftovers"]) == ("ended", 3, 0)
    assert told["seconds"] > 0 and told["cpu_s"] >= 0


def test_what_a_command_leaves_is_ended_with_it(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, LONER + "exit 0")
    pid, told = guarded.loner(), guarded.told()
    assert (told["why"], told["leftovers"]) == ("ended", 1)
    assert gone(pid) and not guarded.folder.exists()


def test_a_command_past_its_limit_is_killed_with_its_tree(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, LONER + "wait", limit_s=1.0)
    pid, told = guarded.loner(), guarded.told()
    assert (told["why"], told["code"], told["leftovers"]) == ("late", -9, 1)
    assert gone(pid) and not guarded.folder.exists()


def test_a_starter_that_dies_takes_everything_with_it(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, LONER + "wait")
    pid = guarded.loner()
    assert guarded.process.stdin is not None
    guarded.process.stdin.close()  # all that the kernel does for a starter that was killed
    told = guarded.told()
    assert (told["why"], told["leftovers"]) == ("abandoned", 1)
    assert gone(pid) and not guarded.folder.exists()
