"""A process by its number and its birth: a number that was given to another since is never taken for it (Linux)."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imlab.errors import DoorError

BOOT = Path("/proc/sys/kernel/random/boot_id")
STATE, BORN = 0, 19  # fields of proc_pid_stat(5), after the name
ENDED = "ZX"
LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Process:
    """born: this boot of the machine, and clock ticks in it."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """The one that has this number now; it may have ended, if nobody has looked yet."""
        fields = _fields(pid)
        if not fields:
            raise DoorError(f"there is no process {pid}")
        return cls(pid, _born(fields))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        fields = _fields(self.pid)
        return bool(fields) and fields[STATE] not in ENDED and _born(fields) == self.born

    def listens(self, port: int) -> bool:
        """Whether this process, and not a stranger, waits for clients at 127.0.0.1:port."""
        ours = {f"socket:[{inode}]" for inode in _listening(port)}
        try:
            return any(str(each.readlink()) in ours for each in Path(f"/proc/{self.pid}/fd").iterdir())
        except FileNotFoundError:  # it, or one of its files, has just gone
            return False

    def end(self, ask: signal.Signals, patience_s: float) -> bool:
        """Ask it to finish; where it does not in time, kill it and its group. False: it had to be killed."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive:  # asked after the handle was taken: if it still is the one, so is what we hold
                return True
            signal.pidfd_send_signal(handle, ask)
            if _ended(handle, patience_s):
                return True
            self._kill(handle)
            _ended(handle, patience_s)
            return False
        finally:
            os.close(handle)

    def _kill(self, handle: int) -> None:
        """All of its group where it leads one: no worker outlives it."""
        with suppress(ProcessLookupError):
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(handle, signal.SIGKILL)


def _listening(port: int) -> list[str]:
    """Inodes of sockets that listen at this port of 127.0.0.1 (proc_net_tcp(5): hexadecimal, least byte first)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [line[9] for line in lines if line[1] == f"0100007F:{port:04X}" and line[3] == LISTEN]


def _ended(handle: int, patience_s: float) -> bool:
    """Wait for it; a pidfd is readable once its process has ended."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(patience_s * 1000))


def _born(fields: Sequence[str]) -> str:
    return f"{BOOT.read_text().strip()} {fields[BORN]}"


def _fields(pid: int) -> list[str]:
    """What /proc tells, from the state on; nothing: there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
