"""Run one command, and leave nothing of it behind.

    python -I -S warden.py LIMIT_S FOLDER COMMAND...

The command ends by itself, or runs past its limit, or whoever started the warden dies (its end of our standard
input closes: a crash, Ctrl-C and kill -9 all look like that). Whichever comes first, every process that came of
the command is killed and reaped, FOLDER is removed, and what happened is told as one line of JSON on standard
output.

How can it be sure? It is a child subreaper (prctl(2)): orphans of any depth become its own children. Killing its
direct children until it has none therefore ends the whole tree, sessions and process groups notwithstanding, and
no stranger can be hit: the number of a child that was not yet reaped is not given to another process.

Run by path without site packages, so it imports nothing of imlab: it starts in milliseconds and never wakes while
the command runs.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def main(limit_s: float, folder: str, command: list[str]) -> None:
    """Guard the command to its end and tell it."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    begin = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, preexec_fn=_die_with_parent)
    why = _wait(child.pid, limit_s)
    if why != "ended":
        child.kill()
    code = child.wait()
    seconds = time.monotonic() - begin
    left = _sweep()
    shutil.rmtree(folder, ignore_errors=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"why": why, "code": code, "seconds": seconds, "leftovers": left}
    told |= {"cpu_s": used.ru_utime + used.ru_stime, "switches": used.ru_nivcsw}
    print(json.dumps(told), flush=True)  # noqa: T201 - the warden's one line of output


def _wait(pid: int, limit_s: float) -> str:
    """Sleep until the command ends, its time is up, or our starter is gone."""
    handle = os.pidfd_open(pid)
    ready, _, _ = select.select([handle, sys.stdin.fileno()], [], [], limit_s)
    if handle in ready:
        return "ended"
    return "abandoned" if ready else "late"


def _sweep() -> int:
    """Kill and reap children until none is left, orphans that arrive meanwhile included; tell how many lived."""
    count = 0
    while left := _children():
        for pid, state in left.items():
            count += state != "Z"
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return count


def _children() -> dict[int, str]:
    """Our direct children and their states, the not yet reaped included (proc(5): name, then state, then parent)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we were looking
            if int(parent) == os.getpid():
                found[int(entry.name)] = state
    return found


def _die_with_parent() -> None:
    """Between fork and exec: should even the warden be killed, the command goes with it."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


_LIBC = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], sys.argv[3:])
