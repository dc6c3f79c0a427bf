"""What bad networks do to a voice note, read from stored rows: tables, figures, the sentence."""

from __future__ import annotations

from math import inf

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.plots.bars import stage_bars
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.plots.forest import forest
from imlab.lab.record.reading import Run, trusted
from imlab.lab.statistics.effect import Effect
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.net.fate.ratetrace import RateTrace
from imlab.net.links import Link
from imlab.net.profiles import PROFILES
from imlab.studies.links.agreement import agreement
from imlab.studies.links.cases import TUN, VIRTUAL, Case, cases, geometric, kept, longest
from imlab.studies.links.networks import NETWORKS, PERFECT
from imlab.studies.links.pairs import absent, pairs
from imlab.studies.links.parts import COLUMNS, PARTS

USUAL = "good 4G"
NEAR_S = 0.5  # networks on which a note is heard sooner are drawn in milliseconds


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """The long note over a kept connection, a line per network: predicted, measured, the error with its interval."""
    return pd.DataFrame([_line(case) for case in kept(rows)])


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The networks and their sources; what the engine was asked beforehand; every case; the parts; the luck."""
    rows = run.rows()
    return {
        "networks": networks(),
        "validation": validation(run),
        "cases": pd.DataFrame([_kind(case) | _line(case) for case in cases(rows)]),
        "parts": parts(rows),
        "traffic": traffic(rows),
    }


def figures(run: Run) -> dict[str, Plot]:
    """Predicted and measured, the errors, and what the time is made of on near and on far networks."""
    rows, stamp = run.rows(), imprint(run)
    said = f"A note of {longest(rows)} s"
    drawn = {
        "predicted": pairs(
            {name: [case for case in cases(rows, longest(rows)) if case.network == name] for name in _places(rows)},
            title=f"{said} over {len(kept(rows))} networks: predicted, and measured",
            imprint=stamp,
        )
    }
    drawn |= _errors(run, rows, stamp)
    seconds = {
        name: {part: max(0.0, one.estimate) for part, one in told.items()} for name, told in shares(rows).items()
    }
    for kind, near, unit, scale in (("near", True, "ms", 1e3), ("far", False, "s", 1.0)):
        if bars := {name: told for name, told in seconds.items() if (sum(told.values()) < NEAR_S) == near}:
            drawn[f"parts_{kind}"] = stage_bars(
                bars,
                title=f"{said}, dialled at the tap: the wait on {kind} networks",
                subtitle="mean of simulated notes, shared by switching off causes in every way; below 0: not drawn",
                unit=unit,
                scale=scale,
                axis="time to the first sound",
                imprint=stamp,
            )
    return drawn


def _errors(run: Run, rows: pd.DataFrame, stamp: Imprint) -> dict[str, Plot]:
    """Measured over predicted, note by note and network by network; sheets with the reason where nothing was."""
    titles = {"agreement": "Every note, measured over predicted",
              "errors": "How far the kernel's TCP is from the virtual one"}  # fmt: skip
    both = [case for case in cases(rows) if len(case.blocks)]
    if not both:
        return {name: absent(title, f"not measured here: {why(run)}", stamp) for name, title in titles.items()}
    quantity = "stop-to-play, from predicted to measured"
    return {
        "agreement": agreement(both, titles["agreement"], stamp),
        "errors": forest(errors(rows), titles["errors"], quantity, stamp, wanted="none is best"),
    }


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    spoken = {case.network: case for case in kept(rows)}
    slow = max(spoken.values(), key=_seconds)
    usual = spoken.get(USUAL, slow)
    times = f"A note of {longest(rows)} s is heard {_told(usual)} after the tap on {usual.network}"
    times += f" and {_told(slow)} on {slow.network}" if slow is not usual else ""
    return f"{times}, over a connection kept open; {judged(run)}; {ruled(rows)}."


def judged(run: Run) -> str:
    """How good the predictions were, over the networks that have a distance; or why nobody knows."""
    found = errors(run.rows())
    if not found:
        return f"this is predicted, and not measured here ({why(run)})"
    sizes = {name: abs(error.change.estimate) for name, error in found.items()}
    worst = max(sizes, key=lambda name: sizes[name])
    return (
        f"virtual TCP predicted what the kernel's took with an error of {np.median(list(sizes.values())):.1%} in the "
        f"median of {len(found)} networks, at worst {_percent(found[worst].change)} ({worst})"
    )


def ruled(rows: pd.DataFrame) -> str:
    """Which part is the longest, by network: the part that is so most often, and where it is another."""
    dear = {name: str(blocks.median().idxmax()) for name, blocks in _taken_apart(rows).items() if name != PERFECT.name}
    usual = max(PARTS, key=lambda part: sum(one == part for one in dear.values()))
    others = {part: [name for name, one in dear.items() if one == part] for part in PARTS if part != usual}
    told = [f"{part} on {' and '.join(names)}" for part, names in others.items() if names]
    head = f"when it is dialled at the tap, the longest part of the median block is {usual}"
    return f"{head}, but {', '.join(told)}" if told else head


def errors(rows: pd.DataFrame) -> dict[str, Effect]:
    """Measured against predicted over a kept connection, of each network that has a distance."""
    return {case.network: error for case in kept(rows) if case.network != PERFECT.name and (error := case.error)}


def why(run: Run) -> str:
    """Why nothing was measured, in the words of the first trial that should have."""
    trials = run.trials()
    reasons = trials[(trials["engine"] == TUN) & (trials["outcome"] != "ok")]["reason"].dropna()
    return str(reasons.iloc[0]) if len(reasons) else "its blocks were rejected"


def networks() -> pd.DataFrame:
    """Each network, in the units of its sources, and where its numbers come from."""
    notes = {PERFECT.name: "what CPU and disk take, and nothing else"} | {
        name: profile.note for name, profile in PROFILES.items()
    }
    return pd.DataFrame([
        {"network": name, "round trip, ms": f"{(path.up.delay + path.down.delay) * 1e3:g}",
         "jitter, ms": f"{path.up.jitter * 1e3:g}", "up, kbit/s": _rate(path.up), "down, kbit/s": _rate(path.down),
         "loss, %": f"{path.up.loss_model.mean * 100:.2g}", "source": notes[name]}
        for name, path in NETWORKS.items()
    ])  # fmt: skip


def validation(run: Run) -> pd.DataFrame:
    """What the engine did where the outcome is known, before it was used; rejected blocks speak too."""
    rows = run.rows()
    found = rows[rows["what"] == "validation"]
    if found.empty:
        return pd.DataFrame([{"asked": "nothing", "why": why(run)}])
    return pd.DataFrame([
        {"asked": one["finding"], "measured": f"{one['measured']:.4g} {_text(one['unit'])}".strip(),
         "expected": f"{one['expected']:.4g}", "from": f"{one['low']:.4g}", "to": f"{one['high']:.4g}",
         "right": "yes" if one["ok"] else "no"}
        for one in found.to_dict("records")
    ])  # fmt: skip


def traffic(rows: pd.DataFrame) -> pd.DataFrame:
    """What the engine carried, block by block."""
    sound = trusted(rows)
    found = sound[sound["what"] == "traffic"]
    return pd.DataFrame([
        {"block": one["block"] + 1, "packets": f"{one['packets']:.0f}", "lost by links": f"{one['dropped']:.0f}",
         "late, p99, ms": f"{one['late_p99_s'] * 1e3:.2f}",
         "TCP": one["congestion"], "forwarder": one["priority"]}
        for one in found.to_dict("records")
    ])  # fmt: skip


def parts(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per network: the whole, and each part of it, in seconds."""
    return pd.DataFrame([
        {"network": name, "whole, s": f"{sum(one.estimate for one in told.values()):.3g}"}
        | {f"{part}, s": one.text() for part, one in told.items()}
        for name, told in shares(rows).items()
    ])  # fmt: skip


