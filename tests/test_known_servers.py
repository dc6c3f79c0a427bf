"""Real servers whose answers are known, asked by the real generators: what is measured is the truth and a little more.

Nothing here is held to a speed: bounds are such that a busy machine keeps them and a wrong system does not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from imlab.errors import DoorError, UsageError
from imlab.lab.known.client import connect
from imlab.lab.known.gap import Gap, measure
from imlab.lab.known.server import start
from imlab.lab.known.systems import Collector, Constant, Queue, Stalling, System, truth
from imlab.lab.load.openloop import Load, offer
from imlab.lab.load.schedule import Poisson, Schedule, Times, Uniform

pytestmark = pytest.mark.process

SEED = 11
OVERHEAD = 0.005  # seconds, in the median: an idle machine needs a fiftieth, a crowded one 2 ms
WINDOWS = 4  # at most
DRIVEN: list[tuple[System, Schedule]] = [
    (Constant(0.03), Poisson(200.0, 2.0)),
    (Queue(1, 0.012), Poisson(60.0, 2.0)),
    (Queue(3, 0.06), Poisson(40.0, 2.0)),
    (Stalling(0.01, 0.8, 0.4), Uniform(200.0, 2.0)),
    (Collector(0.01, 20, 0.06), Uniform(200.0, 2.0)),
]


def driven(system: System, arrivals: Times, connections: int = 1) -> Load:
    """A window of open load against a fresh server."""

    async def window(port: int) -> Load:
        async with connect(port, connections) as ask:
            return await offer(arrivals, ask)

    with start(system, SEED) as server:
        return asyncio.run(window(server.port))


@pytest.mark.parametrize(("system", "schedule"), DRIVEN, ids=repr)
def test_what_is_measured_is_the_truth_and_a_little_more(system: System, schedule: Schedule) -> None:
    """A crowded machine spoils a window; another system than the one that is served spoils them all."""
    arrivals, extra = schedule.draw(np.random.default_rng(1)), [np.inf]
    for _ in range(WINDOWS):
        extra = over_the_truth(system, driven(system, arrivals))
        if max(extra) < OVERHEAD:
            break
    assert max(extra) < OVERHEAD
    ends = truth(system, arrivals, SEED)
    assert np.quantile(ends - arrivals, 0.95) > 5 * OVERHEAD, "another system is far off"


def over_the_truth(system: System, load: Load) -> list[float]:
    """By how much the median request exceeds its truth, in each quarter by what it should wait; in seconds."""
    assert not load.errors and np.isfinite(load.end).all(), "every request is answered, once"
    arrived, answered, acked = (load.stamps[name] for name in ("arrived", "answered", "acked"))
    for earlier, later in ((load.sent, arrived), (arrived, answered), (answered, acked), (acked, load.end)):
        assert (earlier <= later).all()
    assert (answered >= truth(system, arrived, SEED) - 1e-6).all(), "never before its time"
    ends = truth(system, load.sent, SEED)
    quarters = np.array_split(np.argsort(ends - load.sent), 4)
    return [float(np.median(np.abs(load.end - ends)[part])) for part in quarters]


def test_answers_find_their_way_over_many_connections() -> None:
    load = driven(Queue(8, 0.002), Poisson(1500.0, 1.0).draw(np.random.default_rng(2)), connections=40)
    assert not load.errors and np.isfinite(load.end).all()
    services = Queue(8, 0.002).services(len(load.sent), SEED)
    assert (load.stamps["answered"] - load.stamps["arrived"] >= services - 1e-6).all(), "each its own cost"


def test_one_stall_is_felt_by_an_open_loop_and_hidden_by_a_closed_one() -> None:
    """200/s and a stall of 1 s: the open loop's p99 is the algebra's, the closed loop's has not noticed."""
    gap = Gap(window_s=4.0)
    seen = measure(gap, SEED)
    sys.stdout.write("".join(f"{row}\n" for row in seen.rows()))
    assert not seen.open.errors and not seen.closed.errors
    open_p99, closed_p99 = (float(np.quantile(load.latency, 0.99)) for load in (seen.open, seen.closed))
    assert abs(open_p99 - gap.open_quantile(0.99)) < 0.1 * gap.stall_s
    assert closed_p99 < open_p99 / 4
    assert len(seen.open.end) == gap.rate * gap.window_s
    stuck = int(np.sum(seen.closed.latency > gap.stall_s / 2))
    assert stuck == gap.users, "each user once"
    assert abs(seen.closed.latency.max() - (gap.delay_s + gap.stall_s)) < 0.1 * gap.stall_s


async def left_waiting(port: int, pid: int) -> BaseException | None:
    """What a request that waits hears when the server ends."""
    async with connect(port) as ask:
        waiting = ask(0)
        with pytest.raises(UsageError, match="request 0 is still under way"):
            ask(0)
        os.kill(pid, signal.SIGTERM)
        await asyncio.wait([waiting])
        with pytest.raises(DoorError, match="closed the connection"):
            ask(1)
        return waiting.exception()


def test_who_waits_learns_that_the_server_is_gone() -> None:
    with start(Constant(60.0)) as server:
        heard = asyncio.run(left_waiting(server.port, server.pid))
    assert isinstance(heard, DoorError) and "closed the connection" in str(heard)


def test_requests_of_another_size_are_refused_on_both_sides() -> None:
    async def one(port: int) -> None:
        async with connect(port, size=400) as ask:
            await ask(0)

    ends, told = (
        pytest.raises(DoorError, match="closed the conn"),
        pytest.raises(DoorError, match="of 300 bytes: size 400"),
    )
    with told, start(Constant(0.0)) as server, ends:
        asyncio.run(one(server.port))


def test_nobody_at_the_port() -> None:
    async def reach(port: int) -> None:
        async with connect(port):
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DoorError, match=f"no known server at port {port}"):
        asyncio.run(reach(port))


def test_a_server_does_not_outlive_its_parent() -> None:
    code = (
        "import sys; from imlab.lab.known.server import start; from imlab.lab.known.systems import Constant\n"
        "with start(Constant(0.0)) as server: print(server.port, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        with socket.create_connection(("127.0.0.1", int(parent.stdout.readline())), timeout=30) as line:
            parent.kill()
            assert line.recv(1) == b"", "the connection ends with the server"


def test_known_servers_and_their_clients_stay_light() -> None:
    code = "from imlab.lab.known import client, gap, server, theory; import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert "imlab.lab.known.clockwork" in loaded and not {"pandas", "scipy", "matplotlib"} & set(loaded)
