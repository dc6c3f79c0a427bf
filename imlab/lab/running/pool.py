"""All cores of this machine, or all of a Dask cluster's, behind the one interface of ``concurrent.futures``."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from imlab.errors import DoorError, UsageError
from imlab.lab.running import cores

ONE_EACH = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
NICE = 10  # the person at this machine comes first
PR_SET_PDEATHSIG = 1  # linux/prctl.h
CONNECT_S = 5.0


@contextmanager
def workers(cluster: str = "") -> Iterator[Executor]:
    """One process a core, or the workers of the Dask scheduler at ``cluster``, such as tcp://10.0.0.5:8786."""
    with _cluster(cluster) if cluster else _processes() as pool:
        yield pool


@contextmanager
def _processes() -> Iterator[Executor]:
    """Fresh processes, one a core, that stop with us."""
    count = len(cores.available()) or os.cpu_count() or 1
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, fresh, initializer=_begin, initargs=(os.getpid(),)) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(parent: int) -> None:
    """In a new worker, before it loads anything: one thread, politeness, no life after its parent's."""
    os.environ.update(dict.fromkeys(ONE_EACH, "1"))
    os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            raise SystemExit(1)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    """The workers of a scheduler that somebody else runs; they have this package, and each task's own data."""
    import distributed

    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise DoorError(f"no Dask scheduler answers at {address}: {error}") from error
    except ValueError as error:
        raise UsageError(f"{address} is no address of a scheduler: tcp://HOST:PORT is") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise DoorError(f"the scheduler at {address} has no workers: dask worker {address}")
        yield client.get_executor(pure=False)
