"""The end of a run: its blocks judged by the plan's gates, its tables and its manifest written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from imlab.lab.machine import facts as machine
from imlab.lab.machine import gates
from imlab.lab.plan.design import Plan, Trial
from imlab.lab.record.manifest import Manifest
from imlab.lab.running.cores import Cores
from imlab.lab.running.folder import Folder
from imlab.lab.running.song import drifts, summary, sung

Record = Mapping[str, Any]
Kept = Sequence[tuple[Trial, Record]]


def close(plan: Plan, folder: Folder, facts: Mapping[str, Any], cores: Cores) -> None:
    """Judge the blocks and write what the run has to say."""
    records = [(trial, record) for trial in plan.trials if (record := folder.kept(trial)) is not None]
    breached = _breached(plan, records, drifts(folder.songs(), plan.description["blocks"]))
    rejected = {} if plan.scale == "smoke" else breached  # smoke measures nothing, so nothing is rejected
    lines = [_line(trial, record, str(trial.block) not in rejected) for trial, record in records]
    rows = [line | row for line, (_, record) in zip(lines, records, strict=True) for row in record["rows"] or [{}]]
    trials = [line | _cost(record) for line, (_, record) in zip(lines, records, strict=True)]
    counted = [line for head, (_, record) in zip(lines, records, strict=True) for line in _counted(head, record)]
    heard = [line for song in folder.songs() for line in sung(song)]
    manifest = _manifest(plan, records, rejected, summary(folder.songs()), facts, cores)
    tables = {"rows.csv.gz": rows, "trials.csv": trials, "canaries.csv": heard}
    folder.close(manifest.plain(), tables | ({"hist.csv.gz": counted} if counted else {}))


def _manifest(
    plan: Plan,
    records: Kept,
    rejected: Mapping[str, Sequence[str]],
    canaries: Mapping[str, Any],
    facts: Mapping[str, Any],
    cores: Cores,
) -> Manifest:
    """The run's own account."""
    costs = _block_s(plan, records)
    return Manifest(
        **{name: plan.description[name] for name in _DECIDED},
        **{name: plan.description[name] for name in ("design", "cells") if name in plan.description},
        hash=plan.hash,
        rejected=rejected,
        void=gates.void(len(rejected), plan.description["blocks"]),
        outcomes=dict(Counter(record["outcome"] for _, record in records)),
        cores={"load": list(cores.load), "system": list(cores.system)},
        started=min(record["started"] for _, record in records),
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=round(sum(costs), 3),
        block_s=[round(cost, 3) for cost in costs],
        predicted_s=plan.experiment.predicted_s(plan.scale),
        facts=facts,
        fingerprint=machine.fingerprint(facts),
        canaries=canaries,
        versions={name: text for _, record in records for name, text in record["versions"].items()},
    )


_DECIDED = (
    "study",
    "question",
    "expectation",
    "scale",
    "factors",
    "seed",
    "blocks",
    "margin",
    "warm_up_s",
    "limit_s",
    "gates",
)


def _block_s(plan: Plan, records: Kept) -> list[float]:
    """What each block's trials took, in seconds."""
    costs = [0.0] * int(plan.description["blocks"])
    for trial, record in records:
        costs[trial.block] += record["seconds"]
    return costs


def _breached(plan: Plan, records: Kept, drifts: Sequence[Mapping[str, float]]) -> dict[str, list[str]]:
    """The blocks in which some trial, or a canary around them, passed a gate, with the worst reading of each."""
    blocks: dict[int, list[gates.Strain]] = {}
    for trial, record in records:
        blocks.setdefault(trial.block, []).append(gates.Strain(**record["strain"]))
    judges = plan.experiment.gates
    judged = {str(block): judges.breaches(gates.worst(seen), drifts[block]) for block, seen in blocks.items()}
    return {block: reasons for block, reasons in judged.items() if reasons}


def _line(trial: Trial, record: Record, kept: bool) -> dict[str, Any]:
    """The columns that every row of a trial begins with."""
    place = {"block": trial.block, "cell": trial.cell, "order": trial.order, "seed": trial.seed}
    return place | trial.labels | {"outcome": record["outcome"], "reason": record["reason"], "kept": kept}


def _counted(head: Mapping[str, Any], record: Record) -> Iterator[Mapping[str, Any]]:
    """A trial's histograms as lines of hist.csv: a place, a cell, whether they count, then name, what, us, count."""
    short = {name: value for name, value in head.items() if name not in ("order", "seed", "reason")}
    yield from (short | row for row in record["histograms"])


def _cost(record: Record) -> dict[str, Any]:
    """A trial's cost and strain, as columns."""
    own = {name: record[name] for name in ("started", "seconds", "cpu_s", "leftovers")}
    return own | {f"strain_{name}": value for name, value in record["strain"].items()}
