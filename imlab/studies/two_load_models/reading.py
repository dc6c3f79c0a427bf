"""Two loops read from stored rows: what each saw of a stall, and what each makes of the published table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.claims.auditor import Loop, audit
from imlab.lab.known.gap import Gap
from imlab.lab.plan.factorial import label
from imlab.lab.plots.figure import Plot, imprint
from imlab.lab.plots.percentiles import percentiles
from imlab.lab.plots.plane import Map, Move, Spot, plane
from imlab.lab.plots.room import digits
from imlab.lab.plots.window import Requests, window
from imlab.lab.record.quantiles import Quantile, quantile
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.studies.published.speed import AFTER, BEFORE, TABLE
from imlab.studies.two_load_models.scenes import NEW, OLD, STALL, Answers, Stalls
from imlab.studies.two_load_models.windows import CLOSED, OPEN

LOOPS = (OPEN, CLOSED)
TOLD = {
    OPEN: f"open loop, {STALL.rate:.0f} requests/s",
    CLOSED: f"closed loop, {STALL.users} users with {STALL.think_s * 1e3:g} ms of think time",
}
QUANTILES = (0.5, 0.95, 0.99)
HELD_UP = 0.1  # of the stall: a request that waited longer has met it
AROUND = 0.8  # seconds before and after the stall that are drawn
MS = 1e3


def stalled(rows: pd.DataFrame, loop: str) -> pd.DataFrame:
    """The requests of one loop that may be counted, in the stall; InvalidRun when there is none."""
    sound = trusted(rows)
    if "what" not in sound:
        raise InvalidRun("no window can be counted: every trial failed or was rejected")
    found = sound[(sound["what"] == "request") & (sound["loop"] == loop) & (sound["scene"] == label(STALL))]
    if found.empty:
        raise InvalidRun(f"no request of the {loop} loop can be counted")
    return found


def gap(rows: pd.DataFrame) -> Gap:
    """The algebra of the stall, for the window in which it was measured."""
    windows = rows[(rows["what"] == "window") & (rows["scene"] == label(STALL))]["window_s"].unique()
    if len(windows) != 1:
        raise InvalidRun(f"the stall has one window in all blocks, not {sorted(windows)}")
    return STALL.gap(float(windows[0]))


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per loop and percentile: by algebra, and measured; and how many requests met the stall."""
    algebra = gap(rows)
    expected = {OPEN: algebra.open_quantile, CLOSED: algebra.closed_quantile}
    lines = [_percentile(stalled(rows, loop), loop, q, expected[loop]) for loop in LOOPS for q in QUANTILES]
    return pd.DataFrame([*lines, *(_held_up(stalled(rows, loop), loop, algebra) for loop in LOOPS)])


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The table re-enacted; what algebra says of it; the loads."""
    rows = run.rows()
    return {"reenacted": reenacted(rows), "audit": audited(), "loads": loads(rows)}


def figures(run: Run) -> dict[str, Plot]:
    """The stall as it went, its percentiles, and the table re-enacted."""
    rows, stamp = run.rows(), imprint(run)
    algebra, seen = gap(trusted(rows)), {loop: stalled(rows, loop) for loop in LOOPS}
    first = min(set(seen[OPEN]["block"]) & set(seen[CLOSED]["block"]))
    shut = algebra.system.at_s, algebra.system.at_s + algebra.stall_s
    return {
        "stall": window(
            {TOLD[loop]: _near(some[some["block"] == first], shut) for loop, some in seen.items()},
            title=f"One stall of {STALL.stall_s:g} s, as two loops see it",
            subtitle=f"every request of one window of each, block {first + 1}, {AROUND:g} s around the stall",
            shaded=(*shut, "the server does not answer"),
            imprint=stamp,
        ),
        "percentiles": percentiles(
            {TOLD[loop]: some["latency_s"] for loop, some in seen.items()},
            title=f"The same server, with one stall of {STALL.stall_s:g} s in {algebra.window_s:g} s",
            lags={TOLD[loop]: some["lag_s"] for loop, some in seen.items()},
            expected={TOLD[OPEN]: algebra.open_quantile, TOLD[CLOSED]: algebra.closed_quantile},
            imprint=stamp,
        ),
        "reenacted": plane(
            {_load(loop): Move(*(spot(rows, scene, loop) for scene in (OLD, NEW))) for loop in LOOPS},
            title="The published table out of two servers of unlimited capacity",
            known=_ground(),
            quantity="mean response",
            imprint=stamp,
        ),
    }


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    algebra, seen = gap(trusted(rows)), {loop: stalled(rows, loop) for loop in LOOPS}
    q = next(q for q in reversed(QUANTILES) if q == QUANTILES[0] or all(_given(some, q) for some in seen.values()))
    tail = {loop: _over_blocks(some, q).text(MS, "ms") for loop, some in seen.items()}
    held = {loop: f"{_met(some, algebra).estimate:.0f}" for loop, some in seen.items()}
    change = {loop: effect(rows, "rate_per_s", loop) for loop in LOOPS}
    quicker = effect(rows, "mean_s", CLOSED)
    return (
        f"Of one stall of {STALL.stall_s:g} s in {algebra.window_s:g} s an open loop at {STALL.rate:.0f} requests/s "
        f"shows a p{q * 100:g} of {tail[OPEN]} and {held[OPEN]} requests held up, a closed loop on the same server "
        f"{tail[CLOSED]} and {held[CLOSED]}; and where the response changes by {_percent(quicker)} and nothing "
        f"else, a closed loop of {OLD.users} users makes {_percent(change[CLOSED])} of rate out of it, an open loop "
        f"{_percent(change[OPEN])}."
    )


def by_scene(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """One number per block (row) and (scene, loop) (column), of the windows that may be counted."""
    sound = trusted(rows)
    found = by_block(sound[sound["what"] == "window"], value, ["scene", "loop"])
    if found.empty:
        raise InvalidRun("no block has every cell")
    return found


def effect(rows: pd.DataFrame, value: str, loop: str) -> Effect:
    """The quick server against the slow one, in one loop."""
    found = by_scene(rows, value)
    old, new = (found[(label(scene), loop)] for scene in (OLD, NEW))
    return paired(old, new, better="higher" if value == "rate_per_s" else "lower")


def spot(rows: pd.DataFrame, scene: Answers, loop: str) -> Spot:
    """Where a server stands on the plane, in one loop."""
    return Spot(*(mean_interval(by_scene(rows, value)[(label(scene), loop)]) for value in ("rate_per_s", "mean_s")))


def reenacted(rows: pd.DataFrame) -> pd.DataFrame:
    """The published table, and what either loop makes of two servers that differ in nothing but the response."""
    lines = [
        {
            "load": "published",
            "response, ms": f"{BEFORE.latency * MS:g} to {AFTER.latency * MS:g}",
            "change of response": f"{AFTER.latency / BEFORE.latency - 1:+.1%}",
            "rate, requests/s": f"{BEFORE.rate:g} to {AFTER.rate:g}",
            "change of rate": f"{AFTER.rate / BEFORE.rate - 1:+.1%}",
            "users / (response + think time), requests/s": _little(BEFORE.latency, AFTER.latency),
        }
    ]
    return pd.DataFrame([*lines, *(_line(rows, loop) for loop in (CLOSED, OPEN))])


def audited() -> pd.DataFrame:
    """What algebra alone says of the published table."""
    return pd.DataFrame({TABLE: list(audit(BEFORE, AFTER).lines())})


def loads(rows: pd.DataFrame) -> pd.DataFrame:
    """Each server with its two loads and the length of a window."""
    sound = trusted(rows)
    seconds = sound[sound["what"] == "window"].groupby("scene")["window_s"].first()
    names: dict[Stalls | Answers, str]
    names = {STALL: f"stalls once for {STALL.stall_s:g} s", OLD: "slow, without limit", NEW: "quick, without limit"}
    return pd.DataFrame(
        [
            {
                "server": name,
                "answers after, ms": f"{scene.delay_s * MS:g}",
                "open loop, requests/s": f"{scene.rate:g}",
                "closed loop, users": f"{scene.users}",
                "think time, ms": f"{scene.think_s * MS:g}",
                "window, s": f"{seconds[label(scene)]:g}",
                "of it warm-up, s": f"{scene.warm_up_s:g}",
            }
            for scene, name in names.items()
        ]
    )


def _percentile(some: pd.DataFrame, loop: str, q: float, expected: Callable[[float], float]) -> dict[str, object]:
    """One line of the table; measured as the mean of the blocks' percentiles, if every block may tell it."""
    why = _withheld(some, q)
    measured = f"withheld: {why}" if why else _over_blocks(some, q).text(MS)
    return _told(loop, f"p{q * 100:g}, ms", digits(expected(q) * MS), measured)


