"""A known study, measured once for all tests that read its runs: two real trials of about a second each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

NAME = "q90_hashing"
CELLS = (
    "from imlab.desk.notebook import SCALE, study\n\nq90 = study('q90_hashing', SCALE)\nq90",
    "q90.expectation",
    "q90.figure('distribution')",
    "q90.table",
    "q90.conclusion",
)


@dataclass(frozen=True)
class Bench:
    """A place of its own for results and notebooks, with the known study in it."""

    home: Path

    @property
    def results(self) -> Path:
        return self.home / "results"

    @property
    def notebooks(self) -> Path:
        return self.home / "notebooks"

    @property
    def trials(self) -> list[str]:
        """Every trial that was ever begun here."""
        counter = self.home / "trials"
        return counter.read_text().split() if counter.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "IMLAB_STUDIES": "tests.studies",
            "IMLAB_RESULTS": str(self.results),
            "IMLAB_NOTEBOOKS": str(self.notebooks),
            "IMLAB_TEST_TRIALS": str(self.home / "trials"),
        }

    def use(self, monkeypatch: pytest.MonkeyPatch) -> Bench:
        """Let every verb, kernel and trial of this test work here."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        return self

    def write_notebook(self, *cells: str, name: str = "90_hashing") -> Path:
        """A letter on the known study."""
        self.notebooks.mkdir(exist_ok=True)
        notebook: Any = nbformat.v4.new_notebook()
        for number, source in enumerate(cells or CELLS):
            notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number}"))
        path = self.notebooks / f"{name}.ipynb"
        path.write_text(nbformat.writes(notebook) + "\n")
        return path

    def files(self) -> dict[str, bytes]:
        """All that lies here, but for locks."""
        found = [path for path in self.home.rglob("*") if path.is_file() and path.name != "lock"]
        return {str(path.relative_to(self.home)): path.read_bytes() for path in found}


def subprocess_environment(bench: Bench) -> dict[str, str]:
    """For a process of its own."""
    return {**os.environ, **bench.environment}
