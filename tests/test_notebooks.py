"""Notebooks are letters: short cells, no code of their own, nothing that changes by itself; and each of them runs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imlab.desk import measure
from imlab.desk.measuring.answer import standing
from imlab.desk.measuring.places import ROOT, here
from imlab.desk.measuring.study import all_studies, open_study
from imlab.desk.report.execute import execute
from imlab.desk.report.printed import told
from imlab.desk.report.prose import unbound
from imlab.lab.record.manifest import SMOKE

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_LINES, MOST_BYTES = 5, 1_000_000
CODE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.ListComp, ast.Try)

Cell = dict[str, Any]
Law = Callable[[Cell], Iterator[str]]


def short(cell: Cell) -> Iterator[str]:
    """At most five lines: where more are needed, the package lacks a verb."""
    if cell["cell_type"] == "code" and (count := len("".join(cell["source"]).split("\n"))) > MOST_LINES:
        yield f"{cell['id']} has {count} lines"


def plain(cell: Cell) -> Iterator[str]:
    """No functions, no loops, no paths, no magic: verbs of the package."""
    if cell["cell_type"] != "code":
        return
    source = "".join(cell["source"])
    if source.lstrip().startswith(("%", "!")):
        yield f"{cell['id']} is magic"
        return
    if "pathlib" in source or "sys.path" in source:
        yield f"{cell['id']} juggles with its surroundings"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, CODE):
            yield f"{cell['id']} holds a {type(node).__name__}"


def still(cell: Cell) -> Iterator[str]:
    """Nothing kept that changes by itself, complains, or failed."""
    if cell["metadata"]:
        yield f"{cell['id']} keeps {sorted(cell['metadata'])}"
    for output in cell.get("outputs", []):
        if output["output_type"] == "error" or output.get("name") == "stderr":
            yield f"{cell['id']} complains"
        yield from (f"{cell['id']} keeps a {kind}" for kind in output.get("data", {}) if "widget" in kind)


def of_record(cell: Cell) -> Iterator[str]:
    """Nothing kept that is no measurement, or is the measurement of one machine only."""
    for output in cell.get("outputs", []):
        yield from (f"{cell['id']} says {mark}" for mark in (SMOKE, "measured on this machine") if mark in told(output))


def bad(source: str = "q01", kind: str = "code", **more: Any) -> Cell:
    """A cell to catch a breach with."""
    return {"id": "c", "cell_type": kind, "source": source, "metadata": {}, "outputs": []} | more


LAWS: list[tuple[Law, Cell]] = [
    (short, bad("a\n" * 5)),
    (plain, bad("def f(): ...")),
    (plain, bad("for x in y: x")),
    (plain, bad("[x for x in y]")),
    (plain, bad("%matplotlib inline")),
    (plain, bad("from pathlib import Path")),
    (still, bad(metadata={"execution": {}})),
    (still, bad(outputs=[{"output_type": "stream", "name": "stderr"}])),
    (still, bad(outputs=[{"output_type": "error"}])),
    (of_record, bad(outputs=[{"output_type": "stream", "name": "stdout", "text": SMOKE}])),
    (
        of_record,
        bad(outputs=[{"output_type": "display_data", "data": {"image/svg+xml": f"<desc>{SMOKE}</desc>"}}]),
    ),
    (still, bad(outputs=[{"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}}])),
]


@pytest.mark.parametrize(("law", "cell"), LAWS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_law_catches_its_breach(law: Law, cell: Cell) -> None:
    assert list(law(cell))
    assert not list(law(bad()))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_keeps_the_laws(notebook: Path) -> None:
    kept = json.loads(notebook.read_text())
    laws = {law for law, _ in LAWS}
    assert [breach for cell in kept["cells"] for law in laws for breach in law(cell)] == []
    assert kept["cells"][0]["cell_type"] == "markdown" and "".join(kept["cells"][0]["source"]).startswith("# ")
    assert set(kept["metadata"]) == {"kernelspec", "language_info"}
    assert notebook.stat().st_size < MOST_BYTES


def counted(notebook: Any) -> bool:
    """Whether its cells were run once each, from top to bottom; or none of them yet."""
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    kept = [cell for cell in notebook["cells"] if cell.get("outputs")]
    return counts == list(range(1, len(counts) + 1)) or not (any(counts) or kept)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_was_run_from_top_to_bottom(notebook: Path) -> None:
    assert counted(json.loads(notebook.read_text())), "run all, or ./lab render"


def test_a_notebook_run_in_pieces_is_seen() -> None:
    assert counted({"cells": [bad(execution_count=1), bad(kind="markdown"), bad(execution_count=2)]})
    assert not counted({"cells": [bad(execution_count=2), bad(execution_count=3)]}), "run again, from the middle"
    assert not counted({"cells": [bad(execution_count=1), bad(execution_count=None)]}), "a cell that came later"
    assert not counted({"cells": [bad(execution_count=None, outputs=[{"output_type": "stream"}])]})


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_prose_says_no_number_that_nothing_binds(notebook: Path) -> None:
    known = {study.name: study.experiment for study in all_studies(here())}
    assert list(unbound(json.loads(notebook.read_text()), known)) == []


def shown(notebook: Any) -> list[tuple[Any, ...]]:
    """What a notebook says, source by source, but for the strokes of its figures, whose last digits may differ with the
    processor; the words of a figure hold its numbers.
    """
    read = json.loads(json.dumps(notebook))
    return [
        (
            cell["id"],
            "".join(cell["source"]),
            cell.get("execution_count"),
            [told(out) for out in cell.get("outputs", [])],
        )
        for cell in read["cells"]
    ]


def test_there_are_notebooks() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS][:2] == ["00", "01"]


@pytest.mark.notebook
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_git_keeps_what_the_published_rows_say(notebook: Path) -> None:
    kept = json.loads(notebook.read_text())
    assert any(outputs for *_, outputs in shown(kept)), f"{notebook.name} is not executed: ./lab render"
    assert shown(execute(notebook, "reference")) == shown(kept), f"{notebook.name} tells of other rows: ./lab render"


@pytest.mark.notebook
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_measures_and_runs_headless(notebook: Path, tmp_path: Path) -> None:
    convert = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.timeout=600"]
    done = subprocess.run(
        [*convert, "--output-dir", str(tmp_path), str(notebook)],
        env={**os.environ, "IMLAB_SCALE": "smoke", "IMLAB_RESULTS": str(tmp_path / "results")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    run = json.loads((tmp_path / notebook.name).read_text())
    assert any(SMOKE in text for *_, outputs in shown(run) for text in outputs)
    assert [breach for cell in run["cells"] for breach in still(cell | {"metadata": {}})] == []


@pytest.mark.process
def test_the_study_that_the_tour_shows_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = json.loads(NOTEBOOKS[0].read_text())["cells"]
    words = "".join(next(cell for cell in cells if cell["id"] == "own-question")["source"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").touch()
    (tmp_path / "mine" / "q90_frame_bytes.py").write_text(words.split("```python\n")[1].split("```")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("IMLAB_STUDIES", "mine")
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path / "results"))
    assert measure.main(["90", "--scale", "smoke"]) == 0
    assert "Frames of 60 ms instead of 20 ms change the bytes by" in capsys.readouterr().out
    answer = standing(open_study("90", here()), here())
    assert answer is not None and set(answer.figures) == {"sizes"}
