"""The process in the middle of a star: it holds the namespaces, takes each packet, and gives it back when it is due.

    python -m imlab.net.kernel.forwarder DESCRIPTOR PARENT

DESCRIPTOR is our end of a socket pair, over which the parent sends a Star first and orders afterwards. Three
processes watch each other's end through pidfd_open(2): the parent, the forwarder, and its guard, a fork of it. When
any of them dies, kill -9 included, whoever is left kills everything that lives in the namespaces and ends; the
kernel then takes namespaces and devices back. (All three killed in one instant leave the started commands alive,
in namespaces without a way out.)

Precision: the process asks for SCHED_FIFO, else for the best niceness, collects no garbage, sleeps until shortly
before the next packet is due and spins the rest.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NoReturn

from imlab.errors import DoorError, UsageError
from imlab.net.kernel import tcpcontrol
from imlab.net.kernel.device import leave_to_namespace, open_tun, overruns, raise_loopback
from imlab.net.kernel.namespaces import inside, leave, number, setting, sweep
from imlab.net.kernel.star import Star, Started
from imlab.net.kernel.switchboard import Port, Switchboard

DEVICE = "link0"
PRIORITY = 10  # of SCHED_FIFO, 1 to 99: above every usual process, below the kernel's own threads
PR_SET_TIMERSLACK = 29  # linux/prctl.h


def main(descriptor: int, parent: int) -> None:
    """Make the star, tell the parent, forward until the parent or the guard is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; we end when it does
    control: Connection = Connection(descriptor)
    star: Star = control.recv()
    try:
        watched = os.pidfd_open(parent)
        if os.getppid() != parent:
            return  # it died before we could watch it
        namespaces, ports = build(star)
        facts = {**hurry(star.core), **describe(namespaces)}
    except (DoorError, UsageError, OSError) as error:
        control.send(str(error))
        return
    guard = fork_guard(watched, parent, namespaces, [port.device for port in ports] + [descriptor])
    control.send(Started(namespaces, facts))
    gc.collect()
    gc.freeze()
    gc.disable()
    board = Switchboard(ports, star.seed, lambda: count_overruns(namespaces))
    board.run(control, [watched, os.pidfd_open(guard)])
    sweep({number(place) for place in namespaces.values()}, but=(parent, os.getpid(), guard))
    for port in ports:
        leave_to_namespace(port.device)
    with suppress(ProcessLookupError):
        os.kill(guard, signal.SIGKILL)
    os.waitpid(guard, 0)


def build(star: Star) -> tuple[Mapping[str, int], list[Port]]:
    """A namespace for each host, with loopback, device and settings; descriptors of both."""
    namespaces, ports = {}, []
    netmask = "255.254.0.0"
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    for name, path in star.paths:
        with inside(home):
            namespaces[name] = leave()
            setting("ipv6/conf/all/disable_ipv6", "1")  # its own packets would shift which of yours are lost
            setting("ipv4/tcp_no_metrics_save", "1")  # no connection inherits what an earlier one learned
            if star.congestion:
                tcpcontrol.choose(star.congestion)
            raise_loopback()
            address = star.addresses[name]
            ports.append(Port(name, address, open_tun(DEVICE, address, netmask, star.mtu), path))
    os.close(home)
    return namespaces, ports


def hurry(core: int | None) -> dict[str, object]:
    """Be served before others, on one core if asked; what was allowed."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)  # nanoseconds; real-time threads have none anyway
    return {"priority": raise_priority(), "core": core}


def raise_priority() -> str:
    """Real time if allowed, else the best niceness that is."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        return f"SCHED_FIFO {PRIORITY}"
    with suppress(PermissionError):
        os.nice(-20)
    return f"nice {os.nice(0)}"


def describe(namespaces: Mapping[str, int]) -> dict[str, object]:
    """What TCP does in the namespaces, and on which kernel."""
    congestion = {}
    for name, place in namespaces.items():
        with inside(place):
            congestion[name] = tcpcontrol.chosen()
            available = tcpcontrol.choosable()
    return {"congestion": congestion, "congestion_available": available, "kernel": os.uname().release}


def count_overruns(namespaces: Mapping[str, int]) -> int:
    """Packets that came faster than we read, over all hosts."""
    total = 0
    for place in namespaces.values():
        with inside(place):
            total += overruns(DEVICE)
    return total


def fork_guard(watched: int, parent: int, namespaces: Mapping[str, int], not_mine: list[int]) -> int:
    """A second pair of eyes; its process number. It must not hold the devices, or they would outlive us."""
    forwarder = os.getpid()
    watch_forwarder = os.pidfd_open(forwarder)
    guard = os.fork()
    if not guard:
        for descriptor in not_mine:
            os.close(descriptor)
        stand_guard(watched, watch_forwarder, {number(place) for place in namespaces.values()}, (parent, forwarder))
    os.close(watch_forwarder)
    return guard


def stand_guard(watched: int, forwarder: int, numbers: set[int], others: tuple[int, ...]) -> NoReturn:
    """Wait until the parent or the forwarder dies, then leave nobody alive in the namespaces."""
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        select.select([watched, forwarder], [], [])
        sweep(numbers, but=(*others, os.getpid()))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
