"""The work of ./lab storm, and of notebooks that ask for one."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from imlab.desk.measuring.places import here
from imlab.desk.storming.asked import asked, scenario
from imlab.desk.storming.locust import Passed, Storm, run


def ignore(seconds: float) -> None:
    """Nobody looks on."""


def storm(options: Namespace, more: Sequence[str]) -> int:
    """Exit code 0: it may be believed."""
    quiet = options.json or not sys.stderr.isatty()
    with tqdm(total=options.time, unit="s", disable=quiet, bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s") as bar:
        passed = stormed(
            options.scenario, options.users, options.time, options.preset, options.host, options.processes,
            options.spawn_rate, more, partial(advance, bar),
        )  # fmt: skip
    if options.json:
        print(json.dumps({**passed.summary, "folder": str(passed.folder)}))
    else:
        for line in lines(passed):
            print(line)
    return 1 if passed.reasons or passed.code else 0


def advance(bar: Any, seconds: float) -> None:
    """So many seconds have passed."""
    bar.update(seconds - bar.n)


def stormed(
    name: str,
    users: int = 20,
    seconds: float = 20.0,
    preset: str = "",
    host: str = "",
    processes: int = 0,
    rate: float | None = None,
    more: Sequence[str] = (),
    told: Callable[[float], None] = ignore,
) -> Passed:
    """A scenario, run and kept; whether it may be believed is in what comes back."""
    path = scenario(name)
    with asked(path, host, preset) as (address, needed):
        kept = _folder(path.stem)
        return run(Storm(path, address, users, rate or users, seconds, processes, [*needed, *more]), kept, told)


def lines(passed: Passed) -> list[str]:
    """For a terminal: ours, and beside each Locust's own median."""
    theirs = {f"{row['method']} {row['name']}": row for row in passed.theirs}
    found = []
    for row in passed.summary["times"]:
        name = row["name"].partition(" ")
        values = "  ".join(
            f"{q} {row[f'{q}_ms']:g} ms" for q in ("p50", "p90", "p99") if row.get(f"{q}_ms") is not None
        )
        own = theirs.get(name[2])
        beside = f"   (Locust: median {_median(own['response_times'])} ms)" if own and name[0] == "latency" else ""
        found.append(
            f"{row['name']:<40} n {row['n']:>6}  failed {row['failed']:>3}  {values or row['withheld']}{beside}"
        )
    found += [f"not to be believed: {reason}" for reason in passed.reasons]
    return [*found, f"kept in {passed.folder}"]


def _median(counts: dict[str, int]) -> str:
    """Of Locust's rounded times, by how often each was seen."""
    seen, half = 0, sum(counts.values()) / 2
    for value in sorted(counts, key=float):
        seen += counts[value]
        if seen >= half:
            return value
    return "none"


def _folder(name: str) -> Path:
    begun = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return here().results / "storms" / name / begun
