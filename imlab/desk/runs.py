"""./lab runs: every run that is stored, whole or not, and what it may be called elsewhere."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from imlab.desk.measuring.budget import told
from imlab.desk.measuring.naming import shorts
from imlab.desk.measuring.places import here
from imlab.desk.measuring.study import meant
from imlab.desk.report.words import count
from imlab.lab.record.index import Entry, index

EPILOG = """\
The list is read from the folders under results/ each time; nothing else knows of a run, so what is copied in is there,
and what is deleted is gone. Broken folders are listed with the reason. An unfinished run is taken up again by the same
./lab measure, where plan, code and machine are the same.

The first column is a name that ./lab compare takes. A + after a commit: the code differed from it. "kept" counts the
blocks that the machine left in peace; the fingerprint is equal where results may be compared.

--json prints one array of {"study", "run", "name", "path", "state", "reason", "started", "scale", "hash", "commit",
"dirty", "fingerprint", "machine", "blocks", "rejected", "void", "outcomes", "seconds", "reference"}: state is whole,
unfinished or broken; what a folder does not tell is empty or zero.

examples:
  ./lab runs
  ./lab runs q01                     one study's
  ./lab runs --json | jq -r '.[] | select(.state == "broken") | .path'
"""

HEADS = ("run", "started (UTC)", "scale", "kept", "plan", "commit", "fingerprint", "took", "")


def main(argv: list[str]) -> int:
    """Exit code 0, whatever is there."""
    options = _parser().parse_args(argv)
    entries = index(here().results)
    names = shorts(entries)
    if options.study:
        study = meant(options.study, list(dict.fromkeys(entry.study for entry in entries)))
        entries = [entry for entry in entries if entry.study == study]
    if options.json:
        print(json.dumps([entry.plain() | {"name": names[entry.path]} for entry in entries], indent=2))
    elif entries:
        print(table([HEADS, *((names[entry.path], *_cells(entry)) for entry in entries)]))
        print(f"\n{_summary(entries)}")
    else:
        print("no run is stored; ./lab measure STUDY makes one")
    return 0


def table(lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest word."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _cells(entry: Entry) -> tuple[str, ...]:
    """A run in words, without its name."""
    kept = f"{entry.blocks - entry.rejected}/{entry.blocks}" if entry.blocks else ""
    commit = entry.commit[:7] + ("+" if entry.dirty else "")
    took = told(entry.seconds) if entry.seconds else ""
    return (
        entry.started[:16].replace("T", " "), entry.scale, kept, entry.hash[:8], commit, entry.fingerprint, took,
        _noted(entry),
    )  # fmt: skip


def _noted(entry: Entry) -> str:
    """What is to be known before it is used."""
    if entry.state != "whole":
        return f"{entry.state}: {entry.reason}"
    bad = ", ".join(f"{number} {end}" for end, number in entry.outcomes.items() if end != "ok")
    smoke = "no measurement" if entry.scale == "smoke" else ""
    return "; ".join(part for part in ("VOID" if entry.void else "", smoke, bad) if part)


def _summary(entries: Sequence[Entry]) -> str:
    machines = len({entry.fingerprint for entry in entries if entry.fingerprint})
    states = [f"{number} {state}" for state in ("unfinished", "broken") if (number := _number(entries, state))]
    return ", ".join([count(len(entries), "run"), *states, f"from {count(machines, 'machine')}"])


def _number(entries: Sequence[Entry], state: str) -> int:
    return sum(entry.state == state for entry in entries)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab runs",
        description="Every run that is stored, whole or not, and what it may be called elsewhere.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", nargs="?", metavar="STUDY", help="only this one's: name, number, or beginning")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
