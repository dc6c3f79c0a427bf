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
from imlab.desk.measuring.study import open_study
from imlab.desk.report.execute import execute

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
    (still, bad(outputs=[{"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}}])),
]


@pytest.mark.parametrize(("law", "cell"), LAWS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_law_catches_its_breach(law: Law, cell: Cell) -> None:
    assert list(law(cell))
    assert not list(law(bad()))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_keeps_the_laws(notebook: Path) -> None:
    told = json.loads(notebook.read_text())
    laws = {law for law, _ in LAWS}
    assert [breach for cell in told["cells"] for law in laws for breach in law(cell)] == []
    assert told["cells"][0]["cell_type"] == "markdown" and "".join(told["cells"][0]["source"]).startswith("# ")
    assert set(told["metadata"]) == {"kernelspec", "language_info"}
    assert notebook.stat().st_size < MOST_BYTES


def shown(notebook: Any) -> list[tuple[str, Any]]:
    """What a notebook says, but for the strokes of its figures, whose last digits may differ with the processor."""
    told = json.loads(json.dumps(notebook))
    return [
        (kind, "" if kind == "image/svg+xml" else "".join(text))
        for cell in told["cells"]
        for output in cell.get("outputs", [])
        for kind, text in (output.get("data") or {"text/plain": output["text"]}).items()
    ]


def test_there_are_notebooks() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS][:2] == ["00", "01"]


@pytest.mark.notebook
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_git_keeps_what_the_published_rows_say(notebook: Path) -> None:
    kept = json.loads(notebook.read_text())
    assert shown(kept), f"{notebook.name} is not executed: ./lab render"
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
    told = json.loads((tmp_path / notebook.name).read_text())
    assert any("SMOKE: not a measurement" in text for _, text in shown(told))
    assert [breach for cell in told["cells"] for breach in still(cell | {"metadata": {}})] == []


@pytest.mark.process
def test_the_study_that_the_tour_shows_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = json.loads(NOTEBOOKS[0].read_text())["cells"]
    told = "".join(next(cell for cell in cells if cell["id"] == "own-question")["source"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").touch()
    (tmp_path / "mine" / "q90_frame_bytes.py").write_text(told.split("```python\n")[1].split("```")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("IMLAB_STUDIES", "mine")
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path / "results"))
    assert measure.main(["90", "--scale", "smoke"]) == 0
    assert "Frames of 60 ms instead of 20 ms change the bytes by" in capsys.readouterr().out
    answer = standing(open_study("90", here()), here())
    assert answer is not None and set(answer.figures) == {"sizes"}
