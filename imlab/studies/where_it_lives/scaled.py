"""What n nodes carry: each with so many messages under way, before databases of several sizes.

A saturated loop has no latency to look for: with 32 senders to each node who hardly pause, what comes out is all that
the fleet carries. Times are drawn, and senders pause a little, or they would stay in step and come out in bunches.
"""

from __future__ import annotations

from collections.abc import Iterator

from imlab.lab.plan.design import Row, Trial
from imlab.studies.architectures.costs import CALIBRATION
from imlab.studies.architectures.model import Closed, Cost, Fleet, Memoryless, Node, Work
from imlab.studies.architectures.simulated import simulate

NODES = {"smoke": (1, 20, 120), "quick": (1, 5, 20, 60, 120), "full": (1, 2, 5, 10, 20, 40, 60, 90, 120)}
ROUNDS = {"smoke": 6, "quick": 20, "full": 60}  # messages per sender
LEAST = 8_000  # messages, however few nodes
SENDERS = 32  # per node
PAUSE_S = 0.005
PEAK = 80_000  # messages/s: what was published of 120 nodes
FEW, MANY = 20, 120  # nodes, as published
COMMIT_S = 0.00027  # one insert, durable, PostgreSQL: measured on a machine of two cores
DATABASES = (None, 64, 16, 4)  # commits at once; None: each node has its own, which nobody else asks
NOTED = 16  # of these, the one that evidence speaks of: a server of 16 cores, one commit each


def message() -> Work:
    """One kind of request: a message is sent, its CPU that of the new side, and it is committed."""
    half = Memoryless(CALIBRATION.new.send_s / 2)
    return Work(((1.0, Cost(half, half, database=Memoryless(COMMIT_S))),))


def scaled(trial: Trial) -> Iterator[Row]:
    """The rate of a fleet, and of one of its nodes."""
    for database in DATABASES:
        for nodes in NODES[trial.scale]:
            load = Closed(SENDERS * nodes, Memoryless(PAUSE_S))
            requests = max(LEAST, ROUNDS[trial.scale] * load.users)
            seen = simulate(Fleet(Node(), nodes, database), message(), load, requests, trial.seed)
            yield {"what": "nodes", "database": called(database), "nodes": nodes, "rate_per_s": seen.rate,
                   "each_per_s": seen.rate / nodes, "mean_s": seen.mean_s, "busy": seen.busy}  # fmt: skip


def called(database: int | None) -> str:
    """A database, as results name it, with what it can commit at most."""
    if database is None:
        return "a database per node"
    return f"one database, {database} commits at once: {database / COMMIT_S:,.0f}/s"
