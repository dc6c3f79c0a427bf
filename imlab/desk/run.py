"""./lab run, the main job: measure what fits the budget, execute the notebooks, write the report, tell the answers
and the ledger of claims.
"""

from __future__ import annotations

import argparse
import math
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from imlab.desk.measure import use_corpus
from imlab.desk.measuring import budget, watch
from imlab.desk.measuring.agenda import Item, agenda
from imlab.desk.measuring.answer import Answer, standing
from imlab.desk.measuring.places import Places, here, shown
from imlab.desk.measuring.study import all_studies
from imlab.desk.measuring.taking import take
from imlab.desk.measuring.verdicts import ledger, summary
from imlab.desk.report import report
from imlab.desk.report.letters import Letters, execute_all, notebooks
from imlab.desk.report.report import Entry
from imlab.desk.report.words import count
from imlab.errors import DoorError
from imlab.lab.plan.design import SCALES

NOTEBOOK_S = 7.0  # seconds a notebook needs on two slow cores; the report is written in less

EPILOG = """\
Studies are measured in order of importance, each if what it predicts fits into what is left of the budget; one that
does not is shown from results/<study>/reference and marked "reference machine, not measured here". Ctrl-C loses
nothing that has ended, and the same command goes on there. What this code has measured on this machine already is
shown as it is; --again measures anew.

Exit code 1 when a study failed outright or a notebook did not run; the report is written all the same.

examples:
  ./lab run                    ten minutes
  ./lab run --budget 1h
  ./lab run --budget 0s        measures nothing: the report from what is stored
  ./lab run --all              every study, however long
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when the report is written and nothing failed outright."""
    options = _parser().parse_args(argv)
    left_s = math.inf if options.all else budget.seconds(options.budget)
    if options.corpus:
        use_corpus(options.corpus)
    places = here()
    letters = [] if options.no_notebooks else notebooks(places)
    reserve_s = NOTEBOOK_S * len(letters)
    items = agenda(all_studies(places), options.scale, left_s - reserve_s, places, options.again)
    print(_promise(items, len(letters), reserve_s), flush=True)
    try:
        end = time.monotonic() + left_s - reserve_s
        entries = [_measure(item, places, end) for item in items]
        return _tell(entries, places, execute_all(letters, "stored"))
    except KeyboardInterrupt:
        print("\nstopped; what has ended is stored. The same command goes on from there.", file=sys.stderr)
        return 130


def _promise(items: Sequence[Item], letters: int, reserve_s: float) -> str:
    """What will be done, and for how long."""
    whole = sum(item.cost_s for item in items) + reserve_s
    measured = sum(item.deed == "measure" for item in items)
    head = f"studies to measure: {measured} of {len(items)}; notebooks to execute: {letters}; then the report"
    return "\n".join([f"{head}. About {budget.told(whole)}.", *(f"  {item.line()}" for item in items), ""])


def _measure(item: Item, places: Places, end: float) -> Entry:
    """One study, measured until ``end`` on the monotonic clock, or what is stored of it and why it was not."""
    if item.deed == "keep":
        return Entry(item.study, item.before)
    name, cost = item.study.name, budget.told(item.study.experiment.predicted_s(item.drawn.scale))
    if item.deed == "leave":
        note = f"Its {cost} did not fit the budget of this report: ./lab measure {name}"
        return Entry(item.study, standing(item.study, places), note)
    try:
        run = take(item.drawn, places.results, watch.usual(), lambda: time.monotonic() > end)
    except DoorError as error:
        return Entry(item.study, standing(item.study, places), f"Not measured: {error}", failed=True)
    if run is None:
        note = f"Stopped when the budget was spent; what has ended is stored: ./lab measure {name} goes on there"
        return Entry(item.study, standing(item.study, places), note)
    answer = Answer(item.study, run)
    if run.manifest.void:  # the machine was not quiet: whatever sound run there is speaks instead
        note = f"Measured here just now, and void: {answer.rejected}. Its rows are kept: {shown(run.path)}"
        return Entry(item.study, standing(item.study, places), note)
    return Entry(item.study, answer, failed=bool(answer.silent))


def _tell(entries: Sequence[Entry], places: Places, letters: Letters) -> int:
    """Write the report, and say the answers on the terminal."""
    path = report.write(places, entries, letters.pages)
    print("\n" + "\n\n".join([*(_said(entry) for entry in entries), *_claimed(entries, places)]), end="\n\n")
    print(f"report: {shown(path)}", flush=True)
    for why in letters.failed.values():
        print(f"lab run: {why}", file=sys.stderr)
    return 1 if letters.failed or any(entry.failed for entry in entries) else 0


def _said(entry: Entry) -> str:
    """A question, its answer, and where the answer comes from."""
    lines = [" ".join(entry.study.experiment.question.split())]
    if entry.answer:
        run = entry.answer.run.manifest
        lines += [entry.answer.conclusion, f"({entry.answer.run.label}; {run.kept} of "
                  f"{count(run.blocks, 'block')} kept)"]  # fmt: skip
    lines += [entry.note or "" if entry.answer else f"Not measured yet. {entry.note}"]
    told = [textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="  ") for line in lines[1:] if line]
    return "\n".join([f"{entry.study.name}: {lines[0]}", *told])


def _claimed(entries: Sequence[Entry], places: Places) -> Iterator[str]:
    """The ledger of published claims, where the studies declare any."""
    lines = ledger(places, [entry.answer for entry in entries if entry.answer])
    if lines:
        yield "\n".join([f"{summary(lines)} (./lab ledger CLAIM says more)", *(line.text() for line in lines)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab run",
        description="Measure what fits the budget, execute the notebooks, write the report, tell the answers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--budget", default="10m", metavar="TIME", help="90s, 10m, 1h30m (10m)")
    much.add_argument("--all", action="store_true", help="every study, however long")
    parser.add_argument("--scale", choices=SCALES, default="quick", help="smoke measures nothing (quick)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="recordings to use (IMLAB_CORPUS)")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured here already")
    parser.add_argument("--no-notebooks", action="store_true", help="leave the notebooks out")
    return parser
