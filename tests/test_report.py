"""The report opens offline, hides nothing, and says of each answer where it was measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from imlab.desk import measure, run
from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.places import here
from imlab.desk.measuring.study import open_study
from imlab.desk.report.page import table
from imlab.errors import UsageError
from imlab.lab.record.reading import latest
from tests.hashing import NAME, Bench


class Page(HTMLParser):
    """Everything in a page that could be loaded, every figure, and all its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.loads += [value or "" for name, value in attrs if name == "src" or (tag == "link" and name == "href")]
        self.loads += [tag] if tag in ("script", "iframe", "object", "base") else []
        if tag == "img":
            self.images.append(named)

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The known study, measured once and published."""
    with pytest.MonkeyPatch.context() as patch:
        bench = Bench(tmp_path_factory.mktemp("bench")).use(patch)
        assert measure.main(["90", "--publish"]) == 0
        yield bench


def page() -> str:
    return (here().report / "index.html").read_text()


def outside(loads: list[str]) -> list[str]:
    """What a page would fetch from elsewhere, or run."""
    return [load for load in loads if not load.startswith("data:image/svg+xml;base64,")]


def test_the_parser_sees_what_a_browser_would_load() -> None:
    bad = "<link href='https://x/y.css'><script src='//x/z.js'></script><img src='http://x'><a href='https://ok'>"
    assert outside(Page(bad).loads) == ["https://x/y.css", "//x/z.js", "script", "http://x"]


@pytest.mark.process
def test_a_second_run_shows_what_was_measured_and_reports_it(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    begun = bench.trials
    assert run.main(["--budget", "90s", "--no-notebooks"]) == 0
    said = capsys.readouterr().out
    assert "studies to measure: 0 of 1" in said and "measured here on" in said
    assert "measured on this machine" in said and "1 of 1 block kept" in said
    assert bench.trials == begun
    words = Page(page()).words
    found = latest(bench.results, NAME).manifest
    for told in (
        found.question.strip(), found.expectation, found.hash[:16], found.fingerprint, found.facts["cpu"], "2 ok",
        "measured on this machine", "1 of 1 block kept, 0 rejected", "changes the time by", "hashlib sha256 of OpenSSL",
        "Nothing: every trial ended well",
    ):  # fmt: skip
        assert told in words, told


@pytest.mark.process
def test_the_page_needs_nothing_and_every_figure_has_its_words(bench: Bench) -> None:
    assert run.main(["--budget", "90s", "--no-notebooks"]) == 0
    seen = Page(page())
    assert outside(seen.loads) == []
    assert "@import" not in page() and "url(" not in page()
    assert len(seen.images) == 2
    assert all(len(image["alt"] or "") > 40 for image in seen.images)


@pytest.mark.process
def test_what_does_not_fit_is_shown_from_the_reference(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    begun = bench.trials
    assert run.main(["--budget", "1s", "--no-notebooks", "--again"]) == 0
    said = capsys.readouterr().out
    assert "2s do not fit the budget" in said and "did not fit the budget" in Page(page()).words
    assert bench.trials == begun


@pytest.mark.process
def test_a_smoke_report_says_so_everywhere(bench: Bench) -> None:
    assert run.main(["--budget", "1m", "--no-notebooks", "--scale", "smoke"]) == 0
    seen = Page(page())
    assert seen.words.count("SMOKE: not a measurement") >= 2
    assert all((image["alt"] or "").startswith("SMOKE") for image in seen.images)
    assert "1 without an answer" in seen.words


@pytest.mark.process
def test_a_study_that_fails_outright_is_reported_and_fails_the_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMLAB_TEST_REFUSE", "1")
    monkeypatch.setenv("IMLAB_RESULTS", str(bench.home / "refused"))
    assert run.main(["--no-notebooks"]) == 1
    assert "No trial can be believed" in capsys.readouterr().out
    words = Page(page()).words
    assert "No trial can be believed: 2 invalid" in words and "the generator was late" in words


def test_nothing_stored_and_no_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Bench(tmp_path).use(monkeypatch)
    assert run.main(["--budget", "0s"]) == 0
    assert "Not measured yet" in capsys.readouterr().out
    assert "no run is stored" in Page(page()).words


def test_a_budget_needs_its_unit() -> None:
    with pytest.raises(UsageError, match="'10' is not a span of time"):
        run.main(["--budget", "10"])


def test_a_table_tells_values_apart_from_markup() -> None:
    frame = pd.DataFrame({"codec": ["<b>opus</b>", "R&D"], "p50_ms": [1.23456, float("nan")], "n": [12345, 7]})
    html = table(frame)
    assert "&lt;b&gt;opus&lt;/b&gt;" in html and "R&amp;D" in html and "<b>" not in html
    assert '<th class="number">p50 (ms)</th>' in html and "<th>codec</th>" in html
    assert '<td class="number">1.235</td>' in html and '<td class="number">–</td>' in html
    assert '<td class="number">12,345</td>' in html


def test_a_named_index_is_a_column() -> None:
    html = table(pd.DataFrame({"p50_ms": [1.0]}, index=pd.Index(["loopback"], name="path")))
    assert "<th>path</th>" in html and "<td>loopback</td>" in html


@pytest.mark.process
def test_a_void_run_is_told_of_and_an_older_sound_one_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Bench(tmp_path).use(monkeypatch)
    assert measure.main(["90", "--publish"]) == 0
    sound = Answer(open_study("90", here()), latest(here().results, NAME)).conclusion
    monkeypatch.setenv("IMLAB_TEST_GATES", "shut")
    words = [sys.executable, "-m", "imlab", "run", "--budget", "90s", "--no-notebooks"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "void: 1 of 1 blocks were rejected for involuntary switches/s" in told
    assert "measured on this machine" in told and "VOID" not in told
    assert " ".join(sound.split()) in told


@pytest.mark.process
def test_a_void_run_concludes_nothing(bench: Bench) -> None:
    study, stored = open_study("90", here()), latest(here().results, NAME)
    manifest = replace(stored.manifest, void=True, rejected={"0": ["steal share 0.3 > 0.02"]})
    answer = Answer(study, replace(stored, manifest=manifest))
    assert answer.conclusion == "Withheld: void, 1 of 1 blocks were rejected for steal share."
