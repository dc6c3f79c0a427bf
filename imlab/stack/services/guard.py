"""Run a server for whoever holds our standard input, and leave nothing of it behind.

    python -I -S guard.py JSON      {"folder", "user", "group", "first", "command", "stop", "patience_s"}

``first`` are commands to be run to their end; then the server's number is told as one line on standard output. The
server ends by itself, or the holder of our standard input does (a crash, Ctrl-C and kill -9 all look like that):
then it is asked to finish, and killed where it does not. Either way whatever came of it is killed and reaped, and the
folder is removed.

We are a child subreaper (prctl(2)), so orphans of any depth become our children, and ending these until there are
none ends them all; see also imlab/lab/running/warden.py, which is as thorough but less patient. Run by path without
site packages, it imports nothing of imlab, starts in milliseconds and sleeps while the server runs.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def main(folder: str, first: list[list[str]], command: list[str], stop: int, patience_s: float, **user: Any) -> int:
    """The exit code of whatever ended by itself; 0 when the holder ended it."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: it is for our holder
    try:
        for words in first:
            code = _guarded(words, stop, patience_s, user, told=False)
            if code is None or code:
                return code or 0
        return _guarded(command, stop, patience_s, user, told=True) or 0
    finally:
        _sweep()
        shutil.rmtree(folder, ignore_errors=True)


def _guarded(command: list[str], stop: int, patience_s: float, user: dict[str, Any], told: bool) -> int | None:
    """Its exit code; None: the holder went."""
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, preexec_fn=_die_with_parent, process_group=0, **user
    )
    if told:
        print(child.pid, flush=True)  # noqa: T201 - our one line of output
    handle = os.pidfd_open(child.pid)
    ready, _, _ = select.select([handle, sys.stdin.fileno()], [], [])
    if handle in ready:
        return child.wait()
    child.send_signal(stop)
    if not select.select([handle], [], [], patience_s)[0]:
        child.kill()
    child.wait()
    return None


def _sweep() -> None:
    """Kill and reap children until none is left, orphans that arrive meanwhile included."""
    while left := [pid for pid in _numbers() if _parent(pid) == os.getpid()]:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _numbers() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _parent(pid: int) -> int | None:
    """Of a process that may just have ended (proc_pid_stat(5): name, then state, then parent)."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _die_with_parent() -> None:
    """Between fork and exec: should even the guard be killed, the server goes with it."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


_LIBC = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    raise SystemExit(main(**json.loads(sys.argv[1])))
