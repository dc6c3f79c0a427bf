"""pyproject.toml, the lock and environment.yml say the same, and what we import is what we ask for."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import imlab

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = PROJECT["project"]["dependencies"]
DEV = PROJECT["dependency-groups"]["dev"]
LOCKS = {
    "requirements.lock": RUN + DEV,
    "requirements-pesq.lock": PROJECT["dependency-groups"]["pesq"],
    "requirements-uv.lock": PROJECT["dependency-groups"]["setup"],
}
CONDA_NAMES = {"matplotlib-base": "matplotlib"}
ONLY_CONDA = {"portaudio", "cxx-compiler"}
LEFT_OUT = {"libsvm-official"}  # the override in pyproject.toml says why


def locked(name: str) -> dict[str, list[tuple[Version, int]]]:
    """Package -> its versions (one for each marker), with the number of hashes of each."""
    found: dict[str, list[tuple[Version, int]]] = {}
    for stanza in re.split(r"^(?=\w)", (ROOT / name).read_text(), flags=re.MULTILINE):
        if head := re.match(r"([\w.-]+)==(\S+)", stanza):
            found.setdefault(canonicalize_name(head[1]), []).append((Version(head[2]), stanza.count("--hash=sha256:")))
    return found


def ranges(lines: list[str]) -> dict[str, Requirement]:
    """Package -> what is asked of it."""
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def conda() -> dict[str, Requirement]:
    """What environment.yml asks for, in the names of the package index."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    lines = [entry for entry in entries if isinstance(entry, str)] + entries[-1]["pip"]
    return {CONDA_NAMES.get(name, name): requirement for name, requirement in ranges(lines).items()}


@pytest.mark.parametrize(("lock", "wanted"), LOCKS.items(), ids=LOCKS.keys())
def test_the_lock_holds_what_is_asked_by_hash_and_without_a_host(lock: str, wanted: list[str]) -> None:
    found = locked(lock)
    assert "://" not in (ROOT / lock).read_text()
    for name, requirement in ranges(wanted).items():
        assert name in found, f"{lock} has no {name}: compile it again"
        assert all(requirement.specifier.contains(version) for version, _ in found[name]), f"{lock}: {requirement}"
    assert [name for name, versions in found.items() for _, hashes in versions if not hashes] == []


def test_the_lock_is_whole_so_that_it_may_be_installed_without_resolving() -> None:
    found, lacking = locked("requirements.lock"), []
    for name in found:
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # for another system or Python
        for need in map(Requirement, needs):
            wanted = canonicalize_name(need.name)
            if (need.marker is None or need.marker.evaluate({"extra": ""})) and wanted not in {*found, *LEFT_OUT}:
                lacking.append(f"{name} needs {need}")
    assert lacking == []


def test_conda_users_get_the_same() -> None:
    asked, ours = conda(), ranges([*RUN, *DEV])
    assert str(asked.pop("python").specifier) == ",".join(sorted(PROJECT["project"]["requires-python"].split(",")))
    assert set(asked) - set(ours) == ONLY_CONDA
    assert set(ours) - set(asked) == set(), "environment.yml lacks these"
    for name, requirement in ours.items():
        assert asked[name].specifier == requirement.specifier, name
        assert asked[name].extras == requirement.extras, name


owners_of_modules = cache(packages_distributions)


@cache
def imported(folder: str) -> set[str]:
    """The packages that a folder's files import, by the names of the package index."""
    sources = [path.read_text() for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    tops = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"imlab", "tests", ""}
    owners = owners_of_modules()
    return {canonicalize_name(owners[top][0]) if top in owners else top for top in tops}


def test_what_we_import_is_a_direct_requirement() -> None:
    optional = {"pesq"}
    assert {"numpy", "soundfile"} <= imported("imlab")
    assert imported("imlab") - set(ranges(RUN)) - optional == set()
    assert imported("tests") - set(ranges([*RUN, *DEV])) - optional == set()


def test_one_version() -> None:
    assert imlab.__version__ == PROJECT["project"]["version"]
