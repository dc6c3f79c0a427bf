"""The notebooks, executed one after the other without a screen: each becomes a page of the report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from imlab.desk.measuring.places import Places
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


def notebooks(places: Places, study: str = "") -> list[Path]:
    """All of them, or those of one study: ``q13_some_words`` is told in ``NN_some_words.ipynb``."""
    found = sorted(places.notebooks.glob("*.ipynb"))
    return [path for path in found if not study or _words(path.stem) == _words(study)]


def _words(name: str) -> str:
    """A name without its number: studies are numbered by importance, notebooks in the order of reading."""
    return name.partition("_")[2]


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
