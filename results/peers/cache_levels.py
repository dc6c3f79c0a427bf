"""What 20 kB cost out of each level of a cache: a dictionary with a memory limit, Redis by TCP and by a unix socket.

    .venv/bin/python results/peers/cache_levels.py [--loop uvloop]      about 15 s; Redis as ./lab services finds it

Microseconds for each get, by the clock and of CPU, ours and Redis's (its threads, by schedstat); the rivals take turns
in one run, and what is shown is the median of the turns. redis.asyncio needs `pip install redis`.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import redis.asyncio
import uvloop
from cachebox import LRUCache

from imlab.stack.services.private import Private, private
from imlab.stack.services.redis import Redis
from imlab.store.redis_cache import RedisCache

GETS, TURNS = 1600, 9
AT_ONCE = 16
KEY, VALUE = b"a note", os.urandom(20_000)
Rival = Callable[[int], Awaitable[None]]  # so many gets


def one_by_one(get: Callable[[bytes], Awaitable[object]]) -> Rival:
    """Each waits for the one before."""

    async def run(gets: int) -> None:
        for _ in range(gets):
            await get(KEY)

    return run


def together(get: Callable[[bytes], Awaitable[object]]) -> Rival:
    """Sixteen readers at the same time."""

    async def run(gets: int) -> None:
        for _ in range(gets // AT_ONCE):
            await asyncio.gather(*(get(KEY) for _ in range(AT_ONCE)))

    return run


def pipelined(client: redis.asyncio.Redis) -> Rival:
    """Sixteen questions that their asker joined."""

    async def run(gets: int) -> None:
        for _ in range(gets // AT_ONCE):
            async with client.pipeline(transaction=False) as pipe:
                for _ in range(AT_ONCE):
                    pipe.get(KEY)
                await pipe.execute()

    return run


def memory() -> Rival:
    """The first level."""
    notes: LRUCache[bytes, bytes] = LRUCache(1 << 20, getsizeof=lambda _, value: len(value))
    notes.insert(KEY, VALUE)

    async def run(gets: int) -> None:
        for _ in range(gets):
            notes.get(KEY)

    return run


async def rivals(server: Private) -> dict[str, Rival]:
    """By name."""
    found = {"in process, cachebox": memory()}
    for where, url in (("TCP", server.endpoint.url), ("unix", server.endpoint.unix)):
        ours, theirs = RedisCache(url), redis.asyncio.from_url(url)
        await ours.put(KEY, VALUE)
        await theirs.set(KEY, VALUE)
        found[f"RedisCache, {where}"] = one_by_one(ours.get)
        found[f"RedisCache, {where}, {AT_ONCE} at once"] = together(ours.get)
        found[f"redis.asyncio, {where}"] = one_by_one(theirs.get)
        found[f"redis.asyncio, {where}, {AT_ONCE} at once"] = together(theirs.get)
        found[f"redis.asyncio, {where}, pipeline of {AT_ONCE}"] = pipelined(theirs)
    return found


def cpu_of(pid: int) -> float:
    """Seconds of CPU of all threads of a process."""
    return sum(int(each.read_text().split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


async def main(server: Private) -> None:
    """Measure, and tell."""
    all_rivals = await rivals(server)
    seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in all_rivals}
    for _ in range(TURNS):
        for name, rival in all_rivals.items():
            began = time.perf_counter(), time.process_time(), cpu_of(server.process.pid)
            await rival(GETS)
            ended = time.perf_counter(), time.process_time(), cpu_of(server.process.pid)
            seen[name].append(tuple((b - a) / GETS * 1e6 for a, b in zip(began, ended, strict=True)))  # type: ignore[arg-type]
    print(f"{server.version}; us per get of {len(VALUE)} bytes\n{'':38}{'clock':>9}{'our CPU':>9}{'its CPU':>9}")
    for name, turns in seen.items():
        print(f"{name:38}" + "".join(f"{median(column):9.1f}" for column in zip(*turns, strict=True)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    run = {"asyncio": asyncio.run, "uvloop": uvloop.run}[parser.parse_args().loop]
    with private(Redis()) as one:
        run(main(one))
