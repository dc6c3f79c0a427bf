"""Where things are: studies, results, notebooks. One value, handed to everything that needs it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from imlab.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
HOUSE = "imlab.studies"


@dataclass(frozen=True, slots=True)
class Places:
    """``studies`` is the folder of the importable package ``package``; runs and the report go to ``results``."""

    studies: Path
    package: str
    results: Path
    notebooks: Path

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.results / "report"


def here() -> Places:
    """Beside the code, unless the environment says otherwise.

    IMLAB_STUDIES is a folder of studies, or an importable package of them, for those who keep theirs apart: their
    results and notebooks are then kept in it. IMLAB_RESULTS and IMLAB_NOTEBOOKS are folders, and go before.
    """
    package = _package(os.environ.get("IMLAB_STUDIES") or HOUSE)
    folder = _folder(package)
    home = ROOT if package == HOUSE else folder
    return Places(folder, package, _named("IMLAB_RESULTS", home / "results"),
                  _named("IMLAB_NOTEBOOKS", home / "notebooks"))  # fmt: skip


def shown(path: Path) -> str:
    """A path as a reader at this prompt would type it."""
    for home in (Path.cwd(), ROOT):
        if path.is_relative_to(home):
            return str(path.relative_to(home))
    return str(path)


def _named(variable: str, usual: Path) -> Path:
    """The folder that a variable names, or the usual one."""
    return Path(os.environ.get(variable) or usual).absolute()


def _package(named: str) -> str:
    """The package that is named, or that a folder is once its parent is among the places where Python looks."""
    folder = Path(named).expanduser().resolve()
    if os.sep not in named and not folder.is_dir():
        return named
    if not folder.is_dir():
        raise UsageError(f"IMLAB_STUDIES names the folder {named}, which is not there")
    if str(folder.parent) not in sys.path:
        sys.path.append(str(folder.parent))  # last: nothing beside the folder may hide a library
    spec = find_spec(folder.name) if folder.name.isidentifier() else None
    if spec is None or str(folder) not in (spec.submodule_search_locations or ()):
        raise UsageError(f"the folder {named} needs a name that Python can import and no library has: my_studies, say")
    return folder.name


def _folder(package: str) -> Path:
    """Where a package's files lie."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"IMLAB_STUDIES names {package}, which is no importable package")
    return Path(spec.submodule_search_locations[0])
