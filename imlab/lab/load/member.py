"""One generator of a crew, in a process of its own: ``python -m imlab.lab.load.member REQUEST``.

It loads its sender, connects, says that it is ready, hears on standard input the moment at which all begin, offers its
share of the schedule, and writes what came of it. It speaks in lines of JSON on standard output, of which the sender
has no part: what that prints goes to standard error. When whoever started it dies before the start, it ends.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.load.openloop import Load, Send, offer
from imlab.lab.load.schedule import read
from imlab.lab.record.histogram import Histogram

KINDS = ("latency", "service", "lag")  # times of a Load that are counted in histograms


@dataclass(frozen=True, slots=True)
class Request:
    """Which share of which schedule is offered, by what, from which core, and where the result goes."""

    send: str  # module:function
    arrivals: str
    settings: Mapping[str, Any]
    drain_s: float
    warm_up_s: float
    receivers: int
    path: tuple[str, ...]  # where the starter finds modules
    of: int
    number: int = 0
    core: int | None = None
    result: str = ""

    def text(self) -> str:
        """One line of JSON, fit for an argument."""
        return json.dumps(asdict(self))


def main(text: str) -> None:
    """Take part as the request says, and tell how it ended."""
    request, out = Request(**json.loads(text)), sys.stdout
    sys.stdout = sys.stderr

    def tell(what: str, reason: str = "") -> None:
        out.write(json.dumps({"what": what, "reason": reason}) + "\n")
        out.flush()

    try:
        if request.core is not None:
            os.sched_setaffinity(0, {request.core})
        asyncio.run(_take_part(request, tell))
        tell("done")
    except InvalidRun as error:
        tell("invalid", str(error))
    except Exception as error:  # noqa: BLE001 - the boundary: whatever it was, the crew hears of it
        traceback.print_exc()
        tell("failed", f"{type(error).__name__}: {error}")


async def _take_part(request: Request, tell: Callable[[str], None]) -> None:
    """Connect, wait for the common start, offer, and write."""
    share = read(Path(request.arrivals))[request.number :: request.of]
    async with _sender(request) as send:
        tell("ready")
        word = await asyncio.to_thread(sys.stdin.readline)
        if not word:
            raise DoorError("whoever started this generator is gone")
        own = _dealt(send, request.number, request.of)
        load = await offer(share, own, request.drain_s, float(word), request.receivers)
    write(load, Path(request.result), request.warm_up_s)


def _sender(request: Request) -> AbstractAsyncContextManager[Send]:
    """What the named function makes, told the member's number and the settings."""
    module, _, name = request.send.partition(":")
    sys.path += [place for place in request.path if place not in sys.path]
    make = getattr(importlib.import_module(module), name or "?", None)
    if not callable(make):
        raise UsageError(f"{request.send} is no function: a sender is named module:function")
    made: AbstractAsyncContextManager[Send] = make(request.number, **request.settings)
    return made


def _dealt(send: Send, first: int, step: int) -> Send:
    """The same sender, told the arrival's place in the whole schedule."""
    return lambda index: send(first + step * index)


def write(load: Load, path: Path, warm_up_s: float) -> None:
    """A member's share and its histograms, as arrays."""
    arrays: dict[str, Any] = {"intended": load.intended, "sent": load.sent, "end": load.end}
    arrays |= {f"stamp {name}": times for name, times in load.stamps.items()}
    arrays |= {f"counts {kind}": _tally(histogram) for kind, histogram in histograms(load, warm_up_s).items()}
    arrays["told"] = np.array([load.origin, load.seconds, load.cpu_s, load.spin_s, load.receivers])
    arrays["errors"] = np.array(json.dumps(list(load.errors.items())))
    with path.open("xb") as file:
        np.savez(file, **arrays)


def load_written(path: Path) -> tuple[Load, dict[str, Histogram]]:
    """What ``write`` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        stamps = {name[6:]: kept[name] for name in kept.files if name.startswith("stamp ")}
        counted = {kind: _histogram(kind, kept[f"counts {kind}"]) for kind in KINDS}
        origin, seconds, cpu_s, spin_s, receivers = kept["told"].tolist()
        errors = {int(index): str(why) for index, why in json.loads(str(kept["errors"]))}
        times = kept["intended"], kept["sent"], kept["end"]
    return Load(*times, stamps, errors, origin, seconds, cpu_s, spin_s, int(receivers)), counted


def histograms(load: Load, warm_up_s: float = 0.0) -> dict[str, Histogram]:
    """Latency, service and lag of what came after the warm-up."""
    judged = load.intended >= warm_up_s
    found = {}
    for kind in KINDS:
        found[kind] = Histogram(kind)
        found[kind].record_many(getattr(load, kind)[judged])
    return found


def _tally(histogram: Histogram) -> NDArray[np.int64]:
    """Counters, with what has none before them."""
    return np.concatenate([[histogram.failed, histogram.outside], histogram.counts])


def _histogram(kind: str, tally: NDArray[np.int64]) -> Histogram:
    made = Histogram(kind)
    made.add(tally[2:], failed=int(tally[0]), outside=int(tally[1]))
    return made


if __name__ == "__main__":
    main(sys.argv[1])