def shares(rows: pd.DataFrame) -> dict[str, dict[str, Interval]]:
    """Network -> part -> its mean seconds over blocks."""
    return {name: {part: mean_interval(blocks[part]) for part in PARTS} for name, blocks in _taken_apart(rows).items()}


def _taken_apart(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Network -> seconds, block by part, to a microsecond; InvalidRun when there is none."""
    sound = trusted(rows)
    found = sound[sound["what"] == "parts"].dropna(subset=list(COLUMNS.values()))
    if found.empty:
        raise InvalidRun("no note was taken apart")
    named = found.rename(columns={column: part for part, column in COLUMNS.items()})
    by_network = {name: some.groupby("block")[list(PARTS)].mean().round(6) for name, some in named.groupby("network")}
    return {name: by_network[name] for name in _places(rows) if name in by_network}


def _line(case: Case) -> dict[str, object]:
    """Predicted, measured, the error, and notes that nobody heard."""
    error = case.error
    return {
        "network": case.network,
        "predicted": _time(geometric(case.predicted)) if len(case.predicted) else "never heard",
        "measured": _time(geometric(case.measured)) if len(case.measured) else "not measured",
        "error": _percent(error.change) if error else "",
        "within 5 to 95 % of the simulated": f"{case.inside} of {len(case.notes(TUN))}" if len(case.measured) else "",
        "unheard, predicted": case.deaf(VIRTUAL),
        "unheard, measured": case.deaf(TUN),
    }


def _rate(link: Link) -> str:
    """In kbit/s; of a trace, its mean."""
    mean = link.rate.mean if isinstance(link.rate, RateTrace) else link.rate
    return "unlimited" if mean == inf else f"{'mean ' if mean is not link.rate else ''}{mean / 125:,.0f}"


def _kind(case: Case) -> dict[str, object]:
    return {"network": case.network, "note, s": case.note_s, "connection": case.connection}


def _places(rows: pd.DataFrame) -> list[str]:
    return [case.network for case in kept(rows)]


def _best(case: Case) -> pd.Series:
    """What was measured, else what was predicted."""
    return case.measured if len(case.measured) else case.predicted


def _seconds(case: Case) -> float:
    return geometric(_best(case)).estimate


def _told(case: Case) -> str:
    return _time(geometric(_best(case)))


def _time(interval: Interval) -> str:
    return interval.text(1e3, "ms") if interval.estimate < NEAR_S else interval.text(1.0, "s")


def _percent(change: Interval) -> str:
    """``+1.2 % [-0.3, +2.8]``."""
    middle, low, high = (value * 100 for value in (change.estimate, change.low, change.high))
    return f"{middle:+.1f} % [{low:+.1f}, {high:+.1f}]" if change.given else f"{middle:+.1f} % ({change.method})"


def _text(value: object) -> str:
    """A unit; stored tables have nothing where it is empty."""
    return value if isinstance(value, str) else ""


def _why(run: Run) -> str:
    """What the trials of the engine said."""
    trials = run.trials()
    reasons = trials[(trials["engine"] == TUN) & (trials["outcome"] != "ok")]["reason"].dropna()
    return str(reasons.iloc[0]) if len(reasons) else "its blocks were rejected"
