"""./lab as a stranger meets it: from anywhere, by any name, with a bare environment; and how it says no."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import lacking

ROOT = Path(__file__).resolve().parents[1]
BARE = {"PATH": "/usr/bin:/bin"}
NOWHERE = "http://127.0.0.1:9/"  # the discard port: nothing listens there

pytestmark = pytest.mark.process


def call(lab: Path, *argv: str, where: Path = ROOT, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """./lab with an environment of its own."""
    return subprocess.run([str(lab), *argv], capture_output=True, text=True, cwd=where, env=env, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Our files in another place, without .venv."""
    copy = tmp_path / "a place"
    shutil.copytree(ROOT / "imlab", copy / "imlab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("lab", "pyproject.toml", "requirements.lock", "requirements-uv.lock", "requirements-pesq.lock"):
        shutil.copy2(ROOT / name, copy / name)
    return copy


def script(path: Path, text: str) -> Path:
    """A program of one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def conda(prefix: Path, options: str = "") -> dict[str, str]:
    """What conda's activation leaves behind: a prefix with a python in it, here the one that has our packages."""
    script(prefix / "bin/python", f'exec "{sys.executable}" {options} "$@"')
    return {**BARE, "CONDA_PREFIX": str(prefix), "CONDA_DEFAULT_ENV": "imlab"}


def test_from_anywhere_by_any_name(tmp_path: Path) -> None:
    link = tmp_path / "name with space"
    link.symlink_to(ROOT / "lab")
    (tmp_path / "imlab.py").write_text("raise SystemExit('not this one')")
    (tmp_path / "json.py").write_text("raise SystemExit('nor this one')")
    environment = {**conda(tmp_path / "conda"), "PYTHONPATH": str(tmp_path)}
    done = call(link, "--help", where=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ./lab VERB")


def test_a_conda_environment_that_lacks_something_is_told_how_to_get_it(tmp_path: Path) -> None:
    done = call(ROOT / "lab", "doctor", env=conda(tmp_path / "conda", options="-S"))  # -S: as if nothing were installed
    assert done.returncode == 1
    assert done.stderr.startswith("lab: this conda environment lacks numpy, ")
    assert done.stderr.endswith(": conda env update -f environment.yml\n") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("answer", ["cpython 3.9.18", "pypy 3.11.2", "cpython-t 3.13.0"])
def test_a_wrong_python_is_named(answer: str, checkout: Path, tmp_path: Path) -> None:
    wrong = script(tmp_path / "my bin/other", f"echo {answer}")
    done = call(checkout / "lab", "doctor", env={**BARE, "IMLAB_PYTHON": str(wrong)})
    assert (done.returncode, done.stdout) == (1, "")
    assert f"needs CPython 3.11, 3.12 or 3.13; {wrong} is {answer}" in done.stderr and done.stderr.count("\n") == 1


def test_a_python_that_is_not_there(checkout: Path) -> None:
    done = call(checkout / "lab", "doctor", env={**BARE, "IMLAB_PYTHON": "python9"})
    assert done.returncode == 1
    assert "python9 was not found" in done.stderr and done.stderr.count("\n") == 1


def test_without_a_network_set_up_says_so_and_begins_again_next_time(checkout: Path, tmp_path: Path) -> None:
    python = os.path.realpath(sys.executable)
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        lacking("pip", "apt-get install python3-pip")
    offline = {**BARE, "HOME": str(tmp_path), "IMLAB_PYTHON": python, "PIP_INDEX_URL": NOWHERE}
    for _ in range(2):
        done = call(checkout / "lab", "--help", where=tmp_path, env=offline)
        assert (done.returncode, done.stdout) == (1, "")
        announced, failed = done.stderr.splitlines()
        assert "to download" in announced and "on disk" in announced
        assert failed.startswith("lab: no answer from the package index")
