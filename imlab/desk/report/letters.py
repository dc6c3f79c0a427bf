"""The notebooks, executed one after the other without a screen: each becomes a page of the report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from tqdm import tqdm

from imlab.desk.measuring.places import Places
from imlab.desk.measuring.study import Study
from imlab.desk.report.execute import Notebook, execute, page
from imlab.errors import DoorError


@dataclass(frozen=True, slots=True)
class Letters:
    """What came of it: notebooks by path, and why some failed."""

    done: dict[Path, Notebook] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)

    @property
    def pages(self) -> dict[str, str]:
        """Name -> HTML."""
        return {path.stem: page(notebook, path.stem.replace("_", " ")) for path, notebook in self.done.items()}


def notebooks(places: Places, study: Study | None = None) -> list[Path]:
    """All of them in the order of reading, or those that tell one study.

    A notebook tells a study if it is called like it but for the number, if its title is the study's question, or else
    if it opens it.
    """
    found = sorted(places.notebooks.glob("*.ipynb"))
    if study is None:
        return found
    return [path for path in found if _tells(path, study)] or [path for path in found if _opens(path, study)]


def _tells(path: Path, study: Study) -> bool:
    return _words(path.stem) == _words(study.name) or _title(path) == " ".join(study.experiment.question.split())


def _opens(path: Path, study: Study) -> bool:
    return any(f'study("{study.name}"' in cell.source for cell in nbformat.read(path, as_version=4).cells)


def _words(name: str) -> str:
    """A name without its number: studies are numbered by importance, notebooks in the order of reading."""
    return name.partition("_")[2]


def _title(path: Path) -> str:
    """The first line of the first cell, without its mark; empty if there is none."""
    cells = nbformat.read(path, as_version=4).cells
    return cells[0].source.partition("\n")[0].removeprefix("#").strip() if cells else ""


def execute_all(paths: Sequence[Path], scale: str) -> Letters:
    """Each in its own kernel; one that fails does not stop the next."""
    letters = Letters()
    for path in _watched(paths):
        try:
            letters.done[path] = execute(path, scale)
        except DoorError as error:
            letters.failed[path] = str(error)
    return letters


def _watched(paths: Sequence[Path]) -> Iterator[Path]:
    """A bar where somebody looks, a line each where not."""
    if not sys.stderr.isatty():
        for path in paths:
            print(f"executing {path.name}", flush=True)
            yield path
        return
    with tqdm(paths, unit="notebook", desc="notebooks", dynamic_ncols=True) as bar:
        for path in bar:
            bar.set_postfix_str(path.stem)
            yield path
