"""Main effects and interactions of two-level factors: from the whole factorial, or what a fraction of it tells.

Box, Hunter and Hunter, Statistics for Experimenters (2nd edition 2005), chapters 5 and 6, on ln of the values. The
effect of a factor is the mean of its new cells less the mean of its old ones; an interaction is half the difference
between the effects of one factor at the two levels of the other, and so on: all are one sum over the cells, each
with the product of its signs, over half their number. Cells of a fraction give one contrast for each set of
aliases, and it is the signed sum of all their effects: it is called by the simplest, and the others are told.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.lab.plan.factorial import Factors, Full, Pick, label
from imlab.lab.plan.fraction import LETTERS, Fraction, Word
from imlab.lab.statistics.intervals import Interval, mean_interval

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contrast:
    """One effect on ln, old to new: -0.69 halves. ``aliases`` are other effects that it may be, with their signs."""

    name: str
    effect: Interval
    aliases: tuple[str, ...] = ()

    @property
    def change(self) -> Interval:
        """As a relative change: -0.5 halves."""
        return self.effect.map(math.expm1)

    def text(self) -> str:
        """``cache = -pool × tls: -50 [-52, -48] %``."""
        return f"{' = '.join([self.name, *self.aliases])}: {self.change.text(100, '%')}"


def contrasts(table: pd.DataFrame, factors: Factors, design: Full | Fraction | None = None) -> tuple[Contrast, ...]:
    """Every effect that the design can tell, main effects first; see ``log_table`` for the table."""
    return contrasts_of_logs(log_table(table, factors, design), factors, design)


def contrasts_of_logs(logs: Floats, factors: Factors, design: Full | Fraction | None = None) -> tuple[Contrast, ...]:
    """The same from ln of the values, (blocks, cells in the order of the design)."""
    chosen = design or Full()
    letters = dict(zip(LETTERS, factors, strict=False))
    found = []
    for word, signs in _columns(chosen.picks(factors)).items():
        aliases = chosen.aliases(Word(word)) if isinstance(chosen, Fraction) else ()
        effect = mean_interval(logs @ np.asarray(signs) / (len(signs) / 2))
        found.append(Contrast(_named(Word(word), letters), effect, tuple(_named(one, letters) for one in aliases)))
    return tuple(found)


def log_table(table: pd.DataFrame, factors: Factors, design: Full | Fraction | None = None) -> Floats:
    """ln of a table of positive values, (blocks, cells in the order of the design).

    A row is a block and a column a cell, as ``by_block(rows, value, list(factors))`` gives it: the columns are named
    by the factors, and a cell by its levels or by their labels. ``factors`` are the experiment's: old level first,
    new level second. Columns beyond the design are left out.
    """
    if wrong := [name for name, levels in factors.items() if len(levels) != 2]:
        raise UsageError(f"effects are of two levels, old and new; see {', '.join(wrong)}")
    chosen = design or Full()
    chosen.check(factors)
    columns = _found(table, factors)
    wanted = [tuple(label(levels[level]) for levels, level in zip(factors.values(), pick, strict=True))
              for pick in chosen.picks(factors)]  # fmt: skip
    if missing := [cell for cell in wanted if cell not in columns]:
        told = "; ".join(", ".join(cell) for cell in missing[:3])
        raise UsageError(f"{len(missing)} of {len(wanted)} cells are not in the table: {told}")
    values: Floats = table.to_numpy(dtype=np.float64)[:, [columns[cell] for cell in wanted]]
    if values.size == 0 or not (np.isfinite(values) & (values > 0)).all():
        raise UsageError("effects on ln need a positive value for each block and cell")
    logs: Floats = np.log(values)
    return logs


def _found(table: pd.DataFrame, factors: Factors) -> dict[tuple[str, ...], int]:
    """Where each cell stands in the table, by the labels of its levels in the order of the factors."""
    names = list(table.columns.names)
    if set(names) != set(factors):
        raise UsageError(f"the table's columns are named {names}, not by the factors {list(factors)}")
    cells = [_cell(column, names) for column in table.columns]
    found = {tuple(cell[name] for name in factors): place for place, cell in enumerate(cells)}
    if len(found) < len(cells):
        raise UsageError("two columns of the table are one cell")
    return found


def _cell(column: Any, names: list[Any]) -> Mapping[str, str]:
    """A column's levels by factor."""
    levels = column if isinstance(column, tuple) else (column,)
    return {name: str(level) for name, level in zip(names, levels, strict=True)}


def _columns(picks: list[Pick]) -> dict[str, tuple[int, ...]]:
    """The distinct columns of signs by their simplest effect, as many as the cells can tell."""
    cells = [[2 * level - 1 for level in pick] for pick in picks]
    count = len(picks[0])
    found: dict[tuple[int, ...], str] = {}
    effects = (places for size in range(1, count + 1) for places in itertools.combinations(range(count), size))
    while len(found) < len(cells) - 1:
        places = next(effects)
        column = tuple(math.prod(cell[place] for place in places) for cell in cells)
        opposite = tuple(-one for one in column)
        if len(set(column)) > 1 and opposite not in found:  # always + or always -: the mean, no effect
            found.setdefault(column, "".join(LETTERS[place] for place in places))
    return {word: column for column, word in found.items()}


def _named(word: Word, letters: Mapping[str, str]) -> str:
    """``-cache × pool``."""
    return ("-" if word.sign < 0 else "") + " × ".join(letters[one] for one in word.letters)
