"""./lab test: every check and every test, the quick ones first; the last line counts them all."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from imlab.desk.measuring.places import ROOT

NO_TESTS = 5  # pytest's exit code when it collected nothing

EPILOG = """\
Whatever is not known here goes to pytest, and then only pytest runs.

examples:
  ./lab test                        style, types, tests, processes, notebooks
  ./lab test --outside              only the tests with ffmpeg, opusinfo, Chromium, node and other programs
  ./lab test tests/test_ogg.py      one file
  ./lab test -k opus -x             by name, up to the first failure

A test whose program is missing is skipped and says how to install it; where CI=true it fails.
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How many tests ended which way."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """A program that is content or not: counts as one test."""

    headline: str
    command: tuple[str, ...]

    def run(self, extra: Sequence[str]) -> Count:
        """Its output goes to the terminal."""
        code = subprocess.run([sys.executable, "-m", *self.command], cwd=ROOT, check=False).returncode
        return Count(failed=1) if code else Count(passed=1)


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests that ``marks`` selects."""

    headline: str
    marks: str
    options: tuple[str, ...] = ()

    def run(self, extra: Sequence[str]) -> Count:
        """pytest writes to the terminal, and its counts to a file. Nothing collected is a failure, unless asked for."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-m", self.marks, f"--junitxml={report}", *self.options, *extra]
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
            count = read_report(report)
        if code == NO_TESTS and extra:
            return Count()
        if code and not count.failed:
            return count + Count(failed=1)  # it broke before, between or after the tests
        return count


OURS = "not outside"
STAGES: tuple[Check | Tests, ...] = (
    Check("style", ("ruff", "check", "--quiet")),
    Check("layout", ("ruff", "format", "--check", "--quiet")),
    Check("types", ("mypy",)),
    Tests("tests", f"{OURS} and not slow and not process and not notebook", ("-n", "auto")),
    Tests("tests that take long", f"{OURS} and slow and not process and not notebook", ("-n", "auto")),
    Tests("tests with processes and sockets", f"{OURS} and process and not notebook"),
    Tests("notebooks, executed", f"{OURS} and notebook"),
)
OUTSIDE: tuple[Check | Tests, ...] = (Tests("tests with other people's programs", "outside"),)


def main(argv: list[str]) -> int:
    """Exit code 0 when everything passed."""
    parser = argparse.ArgumentParser(
        prog="lab test",
        description="Every check and every test.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--outside", action="store_true", help="only the tests that use programs we did not write")
    options, extra = parser.parse_known_args(argv)
    stages = OUTSIDE if options.outside else STAGES
    if extra:
        stages = tuple(stage for stage in stages if isinstance(stage, Tests))
    count = run_stages(stages, extra)
    if count == Count():
        print("no test was found")
        count = Count(failed=1)
    print(count)
    return 1 if count.failed else 0


def run_stages(stages: Sequence[Check | Tests], extra: Sequence[str]) -> Count:
    """All of them, whatever the earlier ones say, each under its headline."""
    total, told = Count(), []
    for stage in stages:
        print(f"\n=== {stage.headline}", flush=True)
        begin = time.monotonic()
        count = stage.run(extra)
        total += count
        told.append(f"{'FAILED' if count.failed else 'passed'}  {time.monotonic() - begin:6.1f} s  {stage.headline}")
    print("\n" + "\n".join(told) + "\n", flush=True)
    return total


def read_report(path: Path) -> Count:
    """Counts out of a JUnit file; nothing where pytest did not get as far as writing it."""
    if not path.is_file():
        return Count()
    count = Count()
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        count += Count(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)
    return count
