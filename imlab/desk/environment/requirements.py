"""Whether the running environment holds what pyproject.toml asks for.

Runs before anything is known to be installed, so it knows only the standard library.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from pathlib import Path

RULE = re.compile(r"(>=|<=|==|<|>)\s*([0-9.]+)")


def missing(pyproject: Path) -> Iterator[str]:
    """Each direct requirement that is absent or out of range, as the reader should see it."""
    project = tomllib.loads(pyproject.read_text())["project"]
    python = ".".join(map(str, sys.version_info[:3]))
    if not allowed(python, project["requires-python"]):
        yield f"Python {project['requires-python']} (it has {python})"
    for requirement in project["dependencies"]:
        wanted, _, _marker = requirement.partition(";")  # our one marker excludes a system this file cannot run on
        name = re.split(r"[\[<>=]", wanted)[0].strip()
        try:
            here = version(name)
        except PackageNotFoundError:
            yield name
            continue
        if not allowed(here, wanted):
            yield f"{wanted.strip()} (it has {here})"


def allowed(here: str, wanted: str) -> bool:
    """Whether a version is in a range such as ``av>=18,<19``."""
    order = {">=": (0, 1), "<=": (0, -1), "==": (0,), "<": (-1,), ">": (1,)}
    return all(compare(here, limit) in order[sign] for sign, limit in RULE.findall(wanted))


def compare(one: str, other: str) -> int:
    """-1, 0 or 1, by the numbers of the release alone."""
    pairs = zip_longest(numbers(one), numbers(other), fillvalue=0)
    return next(((a > b) - (a < b) for a, b in pairs if a != b), 0)


def numbers(release: str) -> list[int]:
    """The leading numbers of a version: 1.10.0rc1 -> 1, 10, 0."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", release)
    return [int(part) for part in found.group().split(".")] if found else []
