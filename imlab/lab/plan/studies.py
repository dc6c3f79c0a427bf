"""Find studies by file name, without importing one: the list is known in milliseconds."""

from __future__ import annotations

import importlib
from pathlib import Path

from imlab.errors import UsageError
from imlab.lab.plan.design import Experiment


def find(folder: Path, package: str) -> dict[str, str]:
    """Each study in a folder (``qNN_some_words.py``): its name -> its module, in order of number."""
    return {path.stem: f"{package}.{path.stem}" for path in sorted(folder.glob("q[0-9]*.py"))}


def load(module: str) -> Experiment:
    """The experiment that a study's module declares, named as its file."""
    experiment = getattr(importlib.import_module(module), "EXPERIMENT", None)
    if not isinstance(experiment, Experiment):
        raise UsageError(f"{module} declares no EXPERIMENT")
    if experiment.name != module.rpartition(".")[2]:
        raise UsageError(f"{module} calls its experiment {experiment.name}: a study is named as its file")
    return experiment
