"""Every published claim beside what the runs that stand for the studies say of it.

A run that was measured here overrules the published reference only where it can carry an interval: a quick run with
four clips has an estimate and no interval, and would turn what is known into "inconclusive". Then the reference speaks
for that endpoint, and the line says so.

A package of studies may hold a module ``claims`` with ``CLAIMS``, a tuple of Claim; one without has no ledger.
"""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec

from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.places import Places
from imlab.desk.measuring.study import Study, no_evidence
from imlab.errors import InvalidRun, UsageError
from imlab.lab.claims.claim import BY_WEIGHT, Claim, Evidence, Judged, voided
from imlab.lab.record.reading import REFERENCE, runs

Said = Mapping[str, Sequence[Evidence]]  # claim -> evidence

ELSEWHERE = "reference machine, not measured here"


@dataclass(frozen=True, slots=True)
class Line:
    """A claim, all that was found on it, and the verdict."""

    claim: Claim
    evidence: tuple[Evidence, ...]

    @property
    def judged(self) -> Judged:
        """By the endpoint that decides."""
        return self.claim.judge(self.evidence)

    @property
    def why(self) -> str:
        """What decided it, and where that was measured, if not here."""
        return _told(self.judged)

    @property
    def runs(self) -> list[str]:
        """``study/run``: the folders under results/ that speak of it."""
        return sorted({found.run for found in self.evidence})

    def plain(self) -> dict[str, object]:
        """As JSON values; effect, low and high are those of the deciding endpoint, null where there is none."""
        judged, endpoint = self.judged, self.judged.endpoint
        effect = judged.evidence.effect if judged.evidence else None
        return {
            "id": self.claim.id,
            "verdict": judged.verdict,
            "effect": _number(effect.estimate if effect else math.nan),
            "low": _number(effect.low if effect else math.nan),
            "high": _number(effect.high if effect else math.nan),
            "unit": endpoint.unit,
            "margin": endpoint.margin,
            "study": endpoint.study or None,
            "evidence": self.runs,
        }

    def text(self) -> str:
        """Two lines for a terminal: verdict and claim, then what decided it."""
        head = f"{self.claim.id:<4} {self.judged.verdict:<14} "
        return "\n".join([*_wrapped(self.claim.statement, head), *_wrapped(self.why, " " * len(head))])

    def whole(self) -> str:
        """All of it: the claim, its doubt and design, every endpoint with its verdict, the runs."""
        claim = self.claim
        told = {"source": claim.source, "to doubt": claim.doubt, "design": claim.design, "controls": claim.controls}
        facts = [line for name, text in told.items() for line in _wrapped(text, f"  {name:<10}")]
        parts = [line for part in claim.parts(self.evidence) for line in _part(part)]
        return "\n".join([self.text(), "", *facts, "", *parts, "", f"  evidence  {', '.join(self.runs) or 'none'}"])


def ledger(places: Places, answers: Sequence[Answer]) -> list[Line]:
    """Every claim of the package of studies, in its order."""
    declared = claims(places)
    found = [_heard(answer, declared, places) for answer in answers] if declared else []
    return [Line(claim, tuple(one for said in found for one in said.get(claim.id, ()))) for claim in declared]


def claims(places: Places) -> tuple[Claim, ...]:
    """The claims that a package of studies declares; none where it has no such module."""
    module = f"{places.package}.claims"
    return tuple(import_module(module).CLAIMS) if find_spec(module) else ()


def summary(lines: Sequence[Line]) -> str:
    """``17 claims: 1 refuted, 16 not yet tried``."""
    counted = Counter(line.judged.verdict for line in lines)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in BY_WEIGHT if counted[verdict])
    return f"{len(lines)} claims: {told}"


def _heard(answer: Answer, claims: Sequence[Claim], places: Places) -> Said:
    """What the run that stands says; where it carries no interval and the study's reference does, the reference's."""
    here = _said(answer, claims)
    if answer.run.reference or answer.study.evidence is no_evidence:
        return here
    published = [run for run in runs(places.results, answer.study.name) if run.reference]
    given = {claim: {one.endpoint for one in some if _given(one)} for claim, some in here.items()}
    if not published or all(set(_judges(answer.study, claim)) <= given.get(claim.id, set()) for claim in claims):
        return here
    return _merged(here, _said(Answer(answer.study, published[0]), claims))


def _merged(here: Said, reference: Said) -> Said:
    """Endpoint by endpoint, what carries an interval; where neither does, what was measured here."""
    found: dict[str, Sequence[Evidence]] = {}
    for claim in here.keys() | reference.keys():
        told = {one.endpoint: one for one in reference.get(claim, ())}
        own = {one.endpoint: one for one in here.get(claim, ())}
        told |= {name: one for name, one in own.items() if one.effect.given or not _given(told.get(name))}
        found[claim] = list(told.values())
    return found


def _given(found: Evidence | None) -> bool:
    return found is not None and found.effect.given


def _said(answer: Answer, claims: Sequence[Claim]) -> Said:
    """Claim -> evidence of one run, named by it; a smoke run says nothing, a void one says that it is void."""
    study, name = answer.study, f"{answer.study.name}/{answer.run.path.name}"
    if study.evidence is no_evidence or answer.run.manifest.smoke:
        return {}
    judges = {claim.id: _judges(study, claim) for claim in claims}
    void = answer.silent or (f"the run is void: {answer.rejected}" if answer.run.manifest.void else "")
    try:
        found = {} if void else study.evidence(answer.run)
    except InvalidRun as error:
        found, void = {}, str(error)
    if void:
        return {claim: [voided(endpoint, void, name) for endpoint in ends] for claim, ends in judges.items()}
    for claim, some in found.items():
        if claim not in judges or {one.endpoint for one in some} - set(judges[claim]):
            raise UsageError(f"{study.name} offers evidence on {claim} that it is not named to judge")
    return {claim: [replace(one, run=name) for one in some] for claim, some in found.items()}


def _judges(study: Study, claim: Claim) -> list[str]:
    """The endpoints of a claim that a study judges; what is arithmetic needs none."""
    own = {found.endpoint for found in claim.own}
    return [end.name for end in claim.endpoints if end.study == study.name and end.name not in own]


def _part(part: Judged) -> Iterator[str]:
    """An endpoint: its verdict, what it is, what was found."""
    head = f"  {part.verdict:<14} "
    yield from _wrapped(part.endpoint.quantity, head)
    yield from _wrapped(f"{_told(part)}; {part.endpoint.study or 'no study yet'}", " " * len(head))


def _told(part: Judged) -> str:
    """What was found for an endpoint, and where, if not here."""
    published = part.evidence is not None and part.evidence.run.endswith(f"/{REFERENCE}")
    return f"{part.text()} ({ELSEWHERE})" if published else part.text()


def _wrapped(text: str, head: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=head, subsequent_indent=" " * len(head))


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
