"""./lab render: stored rows to figures, notebooks and report. Nothing is measured; twice gives the same bytes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from imlab.desk.measuring.answer import Answer, standing
from imlab.desk.measuring.places import Places, here, shown
from imlab.desk.measuring.study import Study, all_studies, open_study
from imlab.desk.report import report
from imlab.desk.report.execute import text
from imlab.desk.report.letters import Letters, execute_all, notebooks
from imlab.desk.report.prose import unbound
from imlab.desk.report.readme import BEGIN, fill
from imlab.desk.report.report import Entry
from imlab.lab.record.reading import runs
from imlab.lab.running.folder import write_whole

EPILOG = """\
Figures go beside the rows they are drawn from: of the published run, and of the run that stands for the study here.
The notebooks in notebooks/ and the answers in README.md come from published rows alone: the same on every machine.
A notebook whose prose says a measurement that none of its cells prints is named, and the exit code is 1.

examples:
  ./lab render          everything
  ./lab render q01      the figures and the notebook of one study, and the report
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when everything was drawn, 1 when a notebook failed or its prose quotes what no cell printed."""
    options = _parser().parse_args(argv)
    places = here()
    chosen = open_study(options.study, places) if options.study else None
    for study in [chosen] if chosen else all_studies(places):
        for path in _draw(study, places):
            print(shown(path))
    letters = execute_all(notebooks(places, chosen), "reference")
    for path in _keep(letters):
        print(shown(path))
    entries = [Entry(study, standing(study, places)) for study in all_studies(places)]
    print(shown(report.write(places, entries, letters.pages)))
    readme = places.notebooks.parent / "README.md"
    if readme.is_file() and BEGIN in readme.read_text() and fill(readme, places):
        print(shown(readme))
    complaints = [*letters.failed.values(), *_loose(letters, places)]
    for why in complaints:
        print(f"lab render: {why}", file=sys.stderr)
    return 1 if complaints else 0


def _loose(letters: Letters, places: Places) -> Iterator[str]:
    """The measurements in prose that nothing binds, notebook by notebook."""
    known = {study.name: study.experiment for study in all_studies(places)}
    for path, notebook in letters.done.items():
        yield from (f"{path.name}: {why}" for why in unbound(notebook, known))


def _draw(study: Study, places: Places) -> Iterator[Path]:
    """The figures of the published run and of the standing one."""
    now = standing(study, places)
    published = [run for run in runs(places.results, study.name) if run.reference]
    for run in {run.path: run for run in [*published, *([now.run] if now else [])]}.values():
        yield from Answer(study, run).save_figures()


def _keep(letters: Letters) -> Iterator[Path]:
    """The executed notebooks in the place of what they were, where that was different."""
    for path, notebook in letters.done.items():
        told = text(notebook)
        if told != path.read_text():
            write_whole(path, told.encode())
            yield path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab render",
        description="Stored rows to figures, notebooks and report; the same bytes each time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", nargs="?", metavar="STUDY", help="only this one: name, number, or beginning of a name")
    return parser
