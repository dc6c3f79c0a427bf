"""The README says what the published rows say."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from imlab.desk.measuring.places import ROOT, here
from imlab.desk.report.readme import BEGIN, END, fill
from imlab.errors import UsageError

pytestmark = pytest.mark.slow


def test_the_committed_readme_says_what_the_published_rows_say(tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    shutil.copy(ROOT / "README.md", copy)
    assert not fill(copy, here()), "run ./lab render"
    assert "| [" in copy.read_text(), "a published study has its line, with a link to its notebook"


def test_only_what_stands_between_the_marks_is_written(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}an old claim\n{END}after\n")
    nothing_published = replace(here(), results=tmp_path)
    assert fill(readme, nothing_published)
    told = readme.read_text()
    assert told.startswith(f"before\n{BEGIN}| question |")
    assert told.endswith(f"{END}after\n")
    assert "old claim" not in told
    assert not fill(readme, nothing_published), "twice is once"


@pytest.mark.parametrize("text", ["no place at all\n", BEGIN, END, END + BEGIN])
def test_a_readme_without_a_place_for_answers_is_left_alone(tmp_path: Path, text: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(UsageError, match="no place for answers"):
        fill(readme, here())
    assert readme.read_text() == text


def test_what_the_readme_links_to_is_there() -> None:
    links = {part.split(")")[0] for part in (ROOT / "README.md").read_text().split("](")[1:]}
    assert len(links) >= 5
    assert not [link for link in links if not (ROOT / link).exists()]
