"""The headline on trial, read from stored rows: equal load, capacity, and the loop that fits the published table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.claims.auditor import Loop, audit
from imlab.lab.plots.figure import Plot, imprint
from imlab.lab.plots.forest import forest
from imlab.lab.plots.load_curve import Capacity, Offered, load_curve
from imlab.lab.plots.plane import Map, Move, Spot, plane
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.censored import Comparison, Sustained, compared, sustained
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.studies.eighty_percent.cases import LOADS, PAUSE_S, SCALES, USERS
from imlab.studies.published.speed import AFTER, BEFORE, TABLE

MS, PERCENT = 1e3, 100.0
SAID = {"mean_s": "mean", "p50_s": "p50", "p99_s": "p99", "cpu_s": "CPU a request"}


def some(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    """Rows of one kind that may be counted; InvalidRun when there is none."""
    sound = trusted(rows)
    found = sound[sound["what"] == what] if "what" in sound else sound.iloc[:0]
    if found.empty:
        raise InvalidRun(f"nothing of {what!r} can be counted: its trials failed or were rejected")
    return found


def sides(rows: pd.DataFrame, value: str, load: int) -> pd.DataFrame:
    """One number per block (row) and side (column), at one load; empty where it was withheld."""
    found = some(rows, "open")
    here = found[found["load"] == load]
    if value not in here or here[value].isna().all():
        return pd.DataFrame()
    return by_block(here, value, "side")


def fall(rows: pd.DataFrame, value: str, load: int) -> Effect | None:
    """New against old at one load; None where a side has no number."""
    found = sides(rows, value, load)
    return paired(found["old"], found["new"]) if {"old", "new"} <= set(found.columns) and len(found) else None


def looped(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """One number per block and side, of the published loop."""
    return by_block(some(rows, "closed"), value, "side")


def loop_fall(rows: pd.DataFrame, value: str = "mean_s") -> Effect:
    """New against old in the published loop."""
    found = looped(rows, value)
    return paired(found["old"], found["new"], better="higher" if value == "rate_per_s" else "lower")


def capacities(rows: pd.DataFrame, store: str) -> dict[str, Sustained]:
    """What each side sustained."""
    found = some(rows, "capacity")
    here = found[found["store"] == store]
    return {
        str(side): sustained(own["rate_per_s"].to_numpy(float), own["shown"].tolist())
        for side, own in here.groupby("side", sort=False)
    }


def gained(rows: pd.DataFrame) -> Comparison:
    """Capacity, new against old, objects near."""
    found = some(rows, "capacity")
    here = found[found["store"] == "near"]
    blocks = sorted(set.intersection(*(set(own["block"]) for _, own in here.groupby("side"))))
    old, new = (here[here["side"] == side].set_index("block").loc[blocks] for side in ("old", "new"))
    return compared(old["rate_per_s"].to_numpy(float), old["shown"].tolist(),
                    new["rate_per_s"].to_numpy(float), new["shown"].tolist())  # fmt: skip


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """At each load, and in the published loop: both sides, and what the new one changes."""
    lines = []
    for load in LOADS:
        rate = some(rows, "open").groupby("load")["offered_per_s"].mean()[load]
        for value, said in SAID.items():
            if effect := fall(rows, value, load):
                lines.append(_line(f"{load} % of the old capacity, {rate:.0f}/s on average", said,
                                   sides(rows, value, load), effect, MS))  # fmt: skip
    loop = f"closed loop, {USERS} users who pause {PAUSE_S * MS:g} ms"
    lines.append(_line(loop, "mean", looped(rows, "mean_s"), loop_fall(rows), MS))
    lines.append(_line(loop, "requests/s", looped(rows, "rate_per_s"), loop_fall(rows, "rate_per_s"), 1.0))
    return pd.DataFrame(lines).set_index(["load", "what"])


def _line(load: str, what: str, found: pd.DataFrame, effect: Effect, scale: float) -> dict[str, str]:
    return {
        "load": load,
        "what": what if scale == 1.0 else f"{what} (ms)",
        "old": mean_interval(found["old"]).text(scale),
        "new": mean_interval(found["new"]).text(scale),
        "change": effect.text(),
    }


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Capacities, hit ratios, the published table as algebra reads it."""
    rows = run.rows()
    return {"capacity": capacity_table(rows), "hits": hits(rows), "audit": audited()}


