"""The headline on trial, read from stored rows: equal load, capacity, and the loop that fits the published table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.claims.auditor import Loop, audit
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.plots.forest import forest
from imlab.lab.plots.load_curve import Capacity, Offered, load_curve
from imlab.lab.plots.plane import Map, Move, Spot, plane
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.censored import Comparison, Sustained, compared, sustained
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import mean_interval
from imlab.stack.presets import ARTICLE_AWAY, ARTICLE_THREADS
from imlab.studies.eighty_percent.cases import LOADS, PAUSE_S, SCALES, USERS
from imlab.studies.published.speed import AFTER, BEFORE, TABLE

MS, PERCENT = 1e3, 100.0
LOOPED = {
    "usual": f"{USERS} users who pause {PAUSE_S * MS:g} ms",
    "article": f"the same users, {ARTICLE_THREADS} threads, objects {ARTICLE_AWAY.low_s * MS:g} to "
    f"{ARTICLE_AWAY.high_s * MS:g} ms away",
}
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


def looped(rows: pd.DataFrame, value: str, loop: str = "usual") -> pd.DataFrame:
    """One number per block and side, of the published loop."""
    found = some(rows, "closed")
    return by_block(found[found["loop"] == loop], value, "side")


def loop_fall(rows: pd.DataFrame, value: str = "mean_s", loop: str = "usual") -> Effect:
    """New against old in the published loop."""
    found = looped(rows, value, loop)
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
    for loop, said in LOOPED.items():
        for value, what, scale in (("mean_s", "mean", MS), ("rate_per_s", "requests/s", 1.0)):
            lines.append(_line(said, what, looped(rows, value, loop), loop_fall(rows, value, loop), scale))
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
    falls |= {said: loop_fall(rows, loop=loop) for loop, said in LOOPED.items()}
    return {
        "falls": forest(falls, "The mean response, new architecture against old (published: -80 %)", "mean response",
                        imprint=stamp),
        "loads": _curves(rows, stamp),
        "loop": _loop(rows, stamp),
    }  # fmt: skip


def _curves(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """The tail of both sides over the rate; of a smoke run, which has none, the median."""
    found, sought = some(rows, "open"), some(rows, "capacity")
    value = "p99_s" if "p99_s" in found and found["p99_s"].notna().any() else "p50_s"
    rates, quantile = found.groupby("load")["offered_per_s"].mean(), value.removesuffix("_s")
    curves: dict[str, list[Offered]] = {}
    for load in LOADS:
        for side, blocks in sides(rows, value, load).items():
            curves.setdefault(f"{side}, {quantile}", []).append(Offered(float(rates[load]), mean_interval(blocks)))
    held = {f"{side}, {quantile}": Capacity.over(one) for side, one in capacities(rows, "far").items()}
    return load_curve(
        curves,
        "Both sides at equal offered load, objects 100 to 200 ms away",
        float(sought[sought["store"] == "far"]["objective_s"].iloc[0]),
        {name: one for name, one in held.items() if name in curves},
        quantile,
        imprint=stamp,
    )


def _loop(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """Measured loops on Little's hyperbola, the published rows beside them."""
    loop = Loop(USERS, PAUSE_S)
    line = [(loop.rate(seconds), seconds) for seconds in np.linspace(0.01, 0.3, 60).tolist()]
    published = {"published, before": BEFORE, "published, after": AFTER}
    return plane(
        {said: Move(_spot(rows, name, "old"), _spot(rows, name, "new")) for name, said in LOOPED.items()},
        title="The published loop, measured: its two numbers are one",
        known=Map(
            {f"Little's law for {USERS} users": line},
            {name: (row.rate, row.latency) for name, row in published.items()},
        ),
        quantity="mean response",
        imprint=stamp,
    )


def _spot(rows: pd.DataFrame, loop: str, side: str) -> Spot:
    return Spot(*(mean_interval(looped(rows, value, loop)[side]) for value in ("rate_per_s", "mean_s")))


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    falls = [f"{load} %: {effect.text()}" for load in LOADS if (effect := fall(rows, "mean_s", load))]
    return (
        f"At equal offered load (percent of the old side's capacity) the mean response changes by {'; '.join(falls)}; "
        f"in the closed loop of {_looped_words(rows, 'usual')}, and of {_looped_words(rows, 'article')}; capacity "
        f"under {SCALES['full'].objective.text()}, objects near: {gained(rows).text()}. Published: -80 %, +79.2 %."
    )


def _looped_words(rows: pd.DataFrame, loop: str) -> str:
    means, rates = looped(rows, "mean_s", loop), looped(rows, "rate_per_s", loop)
    old, new = (f"{means[side].mean() * MS:.0f} ms and {rates[side].mean():.0f}/s" for side in ("old", "new"))
    return f"{LOOPED[loop]} from {old} to {new} ({loop_fall(rows, loop=loop).text()})"
