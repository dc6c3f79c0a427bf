"""What the study of attribution says of the published claims: C4, asynchrony as a main cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.lab.attribution.shapley import shapley
from imlab.lab.claims.claim import Evidence
from imlab.lab.record.reading import Run
from imlab.lab.statistics.intervals import Interval
from imlab.lab.statistics.ratio import ratio_interval
from imlab.studies.who_earned_it.cells import CHANGES
from imlab.studies.who_earned_it.reading import shared

EQUAL = 100 / len(CHANGES)  # percent: what each would have if all had the same


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """Claim -> evidence; none where the median has no share."""
    found = shared(run.rows(), "p50")
    if found is None:
        return {}
    steps = shapley(found.logs)[:, list(CHANGES).index("asynchrony")]
    whole = found.logs[:, -1] - found.logs[:, 0]
    wide, narrow = (_beyond(ratio_interval(steps, whole, level)) for level in (0.95, 0.90))
    return {"C4": [Evidence("share", wide, narrow)]}


def _beyond(share: Interval) -> Interval:
    """In points beyond an equal share."""
    return share.map(lambda part: part * 100 - EQUAL)
