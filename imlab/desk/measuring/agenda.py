"""What the main job will do with each study, decided by what it costs and what is left of the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.budget import told
from imlab.desk.measuring.places import Places
from imlab.desk.measuring.study import Study
from imlab.lab.machine import facts as machine
from imlab.lab.plan.design import Plan, plan
from imlab.lab.plan.studies import sources
from imlab.lab.record.manifest import Manifest
from imlab.lab.record.reading import runs

Deed = Literal["measure", "keep", "leave"]


@dataclass(frozen=True, slots=True)
class Item:
    """A study and what becomes of it: measured now, kept as it was measured here before, or left for the reference."""

    study: Study
    drawn: Plan
    deed: Deed
    before: Answer | None = None

    @property
    def cost_s(self) -> float:
        """Seconds it will take, by the study's own account."""
        return self.study.experiment.predicted_s(self.drawn.scale) if self.deed == "measure" else 0.0

    def line(self) -> str:
        """For the terminal, before anything runs."""
        cost = told(self.study.experiment.predicted_s(self.drawn.scale))
        if self.deed == "keep" and self.before:
            return f"{self.study.name}: measured here on {self.before.run.manifest.started[:10]} by this plan and code"
        return f"{self.study.name}: " + (f"about {cost}" if self.deed == "measure" else f"{cost} do not fit the budget")


def agenda(studies: Sequence[Study], scale: str, left_s: float, places: Places, again: bool = False) -> list[Item]:
    """In order of importance; each study that fits into what the ones before it leave."""
    facts, items = machine.facts(), []
    for study in studies:
        drawn = plan(study.experiment, scale)
        before = None if again else _before(study, drawn, places, facts)
        deed: Deed = "keep" if before else "measure" if study.experiment.predicted_s(scale) <= left_s else "leave"
        items.append(Item(study, drawn, deed, before))
        left_s -= items[-1].cost_s
    return items


def _before(study: Study, drawn: Plan, places: Places, facts: dict[str, object]) -> Answer | None:
    """A sound run of this plan by this code on this machine: measuring it again until it is nice is no method."""
    for run in reversed(runs(places.results, study.name)):
        if not run.reference and not run.manifest.void and _same(run.manifest, drawn, facts):
            answer = Answer(study, run)
            return None if answer.silent else answer
    return None


def _same(run: Manifest, drawn: Plan, facts: dict[str, object]) -> bool:
    """Whether a run answers the same question by the same code on the same machine."""
    origin = all(run.facts.get(name) == facts[name] for name in ("commit", "diff", "lock"))
    text = run.facts.get("study", "") == sources(drawn.experiment.attempt.__module__)
    return origin and text and run.hash == drawn.hash and run.fingerprint == machine.fingerprint(facts)
