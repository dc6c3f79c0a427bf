"""Read runs back: which one stands for a study, and which of its rows may be believed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from imlab.errors import DoorError, UsageError
from imlab.lab.record.histogram import Histogram, stored
from imlab.lab.record.manifest import SMOKE, Manifest, read_manifest

REFERENCE = "reference"
PUBLISHED = ("plan.json", "rows.csv.gz", "trials.csv", "manifest.json")
WHERE_THERE_ARE = ("hist.csv.gz", "canaries.csv")  # published too
Histograms = dict[str, dict[tuple[str, ...], dict[int, Histogram]]]  # by name, labels of the cell, block


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run on disk."""

    path: Path
    manifest: Manifest

    @property
    def reference(self) -> bool:
        """Whether this is the published run that travels with the code."""
        return self.path.name == REFERENCE

    @property
    def label(self) -> str:
        """Where these numbers come from, to be shown beside them."""
        if self.manifest.smoke:
            return SMOKE
        where = "reference machine, not measured here" if self.reference else "measured on this machine"
        return f"{where}, {self.manifest.started[:10]}, {self.manifest.scale}" + (
            ", VOID" if self.manifest.void else ""
        )

    def rows(self) -> pd.DataFrame:
        """Every row of every trial, failures and rejected blocks included."""
        return _table(self.path / "rows.csv.gz")

    def trials(self) -> pd.DataFrame:
        """One row per trial: outcome, cost, strain."""
        return _table(self.path / "trials.csv")

    def canaries(self) -> pd.DataFrame:
        """One row per song and canary: block, place, name, seconds per operation; empty for runs that had none."""
        path = self.path / "canaries.csv"
        return _table(path) if path.exists() else pd.DataFrame(columns=["block", "place", "name", "median_s"])

    def histograms(self) -> Histograms:
        """The histograms that may be counted, by name, labels of the cell and block; empty where none were kept.

        Those of trials that did not end well, and of rejected blocks, stay in the file. A cell's are to be merged.
        """
        path = self.path / "hist.csv.gz"
        if not path.exists():
            return {}
        table = _table(path, dtype=str)
        sound = table[(table["outcome"] == "ok") & (table["kept"] == "True")]
        found: Histograms = {}
        for place, rows in sound.groupby(["block", *self.manifest.factors], sort=False):
            block, *labels = map(str, place)
            for name, histogram in stored(rows.to_dict("records")).items():
                found.setdefault(name, {}).setdefault(tuple(labels), {})[int(block)] = histogram
        return found


def read_run(path: Path) -> tuple[Manifest, pd.DataFrame]:
    """The manifest and all rows of one run's folder."""
    run = Run(path, read_manifest(path))
    return run.manifest, run.rows()


def runs(results: Path, study: str) -> list[Run]:
    """All whole runs of a study on this machine's disk, oldest first; the reference, if any, comes first of all."""
    paths = [path.parent for path in (results / study).glob("*/manifest.json")]
    return [
        Run(path, read_manifest(path)) for path in sorted(paths, key=lambda path: (path.name != REFERENCE, path.name))
    ]


def latest(results: Path, study: str) -> Run:
    """The run that stands for a study: the newest sound one measured here, else the reference, else what there is."""
    found = runs(results, study)
    if not found:
        raise DoorError(f"{study} was never run, and no reference is stored")
    return max(enumerate(found), key=lambda place: (_standing(place[1]), place[0]))[1]


def trusted(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be counted: trials that ended well, in blocks that were kept, after the warm-up."""
    sound = (rows["outcome"] == "ok") & rows["kept"]
    if "warm_up" in rows:
        sound &= rows["warm_up"].ne(True)  # empty where a trial has none: not True either
    return rows[sound].reset_index(drop=True)


def by_block(
    rows: pd.DataFrame, value: str, by: str | list[str], statistic: Callable[[pd.Series], float] = pd.Series.median
) -> pd.DataFrame:
    """One number per block (row) and level of one or several factors (column): the units of every interval.

    Blocks in which a level is missing are left out whole, for nothing can be paired with what is not there.
    """
    table = rows.pivot_table(index="block", columns=by, values=value, aggfunc=statistic, sort=False)
    return table.dropna().sort_index()


def publish(run: Run) -> Run:
    """Copy a sound run to its study's reference folder, in place of the one before."""
    if run.manifest.smoke or run.manifest.void:
        raise UsageError(f"{run.path.name} is not published: {run.manifest.watermark}")
    target, fresh = run.path.parent / REFERENCE, run.path.parent / f"{REFERENCE}.part"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in (*PUBLISHED, *(name for name in WHERE_THERE_ARE if (run.path / name).exists())):
        shutil.copyfile(run.path / name, fresh / name)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return Run(target, run.manifest)


def _standing(run: Run) -> int:
    """Sound and local before the reference, the reference before smoke, smoke before void."""
    if run.manifest.smoke:
        return 1
    if run.manifest.void:
        return 0
    return 2 if run.reference else 3


def _table(path: Path, dtype: type[str] | None = None) -> pd.DataFrame:
    """A stored table; only an empty field is missing, for a level may be called None."""
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[] if dtype else [""], dtype=dtype)
    except FileNotFoundError as error:
        raise DoorError(f"{path.name} of run {path.parent.name} is missing") from error
    except (OSError, EOFError, ValueError) as error:
        raise DoorError(f"{path.name} of run {path.parent.name} cannot be read: {error}") from error
