"""The answers in README.md: one line per study, from published rows, written here and never by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.places import Places
from imlab.desk.measuring.study import Study, all_studies
from imlab.desk.report.letters import notebooks
from imlab.errors import UsageError
from imlab.lab.record.reading import runs
from imlab.lab.running.folder import write_whole

BEGIN = "<!-- answers: written by ./lab render from results/, not by hand -->\n"
END = "<!-- /answers -->\n"


def fill(readme: Path, places: Places) -> bool:
    """Put today's answers between the marks; whether that changed the file."""
    before = readme.read_text()
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"{readme.name} has no place for answers: {BEGIN.strip()} ... {END.strip()}")
    after = head + begin + "".join(_table(places)) + end + tail
    if after != before:
        write_whole(readme, after.encode())
    return after != before


def _table(places: Places) -> Iterator[str]:
    yield "| question | answer | measured |\n|---|---|---|\n"
    for study in all_studies(places):
        for run in runs(places.results, study.name):
            if run.reference:
                yield _line(study, Answer(study, run), places)


def _line(study: Study, answer: Answer, places: Places) -> str:
    manifest = answer.run.manifest
    question = " ".join(study.experiment.question.split())
    letters = notebooks(places, study)
    told = f"[{question}]({places.notebooks.name}/{letters[0].name})" if letters else question
    when = f"{manifest.started[:10]}, {manifest.scale} scale, {manifest.kept} blocks"
    return f"| {told} | {answer.conclusion} | {when} |\n"
