"""Where things are: studies, results, notebooks. One value, handed to everything that needs it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from imlab.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]


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

    IMLAB_STUDIES is an importable package of studies, for those who keep theirs apart; IMLAB_RESULTS and
    IMLAB_NOTEBOOKS are folders.
    """
    package = os.environ.get("IMLAB_STUDIES") or "imlab.studies"
    return Places(_folder(package), package, _named("IMLAB_RESULTS", "results"), _named("IMLAB_NOTEBOOKS", "notebooks"))


def shown(path: Path) -> str:
    """A path as a reader at this prompt would type it."""
    for home in (Path.cwd(), ROOT):
        if path.is_relative_to(home):
            return str(path.relative_to(home))
    return str(path)


def _named(variable: str, usual: str) -> Path:
    """The folder that a variable names, or the usual one."""
    return Path(os.environ.get(variable) or ROOT / usual).absolute()


def _folder(package: str) -> Path:
    """Where a package's files lie."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"IMLAB_STUDIES names {package}, which is no importable package")
    return Path(spec.submodule_search_locations[0])
