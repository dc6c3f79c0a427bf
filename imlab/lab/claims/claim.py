"""A claim that somebody published, taken seriously: what it says, by which quantities it stands or falls, its verdict.

A claim names its endpoints before the data: a quantity, the side on which the claim lies, a margin that does not
matter. Evidence is an effect with its intervals, from one run, for one endpoint.

    void           the run is void, or what is claimed cannot be measured; the reason is given
    not yet tried  no run speaks of it
    equivalent     the 90 % interval lies within the margin around zero: no difference
    supported      else the 95 % interval lies wholly on the claimed side
    refuted        else it lies wholly on the other side
    inconclusive   else, and always without an interval

Where the claim asserts a size, the claimed side begins at that size less the margin: a fifth is no four fifths.
Where it asserts a value (``same``), 90 % within the margin around that value support it, 95 % outside refute it.

A claim of several endpoints is their conjunction: it stands when all do (each at the full level, as in
intersection-union tests, Berger 1982), and falls when one does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from imlab.errors import UsageError
from imlab.lab.statistics.effect import Effect
from imlab.lab.statistics.intervals import Interval, mean_interval

Verdict = Literal["supported", "refuted", "equivalent", "inconclusive", "void", "not yet tried"]
Better = Literal["lower", "higher", "same"]

DECIDED: tuple[Verdict, ...] = ("supported", "refuted", "equivalent")
ARITHMETIC = "arithmetic"
BY_WEIGHT: tuple[Verdict, ...] = ("refuted", "equivalent", "void", "inconclusive", "not yet tried", "supported")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One quantity by which a claim stands or falls.

    ``better`` is the side of zero on which the claim lies. ``margin`` and ``said``, the size or the value that is
    asserted (zero where only a direction is), are in ``unit``. ``study`` will judge it; empty while there is none.
    """

    name: str
    quantity: str
    unit: str
    better: Better
    margin: float
    said: float = 0.0
    study: str = ""

    def __post_init__(self) -> None:
        """A size on the side that is not claimed is a slip of the pen."""
        if not self.margin > 0:
            raise UsageError(f"{self.name}: the margin is positive, not {self.margin}")
        if self.said and self.better != "same" and (self.said > 0) != (self.better == "higher"):
            raise UsageError(f"{self.name}: {self.said:+g} {self.unit} is not {self.better}")

    def verdict(self, effect: Interval, narrow: Interval) -> Verdict:
        """By the 95 % interval and, for equivalence, the 90 % one."""
        if not (effect.given and narrow.given):
            return "inconclusive"
        if self.better == "same":
            return self._value(effect, narrow)
        if -self.margin < narrow.low <= narrow.high < self.margin:
            return "equivalent"
        side = 1 if self.better == "higher" else -1
        line = max(0.0, abs(self.said) - self.margin) if self.said else 0.0
        worst, best = sorted((side * effect.low, side * effect.high))
        return "supported" if worst > line else "refuted" if best < line else "inconclusive"

    def _value(self, effect: Interval, narrow: Interval) -> Verdict:
        low, high = self.said - self.margin, self.said + self.margin
        if low < narrow.low <= narrow.high < high:
            return "supported"
        return "refuted" if effect.low > high or effect.high < low else "inconclusive"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run found for one endpoint, in its unit: the 95 % interval, and the 90 % one for equivalence.

    ``run`` names the run; empty where the numbers are the claim's own. ``void`` says why it must not be believed.
    """

    endpoint: str
    effect: Interval
    narrow: Interval
    run: str = ""
    void: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on one endpoint, or on a claim: then by the endpoint that decided. ``reason`` in words."""

    verdict: Verdict
    endpoint: Endpoint
    evidence: Evidence | None
    reason: str = ""

    def text(self) -> str:
        """``complexity 3: -0.31 [-0.44, -0.18] ViSQOL; claimed the same, margin 0.1``."""
        return f"{self.endpoint.name}: {self.reason or self._effect()}; {asserted(self.endpoint)}"

    def _effect(self) -> str:
        assert self.evidence is not None
        smaller = self.verdict == "refuted" and self.endpoint.said and self.endpoint.better != "same"
        return f"{'not reproduced: ' if smaller else ''}{signed(self.evidence.effect, self.endpoint)}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What was published. ``doubt``: what to doubt in it; ``design``: how it is tried, ``controls``: what must show
    that the trial can tell; ``own``: evidence from the claim's own numbers, which needs no run; ``void``: why it
    cannot be measured.
    """

    id: str
    statement: str
    source: str
    endpoints: tuple[Endpoint, ...]
    doubt: str
    design: str
    controls: str
    own: tuple[Evidence, ...] = ()
    void: str = ""

    def __post_init__(self) -> None:
        """Endpoints are there and told apart by name."""
        names = [endpoint.name for endpoint in self.endpoints]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"{self.id}: a claim needs endpoints with different names, not {names}")

    @property
    def studies(self) -> tuple[str, ...]:
        """Every study that has a word in it, once."""
        return tuple(dict.fromkeys(endpoint.study for endpoint in self.endpoints if endpoint.study))

    def judge(self, evidence: Sequence[Evidence] = ()) -> Judged:
        """The claim's verdict, by the endpoint that weighs most."""
        parts = self.parts(evidence)
        worst = min(parts, key=lambda part: BY_WEIGHT.index(part.verdict))
        tried = [part for part in parts if part.verdict != "not yet tried"]
        if worst.verdict == "not yet tried" and tried:  # what was tried holds, and not all was
            return Judged("inconclusive", worst.endpoint, None, f"holds so far; {worst.reason}")
        return worst

    def parts(self, evidence: Sequence[Evidence] = ()) -> list[Judged]:
        """The verdict on each endpoint; there is one piece of evidence for it, or none."""
        known, told = [endpoint.name for endpoint in self.endpoints], [*self.own, *evidence]
        by_name = {found.endpoint: found for found in told}
        if strange := by_name.keys() - set(known):
            raise UsageError(f"{self.id} has no endpoint {', '.join(sorted(strange))}: there are {', '.join(known)}")
        if len(by_name) < len(told):
            raise UsageError(f"{self.id}: two pieces of evidence for one endpoint, and no rule to choose")
        return [self._part(endpoint, by_name.get(endpoint.name)) for endpoint in self.endpoints]

    def _part(self, endpoint: Endpoint, found: Evidence | None) -> Judged:
        if self.void:
            return Judged("void", endpoint, None, self.void)
        if found is None:
            lacks = f"no run of {endpoint.study} speaks of it" if endpoint.study else "no study judges it yet"
            return Judged("not yet tried", endpoint, None, lacks)
        if found.void:
            return Judged("void", endpoint, found, found.void)
        return Judged(endpoint.verdict(found.effect, found.narrow), endpoint, found)


