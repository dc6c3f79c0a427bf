"""./lab compare: two runs of one study side by side, cell by cell, with intervals and verdicts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from imlab.desk.measuring.compared import account, plain
from imlab.desk.measuring.comparing import Comparison, compare
from imlab.desk.measuring.doubts import doubted
from imlab.desk.measuring.floor import floored
from imlab.desk.measuring.naming import find
from imlab.desk.measuring.places import here, shown
from imlab.desk.measuring.portrait import portrait
from imlab.errors import DoorError, UsageError
from imlab.lab.record.index import index
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run

EPILOG = """\
A RUN is a folder, STUDY/RUN, STUDY/reference, STUDY alone (the newest sound run measured here, else the reference),
or how a run's name begins; ./lab runs lists them. RUN_A is the old one, RUN_B the new.

Each block gives one p50, and one p99 where ten of its rows lie above it. The change is the mean over blocks of
ln(new / old), told in percent; old and new are geometric means over blocks. Where both runs were drawn by one plan,
their blocks had the same arrivals and payloads, and are paired; otherwise Welch's interval is given, and it is said.

Verdicts, against the margin that the study stated before its data:
  equivalent      the 90 % interval lies within the margin
  faster, slower  else the 95 % interval excludes zero
  inconclusive    else, and always below 6 blocks: then it is said how many blocks would answer
Of several cells, each verdict holds with all of them in mind (Holm, one measure and percentile at a time). An interval
tells how blocks differ, not how one afternoon differs from the next: where it matters, measure old and new in turns,
and compare two runs of the same code first. A change smaller than what such a pair showed here is "below the noise
floor".

Runs from different machines (fingerprint, pinned cores), smoke runs and void runs are refused; --anyway compares them
and says so in the first line and under the figure. Runs of different studies are never compared.

--json prints one object {"study", "old", "new", "warning", "paired", "differences", "margin", "changes", "left_out",
"identical"}; differences is {"machine", "code", "plan"}, each {what: [old, new]}; a change is {"measure", "percentile",
"cell", "old", "new", "change", "low", "high", "method", "better", "verdict", "verdict_alone", "among", "floor",
"blocks", "blocks_needed", "notes"}: change, low, high and floor are shares (0.03 is 3 %), null where there is none;
blocks_needed is {"spread", "find", "exclude"}, for one cell, null where one block tells no spread.

Exit code 0 when something was compared, whatever the verdicts are; 1 when nothing could be; 2 for misuse.

examples:
  ./lab compare q01/reference q01
  ./lab compare q01/20261123 q01/20261124 --measure stop_to_play_us --cell network=loopback --figure change.svg
  ./lab compare q02/reference q02 --measure visqol --better higher --by curve,panel
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when something was compared, 1 when nothing was."""
    options = _parser().parse_args(argv)
    results = here().results
    old, new = (_run(word, results) for word in (options.old, options.new))
    if old.path == new.path:
        raise UsageError(f"both are {shown(old.path)}: a run is compared with another")
    by, only = _words(options.by), dict(_labels(options.cell))
    again = partial(compare, measures=_words(options.measure), by=by, only=only, better=options.better)
    found = again(old, new)
    warning = _warning(found, options.anyway)
    found = floored(doubted(found), index(results), again)
    if options.figure:
        portrait(found, warning).save(options.figure)
    print(json.dumps(plain(found, warning), indent=2) if options.json else account(found, warning))
    return 0 if found.changes or found.same else 1


def _run(word: str, results: Path) -> Run:
    """The whole run that a word means."""
    entry = find(word, results)
    if entry.state != "whole":
        raise DoorError(f"{shown(entry.path)} is {entry.state}: {entry.reason}")
    return Run(entry.path, read_manifest(entry.path))


def _warning(found: Comparison, anyway: bool) -> str:
    """Why this comparison should not be made; refused unless it is asked for in spite of it."""
    reasons = list(_reasons(found))
    if reasons and not anyway:
        raise UsageError(f"{'; '.join(reasons)}; --anyway compares them, and says so")
    return f"COMPARED ANYWAY: {'; '.join(reasons)}" if reasons else ""


def _reasons(found: Comparison) -> Iterator[str]:
    if differs := found.likeness.machine:
        yield f"not the same machine: {', '.join(one.text() for one in differs)}"
    for name, run in (("old", found.old), ("new", found.new)):
        if run.manifest.watermark:
            yield f"the {name} run is {run.manifest.watermark}"


def _words(told: str) -> list[str]:
    return [word for word in told.split(",") if word]


def _labels(told: list[str]) -> Iterator[tuple[str, str]]:
    """``network=loopback`` as column and label."""
    for word in told:
        column, sign, label = word.partition("=")
        if not sign:
            raise UsageError(f"--cell takes COLUMN=LABEL, not {word!r}")
        yield column, label


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab compare",
        description="Two runs of one study side by side, cell by cell, with intervals and verdicts.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", metavar="RUN_A", help="the old run")
    parser.add_argument("new", metavar="RUN_B", help="the new run")
    parser.add_argument("--measure", default="", metavar="COLUMN,...", help="these (all with a unit in their name)")
    parser.add_argument("--by", default="", metavar="COLUMN,...", help="tell rows of one cell apart by these, too")
    parser.add_argument("--cell", action="append", default=[], metavar="COLUMN=LABEL", help="only cells with this")
    parser.add_argument("--better", choices=("lower", "higher"), default="", help="which way is good (by the unit)")
    parser.add_argument("--anyway", action="store_true", help="compare what should not be compared, and say so")
    parser.add_argument("--figure", type=Path, metavar="FILE", help=".svg or .png: the effects, or one cell's curve")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
