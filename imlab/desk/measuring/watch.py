"""Three ways to watch a run go by: a bar for a terminal, lines for a log, JSON for a program.

Each takes a plan, how many of its trials were stored before, and the steps of the run, and hands the steps on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

from tqdm import tqdm

from imlab.lab.plan.design import Plan, Trial
from imlab.lab.running.run import Progress

Watch = Callable[[Plan, int, Iterator[Progress]], Iterator[Progress]]


def usual() -> Watch:
    """A bar where somebody looks, lines where not."""
    return bar if sys.stderr.isatty() else lines


def bar(drawn: Plan, stored: int, steps: Iterator[Progress]) -> Iterator[Progress]:
    """A bar on stderr that names the trial which runs now; what ends badly gets a line of its own."""
    total = len(drawn.trials)
    with tqdm(total=total, initial=stored, unit="trial", desc=drawn.experiment.name, dynamic_ncols=True) as shown:
        shown.set_postfix_str(_running(drawn, stored))
        for step in steps:
            shown.update(max(stored, step.done) - shown.n)
            shown.set_postfix_str(_running(drawn, max(stored, step.done)))
            if step.outcome != "ok" or step.breaches:
                shown.write(said(step), file=sys.stderr)
            yield step


def lines(drawn: Plan, stored: int, steps: Iterator[Progress]) -> Iterator[Progress]:
    """One line per trial as it ends."""
    for step in steps:
        if step.done > stored:
            print(said(step), flush=True)
        yield step


def objects(drawn: Plan, stored: int, steps: Iterator[Progress]) -> Iterator[Progress]:
    """One JSON object per trial as it ends."""
    for step in steps:
        told = {"done": step.done, "total": step.total, "block": step.trial.block, "cell": step.trial.labels}
        end = {"outcome": step.outcome, "reason": step.reason, "seconds": step.seconds}
        print(json.dumps({"event": "trial", **told, **end}), flush=True)
        yield step


def said(step: Progress) -> str:
    """``[ 3/12] block 1, kilobytes 10: ok, 1.2 s``, and what was wrong."""
    place = f"[{step.done:>{len(str(step.total))}}/{step.total}] block {step.trial.block + 1}"
    bad = "; ".join(part for part in (step.reason, *step.breaches) if part)
    return f"{called(place, step.trial)}: {step.outcome}, {step.seconds:.1f} s" + (f" ({bad})" if bad else "")


def called(place: str, trial: Trial) -> str:
    """A place and a cell in words."""
    return ", ".join([place, *(f"{factor} {level}" for factor, level in trial.labels.items())])


def _running(drawn: Plan, done: int) -> str:
    """The trial that runs once ``done`` have ended."""
    if done >= len(drawn.trials):
        return "writing"
    trial = drawn.trials[done]
    return called(f"block {trial.block + 1}", trial)