def _held_up(some: pd.DataFrame, loop: str, algebra: Gap) -> dict[str, object]:
    """How many requests of a window met the stall."""
    due = algebra.rate * algebra.stall_s * (1 - HELD_UP) if loop == OPEN else algebra.users
    what = f"requests that waited over {HELD_UP * algebra.stall_s * MS:g} ms for it, per window"
    return _told(loop, what, f"{due:.0f}", _met(some, algebra).text())


def _told(loop: str, what: str, expected: str, measured: str) -> dict[str, object]:
    return {"load": TOLD[loop], "seen": what, "by algebra": expected, "measured [95 % interval over blocks]": measured}


def _met(some: pd.DataFrame, algebra: Gap) -> Interval:
    """Requests of a window that waited for the stall, over blocks; one that failed has waited."""
    waited = ~(some["latency_s"] <= algebra.delay_s + HELD_UP * algebra.stall_s)
    return mean_interval(waited.groupby(some["block"]).sum().to_numpy(float))


def _each(some: pd.DataFrame, q: float) -> list[Quantile]:
    """The percentile of every block."""
    return [quantile(block["latency_s"], q, block["lag_s"]) for _, block in some.groupby("block")]


def _withheld(some: pd.DataFrame, q: float) -> str:
    """Why some block may not tell it; empty where all may."""
    return next((one.withheld for one in _each(some, q) if one.withheld), "")


