"""A study as the desk sees it: found by a word, and able to speak of any of its runs.

A study's module offers ``EXPERIMENT``, ``figures(run) -> {name: Plot}`` in order of importance, and
``conclusion(run) -> str``, one sentence with its interval; of mere latencies plain.py speaks in its place. Where its
small table does not say everything, it has ``tables(run) -> {name: DataFrame}``; where it judges published claims,
``evidence(run)``, a mapping from a claim's id to its Evidence. All are pure functions of the stored rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module

import pandas as pd

from imlab.desk.measuring import plain
from imlab.desk.measuring.places import Places
from imlab.errors import UsageError
from imlab.lab.claims.claim import Evidence
from imlab.lab.plan import studies
from imlab.lab.plan.design import Experiment
from imlab.lab.plots.figure import Plot
from imlab.lab.record.reading import Run


def no_tables(run: Run) -> Mapping[str, pd.DataFrame]:
    """What most studies have besides their small table."""
    return {}


def no_evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What a study has that judges no claim."""
    return {}


@dataclass(frozen=True, slots=True)
class Study:
    """One question, with what its module makes of a run."""

    experiment: Experiment
    figures: Callable[[Run], Mapping[str, Plot]]
    conclusion: Callable[[Run], str]
    tables: Callable[[Run], Mapping[str, pd.DataFrame]] = no_tables
    evidence: Callable[[Run], Mapping[str, Sequence[Evidence]]] = no_evidence

    @property
    def name(self) -> str:
        """As its file and its folder of results are called."""
        return self.experiment.name


def all_studies(places: Places) -> list[Study]:
    """Every study, the most important first: they are numbered in that order."""
    return [_load(module) for module in studies.find(places.studies, places.package).values()]


def open_study(word: str, places: Places) -> Study:
    """The study that a word means: its name, its number, or how its name begins."""
    known = studies.find(places.studies, places.package)
    return _load(known[meant(word, list(known))])


def meant(word: str, names: list[str]) -> str:
    """The one name that is this word or begins with it; ``q1`` and ``1`` mean ``q01_...``."""
    fits = [name for name in names if word == name] or [name for name in names if _begins(name, word)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UsageError(f"{word} may mean {' or '.join(fits)}")
    near = get_close_matches(word, names, n=1) if word else []
    there = ", ".join(names) or "none: a study is a file called q50_some_words.py"
    guess = f"did you mean {near[0]}?" if near else f"there are {there}"
    raise UsageError(f"no study {word!r}; {guess}")


def _begins(name: str, word: str) -> bool:
    """Whether a name begins with a word, or carries its number."""
    number = word.removeprefix("q")
    if number.isdecimal():
        return int(name[1:].split("_")[0]) == int(number)
    return bool(word) and name.startswith(word)


def _load(module: str) -> Study:
    """The study in a module; for what it does not say itself, plain words."""
    experiment, told = studies.load(module), import_module(module)
    if experiment.answer is None:
        experiment = replace(experiment, answer=plain.answer)
    figures, conclusion = getattr(told, "figures", plain.figures), getattr(told, "conclusion", plain.conclusion)
    tables, evidence = getattr(told, "tables", no_tables), getattr(told, "evidence", no_evidence)
    return Study(experiment, figures, conclusion, tables, evidence)
