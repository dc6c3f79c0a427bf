"""One run's trusted rows, cell by cell and block by block: what is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imlab.desk.report.words import UNITS
from imlab.errors import UsageError
from imlab.lab.plan.design import RESERVED
from imlab.lab.record.reading import Run, trusted

Floats = NDArray[np.float64]
Cell = tuple[tuple[str, str], ...]  # column and label, in the order of the factors

ENDINGS = (*UNITS, "kbps", "rate")
MOMENTS = ("intended_s", "at_s")  # columns that say when a row began, in seconds of its trial


@dataclass(frozen=True, slots=True)
class Cells:
    """``places`` maps a cell and a block to its rows."""

    rows: pd.DataFrame
    places: Mapping[Cell, Mapping[int, NDArray[np.int64]]]

    @property
    def measures(self) -> list[str]:
        """Columns of numbers with a unit in their name."""
        split = {name for cell in self.places for name, _ in cell}
        return [
            str(name)
            for name in self.rows
            if name not in (*RESERVED, *MOMENTS, *split) and _unit(str(name)) and _numbers(self.rows[name])
        ]

    def samples(self, cell: Cell, measure: str) -> dict[int, Floats]:
        """Block -> its values in the order of the rows; NaN is a failed one. Blocks without any value are left out."""
        values = self.rows[measure].to_numpy(np.float64, na_value=np.nan)
        taken = {block: values[at] for block, at in sorted(self.places.get(cell, {}).items())}
        return {block: own for block, own in taken.items() if not np.isnan(own).all()}

    def moments(self, cell: Cell) -> dict[int, Floats]:
        """Block -> when each row began; empty where rows do not say."""
        known = next((name for name in MOMENTS if name in self.rows), None)
        return {} if known is None else self.samples(cell, known)

    def holds(self, measure: str) -> bool:
        """Whether there is such a column of numbers."""
        return measure in self.rows and _numbers(self.rows[measure])


def cells(run: Run, by: Sequence[str] = ()) -> Cells:
    """By the factors of the plan, and by further columns that tell rows of one trial apart."""
    rows = trusted(run.rows())
    if unknown := [name for name in by if name not in rows]:
        raise UsageError(f"no column {', '.join(unknown)} in {run.path.name}; there are {', '.join(map(str, rows))}")
    keys = list(dict.fromkeys([*run.manifest.factors, *by]))
    places: dict[Cell, dict[int, NDArray[np.int64]]] = {}
    for values, at in rows.groupby([*keys, "block"], sort=False, dropna=False).indices.items():
        *levels, block = values if isinstance(values, tuple) else (values,)
        cell = tuple((key, labelled(level)) for key, level in zip(keys, levels, strict=True))
        places.setdefault(cell, {})[int(block)] = np.asarray(at, dtype=np.int64)
    return Cells(rows, places)


def labelled(level: Any) -> str:
    """A level as every run calls it: 10, read as a whole number or not, is one label."""
    if isinstance(level, bool | np.bool_) or not isinstance(level, int | float | np.number):
        return str(level)
    return "" if level != level else f"{level:.12g}"


def _numbers(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _unit(name: str) -> bool:
    return any(name == ending or name.endswith(f"_{ending}") for ending in ENDINGS)
