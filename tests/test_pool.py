"""Work done ahead: by fresh processes of this machine or by a Dask cluster, and with the same results."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import partial

import distributed
import pytest

from imlab.errors import DoorError, UsageError
from imlab.lab.plan.ahead import Task, do
from imlab.lab.running.pool import ONE_EACH, workers

pytestmark = pytest.mark.process

BODIES = [bytes([number]) * 1000 for number in range(20)]


def digest(body: bytes) -> tuple[str, int, str]:
    """What was computed, where, and with how many threads."""
    return hashlib.sha256(body).hexdigest(), os.getpid(), os.environ.get(ONE_EACH[0], "")


def refuse(body: bytes) -> str:
    """The work that goes wrong."""
    raise UsageError(f"{len(body)} bytes are not for us")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A Dask scheduler with two workers on loopback."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=40
    ) as cluster:
        yield cluster.scheduler_address


def digests(address: str) -> dict[bytes, tuple[str, int, str]]:
    """What a pool makes of all bodies."""
    found: dict[bytes, tuple[str, int, str]] = {}
    tasks = [Task(digest, (body,), partial(found.__setitem__, body)) for body in BODIES]
    with workers(address) as pool:
        assert sorted(task.arguments[0] for task in do(tasks, pool)) == BODIES
    return found


def test_processes_and_a_cluster_give_the_same_and_neither_is_us(scheduler: str) -> None:
    here, there = digests(""), digests(scheduler)
    assert {body: seen[0] for body, seen in here.items()} == {body: hashlib.sha256(body).hexdigest() for body in BODIES}
    assert {body: seen[0] for body, seen in there.items()} == {body: seen[0] for body, seen in here.items()}
    assert os.getpid() not in {seen[1] for seen in (*here.values(), *there.values())}
    assert {seen[2] for seen in here.values()} == {"1"}


def test_what_a_task_raises_is_raised_here() -> None:
    kept: list[str] = []
    with pytest.raises(UsageError, match="1000 bytes"), workers() as pool:
        list(do([Task(refuse, (body,), kept.append) for body in BODIES], pool))
    assert kept == []


def test_a_cluster_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(DoorError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"),
        workers("tcp://127.0.0.1:1"),
    ):
        pass
    with pytest.raises(UsageError, match="is no address"), workers("carrier-pigeon://coop"):
        pass
