"""./lab doctor: what is here, what is missing, and the one line that installs it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from imlab.desk.environment.findings import Finding, find_all

SIGNS = {"here": "+", "missing": "-", "slow": "!", "broken": "X"}
COLOURS = {"here": "32", "missing": "33", "slow": "33", "broken": "31"}

EPILOG = """\
signs: + here   - missing, which the main job survives   ! here, but slows what is measured   X stops the main job

--json prints {"ok": bool, "findings": [{"group", "name", "state", "detail", "install"}]}, all strings; state is
"here", "missing", "slow" or "broken"; install is "" where there is nothing to do.

examples:
  ./lab doctor
  ./lab doctor --json | python3 -m json.tool
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when the main job can run here, else 1."""
    parser = argparse.ArgumentParser(
        prog="lab doctor",
        description="What is here, what is missing, and the line that installs it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(argv)
    findings = list(find_all())
    ok = not any(finding.state == "broken" for finding in findings)
    if options.json:
        print(json.dumps({"ok": ok, "findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        print(table(findings, colours=sys.stdout.isatty()))
        print(
            "\nthe main job can run here: ./lab run" if ok else "\nthe main job cannot run here: see the lines with X"
        )
    return 0 if ok else 1


def table(findings: Sequence[Finding], colours: bool = False) -> str:
    """One line each, under the name of its group; what to do about it below it."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for group, members in groupby(findings, key=lambda finding: finding.group):
        lines.append(group)
        for finding in members:
            sign = SIGNS[finding.state]
            shown = f"\033[{COLOURS[finding.state]}m{sign}\033[0m" if colours else sign
            lines.append(f"  {shown} {finding.name:<{width}}  {finding.detail}")
            if finding.install:
                lines.append(f"    {'':<{width}}  -> {finding.install}")
    return "\n".join(lines)
