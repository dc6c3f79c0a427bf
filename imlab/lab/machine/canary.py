"""Four small loops of known work: what they cost now says how this machine feels, whatever is being measured on it.

    python -I -S canary.py FOLDER LOAD_CORES SYSTEM_CORES

cpu: 5,000 steps of a generator of random numbers, in plain Python. loopback: a byte there and back over TCP, to
a process on the system's cores. memory: a megabyte of two buffers that are, together, twice the last cache, but 64 MB
at most: a virtual machine is often shown the cache of its whole host. fsync: 4 kB appended to a file in FOLDER and
forced to its disk. Cores are numbers with commas; none: not pinned.

Costs are seconds per operation: the fastest, which is the machine at its best, the median, and where there are a
thousand operations the 99th percentile. A canary is compared with itself in the same run, never between machines.

Run by path without site packages, so it imports nothing of imlab; each loop is bounded in count and in time. What the
system refuses is told with its reason, in place of the numbers.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

NAMES = ("cpu", "loopback", "memory", "fsync")
MOST_S, TRIPS_S = 0.03, 0.09  # of a loop: all four, and the start of Python, stay under a quarter of a second
PATIENCE_S = 5.0  # with an echo: a machine that is this slow has its reason told
STEPS = 5_000
TRIPS = 1_000  # ten lie above the 99th percentile, as quantiles.py has it
BUFFERS = 64_000_000  # bytes, both together
COPIES, SYNCS, LOOPS = 5, 12, 15
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def main(folder: str, load: str, system: str) -> None:
    """Sing, and tell it as one line of JSON."""
    _pin(load)
    loops: Sequence[Callable[[], list[float]]] = (
        cpu, lambda: loopback(system), memory, lambda: fsync(Path(folder)),
    )  # fmt: skip
    told = [_told(name, loop) for name, loop in zip(NAMES, loops, strict=True)]
    print(json.dumps(told))  # noqa: T201 - the canary's one line of output


def cpu() -> list[float]:
    """Seconds for each round of the steps."""
    return list(_timed(_count, LOOPS))


def loopback(system: str = "") -> list[float]:
    """Seconds for each round trip of a byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        child = os.fork()
        if child == 0:
            _echo(listener.getsockname(), system)
        try:
            with listener.accept()[0] as line:
                line.settimeout(PATIENCE_S)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return list(_timed(lambda: _trip(line), TRIPS, TRIPS_S))
        finally:
            os.waitpid(child, 0)


def memory() -> list[float]:
    """Seconds to copy a megabyte, for each copy of the whole buffer."""
    size = max(1_000_000, min(BUFFERS // 2, _last_cache()))
    here, there = bytearray(size), memoryview(bytearray(size))
    there[:] = here  # the pages are given on first touch; that is not counted

    def copy() -> None:
        there[:] = here

    return [seconds / (size / 1e6) for seconds in _timed(copy, COPIES)]


def fsync(folder: Path) -> list[float]:
    """Seconds for each append of 4 kB until the disk has it."""
    place, block = folder / f"canary-{os.getpid()}", bytes(4096)
    with place.open("wb", buffering=0) as file:
        place.unlink()  # it has no name, so nobody needs to clean up

        def append() -> None:
            file.write(block)
            os.fdatasync(file.fileno())

        return list(_timed(append, SYNCS))


def _timed(work: Callable[[], None], most: int, most_s: float = MOST_S) -> Iterator[float]:
    """Once unseen, then until so many are done or the time is up."""
    work()
    until = time.perf_counter() + most_s
    for _ in range(most):
        begin = time.perf_counter()
        work()
        end = time.perf_counter()
        yield end - begin
        if end > until:
            return


def _told(name: str, loop: Callable[[], list[float]]) -> dict[str, Any]:
    """A canary's costs; its reason where the system refused."""
    try:
        seen = sorted(loop())
    except OSError as error:
        return {"name": name, "reason": f"{type(error).__name__}: {error.strerror or error}"}
    p99 = seen[-11] if len(seen) >= TRIPS else None
    return {"name": name, "fastest_s": seen[0], "median_s": statistics.median(seen), "p99_s": p99, "n": len(seen)}


def _count() -> None:
    """Marsaglia's xorshift, in 32 bits."""
    x = 2_463_534_242
    for _ in range(STEPS):
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF


def _trip(line: socket.socket) -> None:
    line.sendall(b"!")
    if not line.recv(1):
        raise ConnectionResetError("the echo is gone")


def _echo(address: tuple[str, int], system: str) -> None:
    """In the child: send back what comes until the line closes, as it does too when the parent dies."""
    try:
        _pin(system)
        with socket.create_connection(address, timeout=PATIENCE_S) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while heard := line.recv(64):
                line.sendall(heard)
    finally:
        os._exit(0)


def _last_cache() -> int:
    """Bytes of the largest cache that the kernel tells; 0 where it tells none."""
    sizes = [path.read_text().strip() for path in CACHES.glob("index*/size")]
    return max((int(size[:-1]) * 1024 for size in sizes if size.endswith("K")), default=0)


def _pin(cores: str) -> None:
    if cores:
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})


if __name__ == "__main__":
    main(*sys.argv[1:4])
