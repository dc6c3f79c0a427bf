"""The figures of the question what a delay predicts."""

from __future__ import annotations

from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.plots.forest import forest
from imlab.lab.plots.levels import levels
from imlab.lab.record.reading import Run
from imlab.lab.statistics.intervals import mean_interval
from imlab.studies.causal_delays.cases import CASES, DELAYS_S, SIDES, STAGES, Case
from imlab.studies.causal_delays.factorial import earned
from imlab.studies.causal_delays.reading import MS, effects
from imlab.studies.causal_delays.slopes import Measured
from imlab.studies.who_earned_it.cells import RATE


def figures(run: Run) -> dict[str, Plot]:
    """Responses over delays, what each pass is worth, predictions."""
    measured, known, stamp = Measured(run.rows()), earned(run), imprint(run)
    title = "What each change does to the mean: predicted from delays, and measured"
    return {
        "delays": _delays(measured, stamp),
        "passes": _passes(measured, stamp),
        "predicted": forest(effects(measured, known, "mean_s"), title, "mean response", stamp),
    }


def _delays(measured: Measured, stamp: Imprint) -> Plot:
    """By how much the mean is longer."""
    panels = [
        Panel(f"{side}: mean response longer by (ms)", {
            STAGES[stage]: [Point(0.0, mean_interval([0.0])), *(_point(measured, case) for case in CASES.values()
                                                                if (case.side, case.stage) == (side, stage))]
            for stage in DELAYS_S[side]
        })
        for side in SIDES
    ]  # fmt: skip
    return curves(
        panels,
        title="A stage held up on purpose, and what the response makes of it",
        subtitle=f"{RATE:g} requests/s by the clock; one stage at a time",
        axis="the stage takes longer by (ms), each time that it is passed",
        log=False,
        imprint=stamp,
    )


def _point(measured: Measured, case: Case) -> Point:
    held = measured.of("delay_s", case).mean() or case.delay_s
    return Point(float(held) * MS, measured.longer("mean_s", case).map(lambda seconds: seconds * MS))


def _passes(measured: Measured, stamp: Imprint) -> Plot:
    """What a millisecond costs for each time that it is met."""
    found = {
        f"{one.side}: {STAGES[one.stage]}": (one.slopes / one.passes).tolist()
        for one in measured.slopes("mean_s")
        if one.passed
    }
    return levels(
        found,
        title="What a millisecond of a stage costs the mean response, each time that a request passes it",
        axis="ms per ms and pass; 1: nobody else waits",
        unit="ms",
        ours="old",
        imprint=stamp,
    )
