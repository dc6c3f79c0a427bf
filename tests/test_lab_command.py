"""The dispatcher: one verb, one module, one clear line when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imlab.desk import dispatch
from imlab.desk.doctor import SIGNS, table
from imlab.desk.environment.findings import Finding, networks
from imlab.desk.environment.requirements import allowed, missing
from imlab.desk.jupyter import options
from imlab.desk.test import Count, read_report
from imlab.errors import DoorError, InvalidRun, PeerError, UsageError
from imlab.net.tun import refusal

ROOT = Path(__file__).resolve().parents[1]


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in dispatch.VERBS)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from imlab.desk.dispatch import main; main(['--help']); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    loaded = shown.splitlines()[-1].split()
    assert "imlab.desk.dispatch" in loaded
    assert not {"numpy", "asyncio", "argparse", "imlab.desk.doctor"} & set(loaded)


def test_every_verb_is_a_module_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in dispatch.VERBS:
        with pytest.raises(SystemExit) as left:
            dispatch.main([verb, "--help"])
        assert left.value.code == 0, verb
        assert f"usage: lab {verb}" in capsys.readouterr().out, verb


@pytest.mark.parametrize(
    ("argv", "said"),
    [(["sevre"], "did you mean serve?"), (["xyzzy"], "there are run, measure"), (["serv", "--json"], "mean serve?")],
)
def test_a_word_that_is_no_verb(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(argv) == 2
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.count("\n") == 1 and not shown.out


ENDS = [
    (UsageError("a room has a name"), 2),
    (PeerError("not a message: 00"), 1),
    (DoorError("the disk is full"), 1),
    (InvalidRun("the clock jumped"), 1),
]


@pytest.mark.parametrize(("error", "code"), ENDS, ids=lambda value: type(value).__name__)
def test_an_error_is_one_line_and_a_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(argv: list[str]) -> int:
        raise error

    monkeypatch.setattr("imlab.desk.doctor.main", fail)
    assert dispatch.main(["doctor"]) == code
    assert capsys.readouterr().err == f"lab doctor: {error}\n"


def test_ctrl_c_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("imlab.desk.doctor.main", interrupt)
    assert dispatch.main(["doctor"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("here", "wanted", "answer"),
    [
        ("18.1.0", "av>=18,<19", True),
        ("19.0", "av>=18,<19", False),
        ("17.9.9", "av>=18,<19", False),
        ("2.10", "numpy>=2.2", True),
        ("2.2", "numpy>=2.2.0", True),
        ("3.0rc1", "pandas>=3.0", True),
        ("3.14.0", ">=3.11,<3.14", False),
        ("1.0", "anything", True),
    ],
)
def test_a_version_in_a_range(here: str, wanted: str, answer: bool) -> None:
    assert allowed(here, wanted) is answer


def test_what_an_environment_lacks_is_named(tmp_path: Path) -> None:
    wanted = ["numpy>=2", "numpy>=999", "no-such-package[extra]>=1; sys_platform != 'win32'"]
    toml = tmp_path / "pyproject.toml"
    toml.write_text(f'[project]\nrequires-python = "<3"\ndependencies = {wanted!r}\n')
    python, old, absent = missing(toml)
    assert python.startswith("Python <3 (it has 3.")
    assert old.startswith("numpy>=999 (it has ")
    assert absent == "no-such-package"
    assert list(missing(ROOT / "pyproject.toml")) == []


def test_the_doctors_table() -> None:
    found = [Finding("a", "x", state, "detail", "line") for state in SIGNS]
    lines = table(found).splitlines()
    assert lines[0] == "a" and len(lines) == 1 + 2 * len(found)
    assert [line.split()[0] for line in lines[1::2]] == list(SIGNS.values())


def test_the_doctor_names_what_bad_networks_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    proxy, engine = networks()
    assert (proxy.name, proxy.state, engine.name, engine.state) == ("proxy", "here", "TUN engine", "missing")
    assert "root" in engine.detail or sys.platform != "linux"
    assert "sudo" in engine.install or sys.platform != "linux"


@pytest.mark.parametrize(
    ("environment", "user", "present", "absent"),
    [
        ({}, 0, {"--allow-root", "--no-browser"}, set()),
        ({}, 1000, {"--no-browser"}, {"--allow-root"}),
        ({"DISPLAY": ":0"}, 1000, set(), {"--allow-root", "--no-browser"}),
        ({"WAYLAND_DISPLAY": "w"}, 0, {"--allow-root"}, {"--no-browser"}),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="displays are asked about on Linux only")
def test_what_jupyter_is_told(environment: dict[str, str], user: int, present: set[str], absent: set[str]) -> None:
    told = set(options(environment, user))
    assert present <= told and not absent & told


def test_counts_come_from_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="10" failures="2" errors="1" skipped="3"/></testsuites>')
    assert read_report(report) + Count(passed=1) == Count(5, 3, 3)
    assert read_report(tmp_path / "none.xml") == Count()
    assert str(Count(5, 3, 3)) == "5 passed, 3 failed, 3 skipped"


@pytest.mark.process
def test_the_doctor_finds_that_the_main_job_can_run_here() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imlab", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (0, True), [f for f in told["findings"] if f["state"] == "broken"]
    assert {"Python", "sound", "scores"} <= {finding["group"] for finding in told["findings"]}
    engine = next(finding for finding in told["findings"] if finding["name"] == "TUN engine")
    assert engine["state"] == ("missing" if refusal() else "here"), engine
