"""A comparison in words for a terminal, and as JSON values for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from imlab.desk.measuring.blocks_needed import needed
from imlab.desk.measuring.cells import Cell
from imlab.desk.measuring.comparing import Change, Comparison, Left, alone
from imlab.desk.measuring.likeness import Difference
from imlab.desk.report.words import count, digits
from imlab.lab.record.reading import Run
from imlab.lab.statistics.effect import Verdict

VERDICTS: tuple[Verdict, ...] = ("faster", "slower", "equivalent", "inconclusive")


def account(found: Comparison, warning: str = "") -> str:
    """All of it, in paragraphs; the warning first, the counts last."""
    names = cell_names([change.cell for change in found.changes])
    measures = groupby(found.changes, key=lambda change: change.measure)
    tables = [_table(measure, list(own), names) for measure, own in measures]
    parts = [warning, head(found), *tables, "\n".join(_left(found)), "\n".join(summary(found))]
    return "\n\n".join(part for part in parts if part)


def head(found: Comparison) -> str:
    """Which runs, in what they differ, and how their blocks are held together."""
    alike = found.likeness
    how = "blocks are paired: one plan, the same draws" if alike.paired else "unpaired (Welch): the plans differ"
    lines = [
        f"old {named(found.old)}",
        f"new {named(found.new)}",
        f"machine: {_said(alike.machine) + _canaries(found)}",
        f"code: {_said(alike.code) if alike.code else 'the same: what differs is noise (A/A)'}",
        f"plan: {_said(alike.plan)}; {how}",
    ]
    old, new = found.apart
    apart = f"{count(old, 'cell')} only in the old run, {new} only in the new one: not compared"
    return "\n".join([*lines, *([apart] if old or new else [])])


def named(run: Run) -> str:
    """``q01_stop_to_play/reference, 2026-11-23, full, 6 of 6 blocks kept, plan 9a8b6cf7``."""
    told = run.manifest
    kept = f"{told.kept} of {count(told.blocks, 'block')} kept"
    void = ", VOID" if told.void else ""
    return f"{told.study}/{run.path.name}, {told.started[:10]}, {told.scale}, {kept}, plan {told.hash[:8]}{void}"


def cell_names(cells: Sequence[Cell]) -> dict[Cell, str]:
    """Each cell by what tells it from the others."""
    columns = list(dict.fromkeys(name for cell in cells for name, _ in cell))
    varied = [name for name in columns if len({dict(cell).get(name) for cell in cells}) > 1]
    told = {cell: ", ".join(f"{name} {dict(cell)[name]}" for name in varied) for cell in cells}
    return {cell: name or "all rows" for cell, name in told.items()}


def verdict(change: Change) -> str:
    """``-3.1 % [-5.9, -0.2]: inconclusive, alone faster``."""
    alone, here = change.found.effect.verdict, change.found.verdict
    told = f"{change.found.effect.text().rpartition(':')[0]}: {here}" + (f", alone {alone}" if alone != here else "")
    return f"{told}; below the noise floor ({change.floor:.1%})" if change.below else told


def summary(found: Comparison) -> Iterator[str]:
    """``stop_to_play_us: 18 faster``, a line for each measure, then what the margin is."""
    for measure, own in groupby(found.changes, key=lambda change: change.measure):
        changes = list(own)
        counted, below = Counter(one.found.verdict for one in changes), sum(one.below for one in changes)
        counts = [f"{counted[one]} {one}" for one in VERDICTS if counted[one]]
        yield f"{measure}: {', '.join(counts)}" + (f"; {below} below the noise floor" if below else "")
    margin = f"against a margin of {found.new.manifest.margin * 100:.3g} %, stated before the data"
    yield margin if found.changes else "not one change could be told"


def plain(found: Comparison, warning: str = "") -> dict[str, Any]:
    """As JSON values."""
    return {
        "study": found.new.manifest.study,
        "old": str(found.old.path),
        "new": str(found.new.path),
        "warning": warning,
        "paired": found.likeness.paired,
        "differences": found.likeness.plain(),
        "margin": found.new.manifest.margin,
        "changes": [_plain(change) for change in found.changes],
        "left_out": [
            {"measure": left.measure, "percentile": left.percentile, "cell": dict(left.cell), "reason": left.reason}
            for left in found.left
        ],
        "identical": list(found.same),
    }


def _plain(change: Change) -> dict[str, Any]:
    effect, interval = change.found.effect, change.found.effect.change
    return {
        "measure": change.measure,
        "percentile": change.percentile,
        "cell": dict(change.cell),
        "old": change.old,
        "new": change.new,
        "change": interval.estimate,
        "low": alone(interval.low),
        "high": alone(interval.high),
        "method": interval.method,
        "better": effect.better,
        "verdict": change.found.verdict,
        "verdict_alone": effect.verdict,
        "among": change.found.among,
        "floor": change.floor,
        "blocks": list(change.blocks),
        "blocks_needed": needed(change).plain(),
        "notes": list(change.notes),
    }


def _table(measure: str, changes: Sequence[Change], names: dict[Cell, str]) -> str:
    """One measure, its cells one under the other."""
    families = {change.percentile: change.found.among for change in changes}
    among = ", ".join(f"{number} at {percentile}" for percentile, number in families.items() if number > 1)
    lines = [f"{measure}, old -> new" + (f"; verdicts with all cells in mind (Holm): {among}" if among else "")]
    for cell, own in groupby(changes, key=lambda change: change.cell):
        lines.append(f"  {names[cell]}")
        for change in own:
            numbers = f"{digits(change.old)} -> {digits(change.new)}"
            lines.append(f"    {change.percentile}  {numbers:<22}  {verdict(change)}")
            lines += [f"         {note}" for note in (*change.notes, *_advice(change))]
    return "\n".join(lines)


def _advice(change: Change) -> Iterator[str]:
    if change.found.effect.verdict == "inconclusive":
        yield needed(change).text()


def _left(found: Comparison) -> Iterator[str]:
    """What was not compared, once for each reason."""
    if found.same:
        yield f"the same in every row: {', '.join(found.same)}"
    reasons: dict[tuple[str, str, str], list[Left]] = {}
    for left in found.left:
        reasons.setdefault((left.measure, left.percentile, left.reason.partition(" (")[0]), []).append(left)
    for (measure, percentile, _), some in reasons.items():
        yield f"left out: {percentile} of {measure} in {count(len(some), 'cell')}: {some[0].reason}"


def _canaries(found: Comparison) -> str:
    """What the same small loops cost in the new run, against the old; nothing where no canary sang in both."""
    old, new = found.old.manifest.canaries, found.new.manifest.canaries
    both = [name for name in old if name in new and old[name].get("median_s") and new[name].get("median_s")]
    told = [f"{name} {new[name]['median_s'] / old[name]['median_s'] - 1:+.1%}" for name in both]
    return f"; its canaries: {', '.join(told)}" if told and not found.likeness.machine else ""


def _said(differences: Sequence[Difference]) -> str:
    return "; ".join(one.text() for one in differences) or "the same"
