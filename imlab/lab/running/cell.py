"""One trial in a process of its own: ``python -m imlab.lab.running.cell REQUEST``.

The study is imported here, afresh, and its plan drawn again: same hash, or the trial is refused. Each row and each
histogram is written as one line of JSON when it is yielded; the last line says how the attempt ended. Whatever it
raises is a result too: InvalidRun is a number not to be believed, anything else is a failure, both with their reason.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from imlab.errors import InvalidRun, UsageError
from imlab.lab.plan.design import RESERVED, Trial, plan
from imlab.lab.plan.studies import load
from imlab.lab.record.histogram import COUNTED, Histogram, merged
from imlab.lab.running.cores import Cores


@dataclass(frozen=True, slots=True)
class Request:
    """Which trial of which plan, and where its rows and its scratch files go."""

    module: str
    scale: str
    index: int
    hash: str
    rows: str
    scratch: str
    path: tuple[str, ...] = ()  # where the runner finds modules
    load: tuple[int, ...] = ()
    system: tuple[int, ...] = ()

    def text(self) -> str:
        """One line of JSON, fit for an argument."""
        return json.dumps(asdict(self))


def main(text: str) -> None:
    """Run the trial that the request names, and write its rows and its end."""
    request = Request(**json.loads(text))
    with Path(request.rows).open("a", buffering=1) as file:
        _write(file, {"end": _attempt(request, file)})


def _attempt(request: Request, file: TextIO) -> Mapping[str, Any]:
    """Rows and histograms into the file; the outcome, its reason and the versions measured as the answer."""
    versions: Mapping[str, str] = {}
    try:
        trial = _trial(request)
        seen: dict[str, list[Histogram]] = {}
        for told in trial.experiment.attempt(trial):
            if isinstance(told, Histogram):
                _write(file, {"histogram": list(_counted(trial, told, seen).rows())})
            else:
                _write(file, {"row": _checked(trial, told)})
        _all_inside(seen)
        versions = dict(trial.experiment.versions())
        outcome, reason = "ok", ""
    except InvalidRun as error:
        outcome, reason = "invalid", str(error)
    except Exception as error:  # noqa: BLE001 - the boundary: a failure of any kind is stored, not lost
        traceback.print_exc()
        outcome, reason = "failed", f"{type(error).__name__}: {error}"
    return {"outcome": outcome, "reason": reason, "versions": versions}


def _trial(request: Request) -> Trial:
    """The requested trial, drawn again from the study."""
    sys.path += [place for place in request.path if place not in sys.path]
    drawn = plan(load(request.module), request.scale)
    if drawn.hash != request.hash:
        raise UsageError(f"{request.module} changed under the run: plan {drawn.hash[:8]}, wanted {request.hash[:8]}")
    cores = Cores(tuple(request.load), tuple(request.system))
    cores.keep_load()
    return replace(drawn.trials[request.index], cores=cores, scratch=Path(request.scratch))


def _checked(trial: Trial, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row may not speak for the lab, and where there is a warm-up it says whether it belongs to it."""
    if taken := [name for name in row if name in RESERVED or name in trial.settings]:
        raise UsageError(f"a row may not write the lab's own columns: {', '.join(taken)}")
    if trial.experiment.warm_up_s and "warm_up" not in row:
        raise UsageError(f"the first {trial.experiment.warm_up_s:g} s are warm-up, but a row has no column warm_up")
    return row


def _counted(trial: Trial, told: Histogram, seen: dict[str, list[Histogram]]) -> Histogram:
    """A histogram has a name, and one range under that name: those of several load generators will be added."""
    if taken := [name for name in COUNTED if name in trial.settings]:
        raise UsageError(f"beside histograms no factor is called {', '.join(taken)}: hist.csv has columns of that name")
    if not told.name.strip():
        raise UsageError("a histogram is yielded under a name, which says what it counts")
    merged([*seen.setdefault(told.name, []), told])
    seen[told.name].append(told)
    return told


def _all_inside(seen: Mapping[str, list[Histogram]]) -> None:
    """Times outside the range of their histogram leave it without any percentile, so the trial without worth."""
    for parts in seen.values():
        merged(parts).checked()


def _write(file: TextIO, line: Mapping[str, Any]) -> None:
    """One object a line; numpy scalars become plain numbers."""
    file.write(json.dumps(line, default=lambda value: value.item()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
