"""Network namespaces (namespaces(7), network_namespaces(7)) without names: they end with whoever holds them.

A namespace that `ip netns add` makes is a mount in the file system and survives every crash. Ours is never mounted:
it lives while a process inside it, or a descriptor of it, lives, and the kernel removes it, its devices and its
routes afterwards, kill -9 included. Its number (the inode of ``/proc/PID/ns/net``) tells whose process lives where.

Being in a namespace is a property of a thread, and of what that thread makes meanwhile: a socket stays in the
namespace that it was made in, a child process in that of the thread that started it.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imlab.errors import DoorError

CLONE_NEWNET = 0x40000000  # linux/sched.h
HERE = "/proc/thread-self/ns/net"
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)  # a process that ends while it is looked at

_LIBC = ctypes.CDLL(None, use_errno=True)


def leave() -> int:
    """Move this thread into a namespace of its own, empty and new; a descriptor of it."""
    _call(_LIBC.unshare, CLONE_NEWNET)
    return os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def inside(place: str | int) -> Iterator[None]:
    """This thread is in the namespace, a path or a descriptor, while the block lasts, and back afterwards."""
    home = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
    there = _opened(place)
    try:
        _call(_LIBC.setns, there, CLONE_NEWNET)
        try:
            yield
        finally:
            _call(_LIBC.setns, home, CLONE_NEWNET)
    finally:
        os.close(home)
        os.close(there)


def number(descriptor: int) -> int:
    """The inode of a namespace: unique among those that live."""
    return os.fstat(descriptor).st_ino


def inhabitants(numbers: Collection[int], but: Collection[int] = ()) -> list[int]:
    """Processes whose main thread is in one of the namespaces, except ``but``."""
    names = {f"net:[{number}]" for number in numbers}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in but:
            with suppress(*GONE):
                if str((entry / "ns/net").readlink()) in names:
                    found.append(int(entry.name))
    return found


def sweep(numbers: Collection[int], but: Collection[int] = ()) -> int:
    """Kill whoever lives in the namespaces until nobody does; how many that were.

    No stranger can be hit: a process gets into a namespace without a name only by being started in it.
    """
    killed: set[int] = set()
    while left := inhabitants(numbers, but):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.update(left)
        os.sched_yield()
    return len(killed)


def setting(name: str, value: str | None = None) -> str:
    """A network setting (sysctl) of the namespace that this thread is in, as in ``ipv4/tcp_congestion_control``."""
    place = Path("/proc/sys/net", name)
    try:
        if value is not None:
            place.write_text(value)
        return place.read_text().strip()
    except OSError as error:
        raise DoorError(f"{place} cannot be set to {value}: {error.strerror}") from error


def _opened(place: str | int) -> int:
    if isinstance(place, int):
        return os.dup(place)
    try:
        return os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DoorError(f"the namespace {place} is gone: the process that held it has ended") from error


def _call(function: Callable[..., int], *arguments: int) -> None:
    if function(*arguments) != 0:
        why = os.strerror(ctypes.get_errno())
        raise DoorError(f"network namespaces need root (CAP_SYS_ADMIN): {why}")
