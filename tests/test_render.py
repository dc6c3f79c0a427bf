"""Rendering measures nothing, and gives the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
import pytest

from imlab.desk import measure, render
from imlab.desk.report.execute import execute, page
from imlab.errors import DoorError
from imlab.lab.record.reading import latest
from tests.hashing import NAME, Bench
from tests.test_report import Page, outside

pytestmark = [pytest.mark.process, pytest.mark.notebook]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The known study with a published run."""
    with pytest.MonkeyPatch.context() as patch:
        bench = Bench(tmp_path_factory.mktemp("bench")).use(patch)
        assert measure.main(["90", "--publish"]) == 0
        bench.write_notebook()
        yield bench


def test_twice_gives_the_same_bytes_and_measures_nothing(bench: Bench) -> None:
    begun = bench.trials
    assert render.main([]) == 0
    once = bench.files()
    assert render.main(["90"]) == 0
    assert bench.files() == once
    assert bench.trials == begun
    figures = f"results/{NAME}/reference/figures"
    assert {f"{figures}/distribution.svg", f"{figures}/medians.svg", "results/report/index.html"} <= set(once)


def test_the_notebook_is_executed_from_published_rows(bench: Bench) -> None:
    assert render.main(["90"]) == 0
    notebook = json.loads((bench.notebooks / "90_hashing.ipynb").read_text())
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in json.dumps(notebook["metadata"])
    assert [cell["metadata"] for cell in notebook["cells"]] == [{}] * 5
    outputs = [output["data"] for cell in notebook["cells"] for output in cell["outputs"]]
    assert [set(data) for data in outputs] == [
        {"text/markdown"}, {"text/markdown"}, {"image/svg+xml"}, {"text/html"}, {"text/markdown"},
    ]  # fmt: skip
    text = json.dumps(notebook)
    assert "reference machine, not measured here" in text and "SMOKE" not in text
    assert str(bench.home) not in text


def test_the_page_of_a_notebook_needs_nothing_and_its_figures_have_words(bench: Bench) -> None:
    assert render.main(["90"]) == 0
    told = (bench.results / "report" / "notebooks" / "90_hashing.html").read_text()
    assert outside(Page(told).loads) == []
    assert [len(image["alt"] or "") > 40 for image in Page(told).images] == [True]
    assert 'href="../index.html"' in told


def test_links_of_a_notebook_lead_on_from_the_report(bench: Bench) -> None:
    path = bench.write_notebook(
        "from imlab.desk.notebook import Markings\n"
        'Markings(\'<audio src="../results/heard/note.ogg"></audio> <a href="90_hashing.ipynb">q90</a>\')',
        name="92_links",
    )
    told = page(execute(path, "reference"), "links")
    path.unlink()
    assert 'src="../../heard/note.ogg"' in told and 'href="90_hashing.html"' in told


def test_a_notebook_that_fails_is_named_and_the_report_is_written(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = bench.write_notebook("1 / 0", name="91_broken")
    before = broken.read_bytes()
    assert render.main([]) == 1
    said = capsys.readouterr()
    assert "91_broken.ipynb: ZeroDivisionError: division by zero" in said.err
    assert "index.html" in said.out and broken.read_bytes() == before
    broken.unlink()


def test_prose_that_quotes_what_no_cell_printed_is_named(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    path = bench.write_notebook("from imlab.desk.notebook import Prose\nProse('It took 7 ms.')", name="90_hashing")
    loose = nbformat.read(path, as_version=4)
    loose.cells.append(nbformat.v4.new_markdown_cell("As printed, 7 ms; and 0.007 s; but not 8 ms.", id="words"))
    path.write_text(nbformat.writes(loose) + "\n")
    assert render.main(["90"]) == 1
    said = capsys.readouterr().err
    assert '90_hashing.ipynb: cell words says "8 ms", which no cell prints' in said and '"7 ms"' not in said
    bench.write_notebook()
    assert render.main(["90"]) == 0


def test_at_smoke_scale_a_notebook_measures_and_says_so(bench: Bench) -> None:
    begun = len(bench.trials)
    notebook = execute(bench.notebooks / "90_hashing.ipynb", "smoke")
    assert len(bench.trials) == begun + 2
    text = json.dumps(notebook)
    assert text.count("SMOKE: not a measurement") >= 2 and "widget" not in text
    assert latest(bench.results, NAME).manifest.scale == "quick", "smoke never stands for a study"


def test_a_scale_that_is_none(bench: Bench) -> None:
    path = bench.notebooks / "90_hashing.ipynb"
    with pytest.raises(DoorError, match="no scale 'huge': choose from stored, reference, smoke, quick, full"):
        execute(path, "huge")
