"""Which cells of a factorial are run: all of them, or one factor at a time around a centre.

A cell is told here by the numbers of its levels, one per factor. The third choice, a regular fraction of two-level
factors, has an algebra of its own: fraction.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from imlab.errors import UsageError

Factors = Mapping[str, tuple[Any, ...]]
Pick = tuple[int, ...]  # a cell: the number of the level of each factor


def label(level: object) -> str:
    """What the results call a level: text as it is, anything else by its repr."""
    return level if isinstance(level, str) else repr(level)


class Design(Protocol):
    """The choice of cells, as a value."""

    def check(self, factors: Factors) -> None:
        """Refuse factors that this design cannot cross."""

    def picks(self, factors: Factors) -> list[Pick]:
        """The cells, in the order in which results number them."""

    def told(self, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """What a plan says of the choice, as JSON values; empty where there was none."""


@dataclass(frozen=True, slots=True)
class Full:
    """Every combination of levels, the last factor changing fastest; one empty cell without factors."""

    def check(self, factors: Factors) -> None:
        """Any factors will do."""

    def picks(self, factors: Factors) -> list[Pick]:
        """All of them."""
        return list(itertools.product(*(range(len(levels)) for levels in factors.values())))

    def told(self, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Nothing: the factors say it all, and published plans were hashed before there was a choice."""
        return {}


@dataclass(frozen=True, slots=True)
class Sweeps:
    """One factor at a time: the centre, then every other level of each factor with the rest at the centre.

    Cheap, easy to read, and blind to interactions: what a sweep finds holds at its centre.
    """

    centre: Mapping[str, Any]

    def check(self, factors: Factors) -> None:
        """The centre names one level of every factor."""
        if set(self.centre) != set(factors):
            raise UsageError(
                f"a centre has one level of each factor ({', '.join(factors)}), not of {', '.join(self.centre)}"
            )
        for factor, level in self.centre.items():
            if repr(level) not in map(repr, factors[factor]):
                raise UsageError(f"the centre {level!r} of {factor} is not among its levels {factors[factor]!r}")

    def picks(self, factors: Factors) -> list[Pick]:
        """The centre first, then the sweeps in the order of the factors."""
        centre = self._at(factors)
        cells = [centre]
        for place, levels in enumerate(factors.values()):
            others = (level for level in range(len(levels)) if level != centre[place])
            cells += [(*centre[:place], level, *centre[place + 1 :]) for level in others]
        return cells

    def told(self, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The centre, and what cannot be seen from it."""
        return {
            "kind": "one-factor sweeps",
            "centre": {factor: label(self.centre[factor]) for factor in labels},
            "not estimable": "interactions: each effect holds at the centre",
        }

    def _at(self, factors: Factors) -> Pick:
        """By repr and not by ==, for True and 1 are two levels."""
        return tuple(list(map(repr, levels)).index(repr(self.centre[factor])) for factor, levels in factors.items())