def _given(some: pd.DataFrame, q: float) -> bool:
    return not _withheld(some, q)


def _over_blocks(some: pd.DataFrame, q: float) -> Interval:
    """The mean of the blocks' percentiles, in seconds; InvalidRun where one may not tell it."""
    if why := _withheld(some, q):
        raise InvalidRun(f"p{q * 100:g} is withheld: {why}")
    return mean_interval([one.value for one in _each(some, q) if one.value is not None])


def _near(some: pd.DataFrame, shut: tuple[float, float]) -> Requests:
    """The requests around the stall."""
    there = some[some["intended_s"].between(shut[0] - AROUND, shut[1] + AROUND)]
    return Requests(there["intended_s"], there["latency_s"])


def _load(loop: str) -> str:
    """A loop of the table, as a legend calls it."""
    think = f"{OLD.think_s * MS:g} ms of think time"
    return f"open loop, {OLD.rate:g} requests/s" if loop == OPEN else f"closed loop, {OLD.users} users with {think}"


def _line(rows: pd.DataFrame, loop: str) -> dict[str, object]:
    """What a loop makes of it; for the closed one beside what Little's law makes of the measured response."""
    old, new = (spot(rows, scene, loop) for scene in (OLD, NEW))
    return {
        "load": _load(loop),
        "response, ms": f"{old.latency.text(MS)} to {new.latency.text(MS)}",
        "change of response": _percent(effect(rows, "mean_s", loop)),
        "rate, requests/s": f"{old.rate.text()} to {new.rate.text()}",
        "change of rate": _percent(effect(rows, "rate_per_s", loop)),
        "users / (response + think time), requests/s": ""
        if loop == OPEN
        else _little(old.latency.estimate, new.latency.estimate),
    }


def _little(old_s: float, new_s: float) -> str:
    """The rates that Little's law gives for two responses, in the loop that was run."""
    loop = Loop(OLD.users, OLD.think_s)
    return " to ".join(f"{loop.rate(seconds):.0f}" for seconds in (old_s, new_s))


def _percent(effect: Effect) -> str:
    """``+79.2 % [+78.5, +79.9]``: the change without a verdict, for none was asked."""
    return effect.text().rpartition(":")[0]


def _ground() -> Map:
    """Little's hyperbola of the closed loop that was run, and the two published rows."""
    loop = Loop(OLD.users, OLD.think_s)
    line = [(loop.rate(seconds), seconds) for seconds in np.linspace(0.02, 0.24, 60).tolist()]
    rows = {"published, before": BEFORE, "published, after": AFTER}
    marks = {name: (row.rate, row.latency) for name, row in rows.items()}
    return Map({f"Little's law for these {OLD.users} users": line}, marks)
