"""Find studies by file name, without importing one: the list is known in milliseconds."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import traceback
from pathlib import Path
from types import ModuleType

from imlab.errors import DoorError, UsageError
from imlab.lab.plan.design import Experiment


def find(folder: Path, package: str) -> dict[str, str]:
    """Each study in a folder (``qNN_some_words.py``): its name -> its module, in order of number."""
    return {path.stem: f"{package}.{path.stem}" for path in sorted(folder.glob("q[0-9]*.py"))}


def load(module: str) -> Experiment:
    """The experiment that a study's module declares, named as its file."""
    experiment = getattr(_imported(module), "EXPERIMENT", None)
    if not isinstance(experiment, Experiment):
        raise UsageError(f"{module} declares no EXPERIMENT")
    if experiment.name != module.rpartition(".")[2]:
        raise UsageError(f"{module} calls its experiment {experiment.name}: a study is named as its file")
    return experiment


def sources(module: str) -> str:
    """A digest of a study's own text and of what lies in its folder; empty for those of this house, whose commit
    says it.
    """
    found = importlib.util.find_spec(module)
    if found is None or not found.origin or module.startswith("imlab."):
        return ""
    digest = hashlib.sha256()
    for path in sorted(Path(found.origin).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def _imported(module: str) -> ModuleType:
    """A study's module; its author is told in one line what is wrong with it, and where."""
    try:
        return importlib.import_module(module)
    except (UsageError, DoorError):
        raise
    except Exception as error:
        here = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).stem == module.rpartition(".")[2]
        ]
        place = f", line {here[-1].lineno}" if here else ""  # a syntax error tells its own
        raise UsageError(f"{module} cannot be imported: {type(error).__name__}: {error}{place}") from error
