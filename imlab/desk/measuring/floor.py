"""How much two runs of the same code differ on this machine: changes smaller than that are noise.

An interval over blocks knows how blocks differ, not how one afternoon differs from the next. Pairs of runs of one plan,
one code and one machine that are stored know it: their A/A band is the outer end of their 95 % interval, or the whole
estimate where there is none; of the last three pairs the widest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from imlab.desk.measuring.cells import Cell
from imlab.desk.measuring.comparing import Change, Comparison
from imlab.lab.record.index import Entry
from imlab.lab.record.manifest import Manifest, read_manifest
from imlab.lab.record.reading import Run

PAIRS = 3
ORIGIN = ("commit", "diff", "lock")

Place = tuple[str, str, Cell]
Again = Callable[[Run, Run], Comparison]


def floored(found: Comparison, entries: Iterable[Entry], again: Again) -> Comparison:
    """The comparison with the A/A band of each change, where runs of one code show one; ``again`` compares two."""
    bands: dict[Place, float] = {}
    for old, new in repeats(found, entries):
        for change in again(old, new).changes:
            bands[_place(change)] = max(bands.get(_place(change), 0.0), _width(change))
    told = [replace(change, floor=bands.get(_place(change))) for change in found.changes]
    return replace(found, changes=tuple(told))


def repeats(found: Comparison, entries: Iterable[Entry]) -> list[tuple[Run, Run]]:
    """The last pairs of sound runs by one plan, code and machine, like the new run's; never the two compared."""
    like = found.new.manifest
    own = [entry for entry in entries if entry.study == like.study and entry.state == "whole" and _sound(entry)]
    known = {manifest.started: Run(entry.path, manifest) for entry in own if _like(manifest := _read(entry), like)}
    compared = {found.old.manifest.started, found.new.manifest.started}
    pairs = [
        (old, new)
        for origin in _origins(known.values())
        for old, new in pairwise(sorted(origin, key=lambda run: run.manifest.started))
        if {old.manifest.started, new.manifest.started} != compared
    ]
    return sorted(pairs, key=lambda pair: pair[1].manifest.started)[-PAIRS:]


def _sound(entry: Entry) -> bool:
    return not entry.void and entry.scale != "smoke"


def _read(entry: Entry) -> Manifest:
    return read_manifest(entry.path)


def _like(run: Manifest, other: Manifest) -> bool:
    return (run.hash, run.fingerprint, run.cores) == (other.hash, other.fingerprint, other.cores)


def _origins(runs: Iterable[Run]) -> Sequence[list[Run]]:
    """Runs that the same code made, together; a published copy is the run it was copied from."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        told = {name: run.manifest.facts.get(name) for name in ORIGIN} | dict(run.manifest.versions)
        found.setdefault(str(sorted(told.items())), []).append(run)
    return list(found.values())


def _place(change: Change) -> Place:
    return change.measure, change.percentile, change.cell


def _width(change: Change) -> float:
    """How far from nothing an A/A run may be, as a share."""
    interval = change.found.effect.change
    ends = (interval.low, interval.high) if interval.given else (interval.estimate,)
    return max(abs(end) for end in ends)
