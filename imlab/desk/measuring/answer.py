"""What one run lets a study say: its table, its sentence, its figures, and what it must not say.

Everything here is computed from stored rows; nothing is measured. Where a run cannot carry a sentence, the
reason stands in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from imlab.desk.measuring.places import Places
from imlab.desk.measuring.study import Study
from imlab.errors import InvalidRun
from imlab.lab.plan.design import plan
from imlab.lab.plots.figure import Plot
from imlab.lab.record.reading import Run, latest, runs, trusted


@dataclass(frozen=True)
class Answer:
    """A study, and the run that speaks for it."""

    study: Study
    run: Run

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows that may be counted."""
        return trusted(self.run.rows())

    @cached_property
    def silent(self) -> str:
        """Why this run says nothing at all; empty where it speaks."""
        if self.rows.empty or self.run.trials().query("outcome == 'ok' and kept").empty:
            ends = ", ".join(f"{count} {outcome}" for outcome, count in self.run.manifest.outcomes.items())
            return f"No trial can be believed: {ends}; {len(self.run.manifest.rejected)} blocks rejected."
        return ""

    @property
    def rejected(self) -> str:
        """How many blocks the machine spoilt, and by what at worst."""
        manifest = self.run.manifest
        reasons = sorted(
            {reason.rpartition(" > ")[0].rpartition(" ")[0] for r in manifest.rejected.values() for reason in r}
        )
        return f"{len(manifest.rejected)} of {manifest.blocks} blocks were rejected for {', '.join(reasons)}"

    @property
    def older(self) -> bool:
        """Whether these rows were stored under another plan than the study draws today."""
        return plan(self.study.experiment, self.run.manifest.scale).hash != self.run.manifest.hash

    @cached_property
    def table(self) -> pd.DataFrame:
        """The study's small table; empty where the run is silent."""
        answer = self.study.experiment.answer
        return pd.DataFrame() if self.silent or answer is None else answer(self.rows)

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Name -> table, for what the small one does not say."""
        return {} if self.silent else self.study.tables(self.run)

    @cached_property
    def conclusion(self) -> str:
        """One sentence with its interval, or why there is none."""
        if self.silent:
            return self.silent
        if self.run.manifest.void:
            return f"Withheld: void, {self.rejected}."
        try:
            return self.study.conclusion(self.run)
        except InvalidRun as error:
            return f"Withheld: {error}."

    @cached_property
    def figures(self) -> Mapping[str, Plot]:
        """Name -> figure, the most important first."""
        return {} if self.silent else self.study.figures(self.run)

    def save_figures(self) -> list[Path]:
        """All figures into the run's folder, as SVG; figures that are no longer drawn are removed."""
        folder = self.run.path / "figures"
        folder.mkdir(exist_ok=True)
        saved = [plot.save(folder / f"{name}.svg") for name, plot in self.figures.items()]
        for stale in set(folder.glob("*.svg")) - set(saved):
            stale.unlink()
        return saved

    def bad_trials(self) -> pd.DataFrame:
        """Trials that did not end well, counted by how and why."""
        trials = self.run.trials()
        bad = trials[trials["outcome"] != "ok"].fillna({"reason": ""})
        return bad.groupby(["outcome", "reason"], sort=False).size().rename("trials").reset_index()


def standing(study: Study, places: Places) -> Answer | None:
    """A study as told by the run that stands for it; None where no whole run is stored."""
    found = runs(places.results, study.name)
    return Answer(study, latest(places.results, study.name)) if found else None
