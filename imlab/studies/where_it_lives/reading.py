"""Where the 80 % lives, read from stored rows: tables and the sentence."""

from __future__ import annotations

import pandas as pd
from scipy.stats import binomtest

from imlab.errors import InvalidRun
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.studies.architectures.costs import CALIBRATION, NEW_HITS, OLD_HITS, SENDS, THREADS, Far
from imlab.studies.architectures.region import BOX, FALL, NEAR, POINTS
from imlab.studies.published.speed import AFTER, BEFORE
from imlab.studies.where_it_lives.scaled import COMMIT_S, NOTED, SENDERS, called
from imlab.studies.where_it_lives.table import LOOP, NONE

MS, PERCENT = 1e3, 100.0
BOX_NAMES = {"box": "the whole box", "own loop": f"{LOOP.users} users, {LOOP.think.mean_s * MS:g} ms of think time"}
SAID = {
    "reaches": f"falls by {FALL:.0%} or more",
    "meets": f"falls by {FALL:.0%}, give or take {POINTS * 100:g} points",
    "fits": f"all four published numbers within {NEAR:.0%}",
}


def told(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    """The rows of one kind that may be counted; InvalidRun when there is none."""
    sound = trusted(rows)
    found = sound[sound["what"] == what] if "what" in sound else sound.iloc[:0]
    if found.empty:
        raise InvalidRun(f"nothing of {what!r} can be counted: its trials failed or were rejected")
    return found.dropna(axis="columns", how="all")


def over(rows: pd.DataFrame, what: str, value: str, by: list[str]) -> dict[tuple[object, ...], Interval]:
    """One interval over blocks for each combination of labels, in the order of the rows."""
    table = by_block(told(rows, what), value, by)
    keys: list[tuple[object, ...]] = [tuple(key) if len(by) > 1 else (key,) for key in table.columns.tolist()]
    return {key: mean_interval(table.iloc[:, place].to_numpy(float)) for place, key in enumerate(keys)}


def regions(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per box and condition: points counted, the share with its binomial interval, and that over blocks."""
    found = told(rows, "region")
    lines = []
    for box, some in found.groupby("box", sort=False):
        for column, said in SAID.items():
            share = counted(rows, str(box), column)
            blocks = mean_interval((some[column] / some["points"]).to_numpy(float))
            lines.append({"where": BOX_NAMES[str(box)], "what": said,
                          "points": f"{int(some[column].sum()):,} of {int(some['points'].sum()):,}",
                          "share, % [binomial, 95 %]": share.text(PERCENT),
                          "share, % [over blocks]": blocks.text(PERCENT)})  # fmt: skip
    return pd.DataFrame(lines)


def counted(rows: pd.DataFrame, box: str, column: str) -> Interval:
    """A share of the points of all blocks, with the exact binomial interval of Clopper and Pearson.

    It is wide for points of a Latin hypercube, which spread more evenly than chance.
    """
    found = told(rows, "region")
    some = found[found["box"] == box]
    hits, points = int(some[column].sum()), int(some["points"].sum())
    ends = binomtest(hits, points).proportion_ci(method="exact")
    return Interval(hits / points, float(ends.low), float(ends.high), points, "binomial")


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Everything the figures show, and what they rest on."""
    rows = run.rows()
    return {
        "mixtures": mixtures(rows),
        "region": regions(rows),
        "box": box(),
        "deciders": deciders(rows),
        "formula": formula(rows),
        "loads": loads(rows),
        "hits": hits(rows),
        "nodes": nodes(rows),
        "costs": costs(),
    }


def mixtures(rows: pd.DataFrame) -> pd.DataFrame:
    """The published loop before the old architecture and every mixture of three changes."""
    mean, rate, busy = (over(rows, "table", value, ["changes"]) for value in ("mean_s", "rate_per_s", "busy"))
    published = {"changed": "published, after" , "response, ms": f"{AFTER.latency * MS:g}",
                 "rate, requests/s": f"{AFTER.rate:g}", "core busy, %": "",
                 "fall, %": f"{FALL * PERCENT:.0f}"}  # fmt: skip
    falls = fallen(rows)
    lines = [
        {"changed": str(key[0]), "response, ms": mean[key].text(MS), "rate, requests/s": rate[key].text(),
         "core busy, %": f"{busy[key].estimate * PERCENT:.0f}",
         "fall, %": falls[str(key[0])].text(PERCENT) if key[0] != NONE else ""}
        for key in mean
    ]  # fmt: skip
    before = published | {"changed": "published, before", "response, ms": f"{BEFORE.latency * MS:g}",
                          "rate, requests/s": f"{BEFORE.rate:g}", "fall, %": ""}  # fmt: skip
    return pd.DataFrame([before, published, *lines])


def fallen(rows: pd.DataFrame) -> dict[str, Interval]:
    """Changes -> by which share the mean response falls in the published loop."""
    means = by_block(told(rows, "table"), "mean_s", "changes")
    return {str(name): mean_interval((1 - means[name] / means[NONE]).to_numpy(float)) for name in means if name != NONE}


def box() -> pd.DataFrame:
    """The parameters, their ranges and where those are from."""
    return pd.DataFrame([
        {"parameter": one.name, "from": f"{one.least * one.scale:g}", "to": f"{one.most * one.scale:g}",
         "unit": one.unit, "why": one.source}
        for one in BOX.values()
    ])  # fmt: skip


def deciders(rows: pd.DataFrame) -> pd.DataFrame:
    """What each parameter decides alone."""
    fall, reaching = (over(rows, "decides", value, ["parameter"]) for value in ("of_fall", "of_reaching"))
    return pd.DataFrame([
        {"parameter": str(key[0]), "of the fall's variance, %": fall[key].text(PERCENT),
         f"of whether it reaches {FALL:.0%}, %": reaching[key].text(PERCENT)}
        for key in fall
    ])  # fmt: skip


def formula(rows: pd.DataFrame) -> pd.DataFrame:
    """How far the formula that searched the box is from the simulation, over points of all blocks."""
    found = told(rows, "check")
    off = {"response before, %": found["before"] * PERCENT, "response after, %": found["after"] * PERCENT,
           "fall, points": (found["fall"] - found["simulated_fall"]) * PERCENT}  # fmt: skip
    return pd.DataFrame([
        {"formula less simulation": name, "points": len(some), "median": f"{some.median():+.2f}",
         "5 to 95 % of the points": f"{some.quantile(0.05):+.2f} to {some.quantile(0.95):+.2f}",
         "greatest": f"{some.to_numpy()[int(some.abs().argmax())]:+.2f}"}
        for name, some in off.items()
    ])  # fmt: skip


def loads(rows: pd.DataFrame) -> pd.DataFrame:
    """The fall at equal offered load."""
    by = ["away_s", "cores", "load"]
    fall, tail, rate = (over(rows, "open", value, by) for value in ("fall", "p99_fall", "rate_per_s"))
    return pd.DataFrame([
        {"miss, away, ms": f"{float(str(key[0])) * MS:g}", "processes": f"{key[1]:g}",
         "load, % of what the old side carries": f"{float(str(key[2])) * PERCENT:.0f}",
         "requests/s": f"{rate[key].estimate:.0f}", "mean falls by, %": fall[key].text(PERCENT),
         "p99 falls by, %": tail[key].text(PERCENT)}
        for key in fall
    ])  # fmt: skip


def hits(rows: pd.DataFrame) -> pd.DataFrame:
    """The fall by the new side's hit ratio, under both load models."""
    fall = over(rows, "hits", "fall", ["model", "hits"])
    return pd.DataFrame([
        {"load": str(key[0]), "hits of the new side, %": f"{float(str(key[1])) * PERCENT:.0f}",
         "mean falls by, %": one.text(PERCENT)}
        for key, one in fall.items()
    ])  # fmt: skip


def nodes(rows: pd.DataFrame) -> pd.DataFrame:
    """What fleets carry."""
    by = ["database", "nodes"]
    rate, each, mean = (over(rows, "nodes", value, by) for value in ("rate_per_s", "each_per_s", "mean_s"))
    return pd.DataFrame([
        {"database": str(key[0]), "nodes": f"{key[1]:g}", "messages/s": rate[key].text(),
         "messages/s and node": each[key].text(), f"response with {SENDERS} senders a node, ms": mean[key].text(MS)}
        for key in rate
    ])  # fmt: skip


def costs() -> pd.DataFrame:
    """What the model was told: CPU by side, and far times."""
    far, cpu = Far(), CALIBRATION
    kinds = {"hit": "hit_s", "second level": "second_s", "miss": "miss_s", "send": "send_s"}
    lines = [
        {"what": f"CPU of a {kind}, ms" if kind != "second level" else "CPU of a hit at the second level, ms",
         "old": f"{getattr(cpu.old, name) * MS:g}", "new": f"{getattr(cpu.new, name) * MS:g}", "from": cpu.source}
        for kind, name in kinds.items()
    ]  # fmt: skip
    shared = {
        "question to the database, away, ms": (far.question.mean_s * MS, "stated"),
        "object store, away, mean ms": (far.object.mean_s * MS, "AWS: roughly 100 to 200 ms; uniform between these"),
        "second level, away, ms": (far.second.mean_s * MS, "stated"),
        "sends, % of requests": (SENDS * PERCENT, "stated"),
        "a commit of the fleet's database, ms": (COMMIT_S * MS, "PostgreSQL, measured on two cores"),
    }
    lines += [
        {"what": name, "old": f"{value:g}", "new": f"{value:g}", "from": why} for name, (value, why) in shared.items()
    ]
    return pd.DataFrame([
        *lines,
        {"what": "hits in the process, then at the second level, %", "old": _levels(OLD_HITS), "new": _levels(NEW_HITS),
         "from": "published together; how the levels share them is stated"},
        {"what": "threads", "old": f"{THREADS}", "new": "event loop", "from": "stack/presets.py"},
    ])  # fmt: skip


def _levels(levels: object) -> str:
    shares = [getattr(levels, name) for name in ("memory", "second")]
    return ", ".join(f"{share * PERCENT:.0f}" for share in shares)


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    falls, share, near = fallen(rows), counted(rows, "box", "reaches"), counted(rows, "box", "meets")
    fits, parts = counted(rows, "own loop", "fits"), over(rows, "decides", "of_fall", ["parameter"])
    alone = {
        str(key[0]): one.estimate for key, one in parts.items() if str(key[0]) in {one.name for one in BOX.values()}
    }
    first, second = sorted(alone, key=lambda name: -alone[name])[:2]
    opened = [one.estimate for one in over(rows, "open", "fall", ["away_s", "cores", "load"]).values()]
    rate = over(rows, "nodes", "rate_per_s", ["database", "nodes"])
    carried = [rate[(called(one), 120)].text() for one in (None, NOTED)]
    cached, whole = falls["cache"], falls["cache + loop + CPU"]
    return (
        f"Simulated: in the loop that fits the published table the cache alone makes the mean fall by "
        f"{cached.text(PERCENT)} %, cache, event loop and cheaper CPU together by {whole.text(PERCENT)} %; over the "
        f"stated box the fall reaches {FALL:.0%} at {share.text(PERCENT)} % of the points, lies within "
        f"{POINTS * 100:g} points of it at {near.text(PERCENT, digits=2)} %, and of those with the table's own users "
        f"{fits.text(PERCENT, digits=2)} % show all four numbers within {NEAR:.0%}; {first} and {second} decide most "
        f"alone; at equal offered load the fall is {min(opened) * PERCENT:.0f} to {max(opened) * PERCENT:.0f} %; and "
        f"120 nodes carry {carried[0]} messages/s with a database each, {carried[1]} with one that commits "
        f"{NOTED} at once."
    )
