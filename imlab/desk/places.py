"""Where things are: studies, results, notebooks. One value, handed to every verb that needs it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _results() -> Path:
    """IMLAB_RESULTS, for those who keep their runs elsewhere; else beside the code."""
    named = os.environ.get("IMLAB_RESULTS", "")
    return Path(named).absolute() if named else ROOT / "results"


@dataclass(frozen=True, slots=True)
class Places:
    """``studies`` is a folder and ``package`` the Python name of it; runs go to ``results``."""

    studies: Path = ROOT / "imlab" / "studies"
    package: str = "imlab.studies"
    results: Path = field(default_factory=_results)
    notebooks: Path = ROOT / "notebooks"

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.results / "report"


def shown(path: Path) -> str:
    """A path as a reader at this prompt would type it."""
    for home in (Path.cwd(), ROOT):
        if path.is_relative_to(home):
            return str(path.relative_to(home))
    return str(path)
