"""Stop-to-play read from stored rows: the table, the figures, the sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.plots.bars import stage_bars
from imlab.lab.plots.ecdf import ecdf
from imlab.lab.plots.figure import Plot, imprint
from imlab.lab.record.quantiles import Quantile, quantile
from imlab.lab.record.reading import Run, trusted
from imlab.lab.record.stages import Stages, take_apart
from imlab.lab.statistics.intervals import Interval, median_interval
from imlab.studies.stop_to_play.moments import COLUMNS, MOMENTS, STAGES, WHOLE
from imlab.studies.stop_to_play.paths import PATHS

LOOPBACK = "loopback"
PLACES = (LOOPBACK, *(path.name for path in PATHS))
FAST = ("office", "4G")  # told in milliseconds; the others in seconds
USUAL = "bitrate=24000"  # what ./lab send uses
CASE = ["path", "note_s", "codec"]


def heard(rows: pd.DataFrame) -> pd.DataFrame:
    """The taps that may be counted and were heard."""
    sound = trusted(rows)
    taps = sound[sound["error"].isna()] if "error" in sound else sound
    return taps.sort_values(CASE, key=_rank, kind="stable")


def parts(rows: pd.DataFrame) -> Stages:
    """The stages of each tap, checked against the whole that was measured on its own."""
    if rows.empty:
        raise InvalidRun("no tap can be counted: every trial failed or was rejected")
    ends = np.cumsum(rows[list(COLUMNS)].to_numpy(float) * 1e-6, axis=1)
    moments = {"intended": np.zeros(len(rows))} | {name: ends[:, i] for i, name in enumerate(MOMENTS[1:])}
    return take_apart(moments, rows[WHOLE].to_numpy(float) * 1e-6, STAGES)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per network, length and codec: taps, blocks, p50 with its interval over blocks, p99, heaviest stage."""
    return pd.DataFrame([_line(case, taps) for case, taps in _cases(heard(rows))])


def figures(run: Run) -> dict[str, Plot]:
    """The stages on loopback and over the simulated links, and the distributions on loopback."""
    taps, stamp = heard(run.rows()), imprint(run)
    here, there = (taps[(taps["path"] == LOOPBACK) == where] for where in (True, False))
    usual = there[there["codec"] == _usual(there)]
    return {
        "stages_loopback": stage_bars(
            *_bars(here, CASE[1:]),
            title="From tap to first sound on loopback, with a durable commit",
            imprint=stamp,
        ),
        "stages_fast_links": stage_bars(
            *_bars(usual[usual["path"].isin(FAST)], CASE[:2]),
            title=f"The same over fast simulated links, {_short(_usual(there))}",
            imprint=stamp,
        ),
        "stages_slow_links": stage_bars(
            *_bars(usual[~usual["path"].isin(FAST)], CASE[:2]),
            title=f"The same over slow simulated links, {_short(_usual(there))}",
            unit="s",
            scale=1.0,
            imprint=stamp,
        ),
        "distribution_loopback": ecdf(
            {_named(case, CASE[1:]): group[WHOLE] * 1e-6 for case, group in here.groupby(CASE[1:], sort=False)},
            title="Stop-to-play on loopback",
            quantity="stop-to-play",
            imprint=stamp,
        ),
    }


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    taps = heard(run.rows())
    usual = taps[(taps["codec"] == _usual(taps)) & (taps["note_s"] == 15)]
    local = usual[usual["path"] == LOOPBACK]
    slowest = max((group for _, group in usual.groupby("path", sort=False)), key=lambda group: group[WHOLE].median())
    near, far = (_heaviest(taps) for taps in (local, slowest))
    return (
        f"A 15 s note (Opus, {_short(_usual(taps))}) is heard {_median(local).text(1e3, 'ms')} after the tap "
        f"on loopback, {near[0]} being {near[1]:.0%} of it; over the simulated {slowest['path'].iloc[0]} it "
        f"takes {_median(slowest).text(1, 's')}, {far[0]} being {far[1]:.0%}."
    )


def _rank(column: pd.Series) -> pd.Series:
    """Networks from near to far, lengths from short to long, the usual codec setting first."""
    if column.name == "note_s":
        return column
    known = PLACES if column.name == "path" else sorted(column.unique(), key=lambda name: (USUAL not in name, name))
    return column.map({name: place for place, name in enumerate(known)})


def _cases(taps: pd.DataFrame) -> Iterator[tuple[tuple[object, ...], pd.DataFrame]]:
    for case, group in taps.groupby(CASE, sort=False):
        yield tuple(case), group


def _line(case: tuple[object, ...], taps: pd.DataFrame) -> dict[str, object]:
    per_run = taps.groupby("block")[WHOLE].size().min()
    name, share = _heaviest(taps)
    scale, unit = (1e3, "ms") if case[0] in (LOOPBACK, *FAST) else (1.0, "s")
    return dict(zip(CASE, (*case[:2], _short(case[2])), strict=True)) | {
        "taps": len(taps),
        "blocks": taps["block"].nunique(),
        "p50 [95 % interval over blocks]": _median(taps).text(scale, unit),
        "p99": _tail(taps, int(per_run)).text(scale, unit),
        "heaviest stage at p50": f"{name}, {share:.0%}",
    }


def _median(taps: pd.DataFrame) -> Interval:
    """The median of the blocks' medians, in seconds."""
    return median_interval(taps.groupby("block")[WHOLE].median().to_numpy() * 1e-6)


def _tail(taps: pd.DataFrame, per_run: int) -> Quantile:
    """p99 over all taps in seconds, where every run had enough of them to show its own."""
    q, values = 0.99, taps[WHOLE].to_numpy(float) * 1e-6
    return quantile(values, q, taps[COLUMNS[0]] * 1e-6) if per_run * (1 - q) >= 10 - 1e-9 else Quantile(
        q, None, per_run, f"n too small ({per_run} in a run, needs {10 / (1 - q):.0f})")  # fmt: skip


def _heaviest(taps: pd.DataFrame) -> tuple[str, float]:
    """The longest stage of the taps around the median, and its share."""
    stages = parts(taps).at(0.5)
    name = max(stages, key=lambda stage: stages[stage])
    return name, stages[name] / sum(stages.values())


def _bars(taps: pd.DataFrame, by: list[str]) -> tuple[dict[str, dict[str, float]]]:
    """The stages around the median of each case."""
    return ({_named(case, by): parts(group).at(0.5) for case, group in taps.groupby(by, sort=False)},)


def _usual(taps: pd.DataFrame) -> str:
    """The codec setting that the sentences speak of."""
    return str(next(name for name in taps["codec"].unique() if USUAL in name))


def _named(case: object, by: list[str]) -> str:
    """A case as an axis calls it."""
    values = case if isinstance(case, tuple) else (case,)
    return ", ".join(TOLD[name](value) for name, value in zip(by, values, strict=True))


def _short(codec: object) -> str:
    """Opus(bitrate=24000, frame_ms=20, complexity=10) as 24 kbit/s, 20 ms."""
    fields = dict(field.split("=") for field in str(codec).partition("(")[2].rstrip(")").split(", "))
    return f"{int(fields['bitrate']) / 1000:g} kbit/s, {fields['frame_ms']} ms"


TOLD: Mapping[str, Callable[[object], str]] = {"note_s": lambda value: f"{value} s", "codec": _short, "path": str}
