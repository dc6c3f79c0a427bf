"""A word means one study, or the reader is told which one was near."""

from __future__ import annotations

from pathlib import Path

import pytest

from imlab.desk.measuring import plain
from imlab.desk.measuring.places import here
from imlab.desk.measuring.study import all_studies, meant, open_study
from imlab.desk.report.words import count, digits, heading
from imlab.errors import UsageError

NAMES = ["q01_stop_to_play", "q02_backoff", "q10_backlog", "q100_pools"]
MEANT = {
    "q01_stop_to_play": "q01_stop_to_play", "q01": "q01_stop_to_play",
    "q1": "q01_stop_to_play", "1": "q01_stop_to_play",
    "q02_b": "q02_backoff", "10": "q10_backlog", "q10": "q10_backlog", "100": "q100_pools", "q01_": "q01_stop_to_play",
}  # fmt: skip


@pytest.mark.parametrize(("word", "name"), MEANT.items())
def test_a_number_a_name_or_its_beginning(word: str, name: str) -> None:
    assert meant(word, NAMES) == name


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("q03", "did you mean|there are"),
        ("stop_to_play", "did you mean q01_stop_to_play"),
        ("q0", "may mean|did you mean|there are"),
        ("q", "may mean q01_stop_to_play or q02_backoff"),
        ("", "there are q01_stop_to_play"),
        ("weather", "there are"),
    ],
)
def test_no_study_or_several(word: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        meant(word, NAMES)


def test_every_study_of_the_house_speaks() -> None:
    found = all_studies(here())
    assert [study.name for study in found] == sorted(study.name for study in found)
    assert "q01_stop_to_play" in {study.name for study in found}


def test_a_module_without_words_is_given_plain_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mute").mkdir()
    (tmp_path / "mute" / "__init__.py").touch()
    (tmp_path / "mute" / "q77_mute.py").write_text(
        "from imlab.lab.plan.design import Experiment\n"
        "EXPERIMENT = Experiment('q77_mute', 'Why?', 'Because.', lambda trial: iter([]))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("IMLAB_STUDIES", "mute")
    study = open_study("77", here())
    assert (study.figures, study.conclusion) == (plain.figures, plain.conclusion)
    assert study.experiment.answer is plain.answer


@pytest.mark.parametrize("package", ["no.such.package", "json.decoder"])
def test_a_package_that_is_none(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMLAB_STUDIES", package)
    with pytest.raises(UsageError, match="no importable package"):
        here()


def test_words() -> None:
    assert [heading(name) for name in ("p50_ms", "rate_per_s", "upload_kbit_s", "codec", "p50 [95 %]")] == [
        "p50 (ms)", "rate (per s)", "upload (kbit/s)", "codec", "p50 [95 %]",
    ]  # fmt: skip
    assert (count(1, "block"), count(1200, "block")) == ("1 block", "1,200 blocks")
    assert [digits(value) for value in (0.000123456, 1.23456, 12345.6, -123456.7)] == [
        "0.0001235", "1.235", "12,346", "-123,457",
    ]  # fmt: skip
