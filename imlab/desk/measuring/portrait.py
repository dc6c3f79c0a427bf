"""A comparison as a figure: a forest of effects, or the ratio of new to old at every quantile of one cell."""

from __future__ import annotations

from imlab.desk.measuring.cells import Cell
from imlab.desk.measuring.compared import cell_names, named, summary
from imlab.desk.measuring.comparing import Comparison, common
from imlab.desk.report.words import heading
from imlab.errors import UsageError
from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.figure import Imprint, Plot
from imlab.lab.plots.forest import forest
from imlab.lab.statistics.intervals import Interval
from imlab.lab.statistics.ratio_curve import RatioCurve, ratio_curve


def portrait(found: Comparison, warning: str = "") -> Plot:
    """One measure: the curve where one cell and enough rows are left and blocks pair, else the forest."""
    measures = list(dict.fromkeys(change.measure for change in found.changes))
    if len(measures) != 1:
        raise UsageError(f"a figure shows one measure: choose with --measure among {', '.join(measures) or 'none'}")
    told = list(dict.fromkeys(change.cell for change in found.changes))
    if len(told) == 1 and found.likeness.paired and (curve := _curve(found, measures[0], told[0])):
        return _drawn(found, measures[0], told[0], curve, _imprint(found, warning))
    names = cell_names(told)
    effects = {
        f"{names[change.cell]}, {change.percentile}": change.found.effect for change in found.changes
    }  # fmt: skip
    title = f"{found.new.manifest.study}: {heading(measures[0])}, new against old"
    together = f"each line by itself; with all in mind (Holm) {next(summary(found))}"
    return forest(effects, title, heading(measures[0]), _imprint(found, warning, together))


def _curve(found: Comparison, measure: str, cell: Cell) -> RatioCurve | None:
    """None where the rows of some block are too few for any quantile."""
    old, new = (side.samples(cell, measure) for side in found.sides)
    before, after = common(old, new, matched=True)
    try:
        return ratio_curve(list(before.values()), list(after.values()))
    except UsageError:
        return None


def _drawn(found: Comparison, measure: str, cell: Cell, curve: RatioCurve, imprint: Imprint) -> Plot:
    points = [
        Point(float(q), Interval(float(ratio), float(low), float(high), curve.blocks, curve.method))
        for q, ratio, low, high in zip(curve.q, curve.ratio, curve.low, curve.high, strict=True)
    ]
    where = ", ".join(f"{name} {label}" for name, label in cell)
    panel = Panel("new / old", {f"{curve.blocks} blocks, band for all quantiles at once": points}, {"as before": 1.0})
    title = f"{found.new.manifest.study}: {heading(measure)} at each quantile, new over old"
    return curves([panel], title, "quantile", where, log=False, imprint=imprint)


def _imprint(found: Comparison, *said: str) -> Imprint:
    """Both runs, the machine, and what must not be overlooked."""
    mark = next((run.manifest.watermark for run in (found.old, found.new) if run.manifest.watermark), "")
    lines = [f"old {named(found.old)}", f"new {named(found.new)}", *found.new.manifest.caption.split("\n")[1:]]
    return Imprint("\n".join([*(line for line in said if line), *lines]), mark)
