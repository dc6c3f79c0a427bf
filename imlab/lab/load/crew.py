"""Several generators for one schedule, where one process is not enough.

The arrivals are dealt out in turn, as cards are: of n members, member k offers the arrivals k, k + n, k + 2n, ... of
the one drawn schedule. (Every n-th arrival of a Poisson process is more even than Poisson; only all members together
are the schedule, and they share one start on CLOCK_MONOTONIC, which all processes of a machine read alike.) Each is
a fresh process (member.py) on its own core. Histograms are merged by adding, errors are summed; a percentile of the
whole comes from the merged counts, never from an average of percentiles. A member that dies, fails, is late or says
nothing makes the whole window void, aloud.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.load.member import KINDS, Request, load_written
from imlab.lab.load.openloop import Load
from imlab.lab.load.schedule import Times, save
from imlab.lab.record.histogram import Histogram, merged

READY_S = 60.0  # for a member to start and connect
LEAD_S = 0.5  # from the word to the start: a collection and the timing of idle turns fit in, on a busy machine too
TOLD_S = 30.0  # for a member to write its result, after its last answer was due


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a crew offered: the whole, whose ``parts`` are the members' shares, and the merged histograms.

    The histograms count what came after the warm-up, in seconds of latency, service and lag.
    """

    load: Load
    latency: Histogram
    service: Histogram
    lag: Histogram


def crew(
    arrivals: Times,
    send: str,
    cores: Sequence[int | None],
    settings: Mapping[str, Any] | None = None,
    *,
    drain_s: float = 10.0,
    warm_up_s: float = 0.0,
    receivers: int = 0,
    ready_s: float = READY_S,
) -> Outcome:
    """Offer one schedule from as many processes as there are cores, one on each (None: wherever the system likes).

    ``send`` names a function, ``module:function``; ``function(member, **settings)`` makes an asynchronous context
    manager that yields what openloop.offer calls ``send``, told the arrival's place in the whole schedule.
    ``receivers`` is how many connections each member serves beside; within ``ready_s`` all must have connected.
    """
    if len(cores) == 0 or len(arrivals) < len(cores) or np.any(np.diff(arrivals) < 0):
        raise UsageError(f"{len(arrivals)} arrivals, in order of time, cannot be dealt to {len(cores)} generators")
    with tempfile.TemporaryDirectory(prefix="imlab-crew-") as name:
        schedule = Path(name) / "arrivals.npy"
        save(arrivals, schedule)
        told = dict(settings or {})
        asked = Request(send, str(schedule), told, drain_s, warm_up_s, receivers, tuple(sys.path), of=len(cores))
        requests = [
            replace(asked, number=number, core=core, result=str(schedule.with_name(f"{number}.npz")))
            for number, core in enumerate(cores)
        ]
        with _started(requests) as members:
            _hear(members, "ready", ready_s)
            start = time.monotonic() + LEAD_S
            for member in members:
                member.tell(f"{start!r}\n")
            _hear(members, "done", LEAD_S + float(arrivals[-1]) + drain_s + TOLD_S)
        return _joined([load_written(Path(request.result)) for request in requests])


def _joined(told: Sequence[tuple[Load, Mapping[str, Histogram]]]) -> Outcome:
    """The whole from the shares of all."""
    counted = {kind: merged((histograms[kind] for _, histograms in told), kind) for kind in KINDS}
    return Outcome(whole(tuple(load for load, _ in told)), **counted)


def whole(parts: tuple[Load, ...]) -> Load:
    """One window from shares that were dealt in turn: every arrival back in its place."""
    count, step = sum(len(part.intended) for part in parts), len(parts)

    def woven(columns: Sequence[Times]) -> Times:
        every = np.full(count, np.nan)
        for first, column in enumerate(columns):
            every[first::step] = column
        return every

    none = [np.full(len(part.intended), np.nan) for part in parts]
    names = sorted({name for part in parts for name in part.stamps})
    stamps = {name: woven([part.stamps.get(name, none[k]) for k, part in enumerate(parts)]) for name in names}
    errors = {first + step * index: why for first, part in enumerate(parts) for index, why in part.errors.items()}
    return Load(
        woven([part.intended for part in parts]),
        woven([part.sent for part in parts]),
        woven([part.end for part in parts]),
        stamps,
        dict(sorted(errors.items())),
        origin=parts[0].origin,
        seconds=max(part.seconds for part in parts),
        cpu_s=sum(part.cpu_s for part in parts),
        spin_s=sum(part.spin_s for part in parts),
        receivers=sum(part.receivers for part in parts),
        parts=parts,
    )


class _Member:
    """A member as its starter sees it."""

    def __init__(self, request: Request) -> None:
        self.name = f"generator {request.number + 1} of {request.of}"
        self._log = Path(request.result).with_suffix(".log")
        command = [sys.executable, "-m", "imlab.lab.load.member", request.text()]
        with self._log.open("wb") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
            )

    @property
    def voice(self) -> IO[str]:
        """Where it speaks."""
        assert self._process.stdout is not None
        return self._process.stdout

    def tell(self, line: str) -> None:
        """Say something to it; a dead one is noticed when it should answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise DoorError(f"{self.name} {self._death()} before the start") from error

    def heard(self, expected: str) -> None:
        """Its next word is the expected one, or it is told aloud."""
        line = self.voice.readline()
        if not line:
            raise DoorError(f"{self.name} {self._death()} before it was {expected}")
        told = json.loads(line)
        if told["what"] == "invalid":
            raise InvalidRun(f"{self.name}: {told['reason']}")
        if told["what"] != expected:
            raise DoorError(f"{self.name} failed: {told['reason']}")

    def end(self) -> None:
        """No process is left, whatever happened."""
        self._process.kill()
        self._process.communicate()

    def _death(self) -> str:
        """How it ended, and the last line that it wrote."""
        code = self._process.wait()
        last = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
        return f"died with code {code} ({last or 'it wrote nothing'})"


@contextmanager
def _started(requests: Sequence[Request]) -> Iterator[list[_Member]]:
    """The members' processes, ended with the block."""
    members: list[_Member] = []
    try:
        for request in requests:
            members.append(_Member(request))
        yield members
    finally:
        for member in members:
            member.end()


def _hear(members: Sequence[_Member], expected: str, limit_s: float) -> None:
    """Every member's next word, whoever speaks first."""
    deadline = time.monotonic() + limit_s
    waiting = {member.voice: member for member in members}
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            names = ", ".join(member.name for member in waiting.values())
            raise DoorError(f"{names} said nothing in {limit_s:g} s, and should have been {expected}")
        for voice in ready:
            waiting.pop(voice).heard(expected)