def capacity_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What each side sustains under each objective."""
    found = some(rows, "capacity")
    return pd.DataFrame([
        {"objects": store, "objective": own["objective"].iloc[0], "side": side,
         "sustained": sustained(own["rate_per_s"].to_numpy(float), own["shown"].tolist()).text(),
         "what ended it": own["why"].mode().iloc[0] if own["why"].notna().any() else ""}
        for (store, side), own in found.groupby(["store", "side"], sort=False)
    ]).set_index(["objects", "side"])  # fmt: skip


def hits(rows: pd.DataFrame) -> pd.DataFrame:
    """The hit ratios that were counted, and the other treatments, over all open windows."""
    found = some(rows, "open")
    counted = {"hits (%)": ("hits", PERCENT), "connections a request": ("connections", 1.0),
               "bytes an answer": ("answer_bytes", 1.0)}  # fmt: skip
    return pd.DataFrame({
        name: {side: mean_interval(own.groupby("block")[value].mean()).text(scale)
               for side, own in found.groupby("side", sort=False)}
        for name, (value, scale) in counted.items()
    })  # fmt: skip


def audited() -> pd.DataFrame:
    """What algebra alone says of the published table."""
    return pd.DataFrame({TABLE: list(audit(BEFORE, AFTER).lines())})


def figures(run: Run) -> dict[str, Plot]:
    """The fall at each load beside the loop's, the load curves, the loop on the plane."""
    rows, stamp = run.rows(), imprint(run)
    falls = {f"{load} % of the old side's capacity": effect for load in LOADS if (effect := fall(rows, "mean_s", load))}
    falls[f"closed loop, {USERS} users"] = loop_fall(rows)
    return {
        "falls": forest(falls, "The mean response, new architecture against old (published: -80 %)", "mean response",
                        imprint=stamp),
        "loads": _curves(rows, run, stamp),
        "loop": _loop(rows, stamp),
    }  # fmt: skip


def _curves(rows: pd.DataFrame, run: Run, stamp: object) -> Plot:
    found = some(rows, "open")
    quantile = "p99_s" if "p99_s" in found and found["p99_s"].notna().any() else "p50_s"
    rates = found.groupby("load")["offered_per_s"].mean()
    curves = {
        f"{side}, {quantile[:-2]}": [
            Offered(float(rates[load]), mean_interval(values[side]))
            for load in LOADS
            if side in (values := sides(rows, quantile, load)).columns
        ]
        for side in ("old", "new")
    }
    held = {f"{side}, {quantile[:-2]}": Capacity.over(own) for side, own in capacities(rows, "far").items()}
    return load_curve(
        {name: points for name, points in curves.items() if points},
        "Both sides at equal offered load, objects 100 to 200 ms away",
        some(rows, "capacity").query("store == 'far'")["objective_s"].iloc[0],
        {name: one for name, one in held.items() if curves.get(name)},
        quantile[:-2],
        imprint=stamp,  # type: ignore[arg-type]
    )


def _loop(rows: pd.DataFrame, stamp: object) -> Plot:
    loop = Loop(USERS, PAUSE_S)
    line = [(loop.rate(seconds), seconds) for seconds in np.linspace(0.01, 0.3, 60).tolist()]
    marks = {"published, before": BEFORE, "published, after": AFTER}
    spots = [Spot(mean_interval(looped(rows, "rate_per_s")[side]), mean_interval(looped(rows, "mean_s")[side]))
             for side in ("old", "new")]  # fmt: skip
    return plane(
        {"old to new, measured": Move(*spots)},
        title="The published loop, measured: both of its numbers are one",
        known=Map({f"Little's law for {USERS} users": line}, {name: (row.rate, row.latency) for name, row in marks.items()}),
        quantity="mean response",
        imprint=stamp,  # type: ignore[arg-type]
    )  # fmt: skip


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    falls = [f"{load} %: {effect.text()}" for load in LOADS if (effect := fall(rows, "mean_s", load))]
    old, new = (looped(rows, "mean_s")[side].mean() * MS for side in ("old", "new"))
    return (
        f"At equal offered load (percent of the old side's capacity) the mean response changes by {'; '.join(falls)}; "
        f"in the closed loop of {USERS} users it goes from {old:.3g} to {new:.3g} ms, {loop_fall(rows).text()}, and the "
        f"rate by {loop_fall(rows, 'rate_per_s').text()}; capacity under {SCALES['full'].objective.text()}, objects "
        f"near: {gained(rows).text()}. Published: -80 %, +79.2 %."
    )


def spread(interval: Interval) -> str:
    """For a table."""
    return interval.text(MS)