def measured(endpoint: str, values: ArrayLike, run: str = "") -> Evidence:
    """Evidence from one value per block, in the endpoint's unit: their mean."""
    return Evidence(endpoint, mean_interval(values), mean_interval(values, level=0.90), run)


def changed(endpoint: str, effect: Effect, run: str = "") -> Evidence:
    """Evidence from a paired effect, in percent."""
    return Evidence(endpoint, effect.change.map(_percent), effect.narrow.map(_percent), run)


def exact(endpoint: str, value: float) -> Evidence:
    """Evidence from arithmetic: nothing was sampled, and the interval is the value."""
    sure = Interval(value, value, value, 1, ARITHMETIC)
    return Evidence(endpoint, sure, sure)


def voided(endpoint: str, reason: str, run: str = "") -> Evidence:
    """A run that was to speak, and must not."""
    silent = Interval(math.nan, math.nan, math.nan, 0, "void")
    return Evidence(endpoint, silent, silent, run, reason)


def signed(effect: Interval, endpoint: Endpoint) -> str:
    """``-21.3 [-24, -18.5] %``; a value that is claimed itself has no sign, and arithmetic no interval."""
    form = ".4g" if endpoint.better == "same" and endpoint.said else "+.3g"
    middle, low, high = (format(value, form) for value in (effect.estimate, effect.low, effect.high))
    if effect.method == ARITHMETIC:
        return f"{middle} {endpoint.unit}, by {ARITHMETIC}"
    told = f" [{low}, {high}]" if effect.given else ""
    return f"{middle}{told} {endpoint.unit}" + ("" if effect.given else f" ({effect.method})")


def asserted(endpoint: Endpoint) -> str:
    """What is claimed of an endpoint, and what does not matter."""
    size = f"{endpoint.said:g}" if endpoint.better == "same" else f"{endpoint.said:+g}" if endpoint.said else ""
    said = f"{size} {endpoint.unit}" if size else endpoint.better
    return f"claimed {said}, margin {endpoint.margin:g} {endpoint.unit}"


def _percent(share: float) -> float:
    return 100 * share
