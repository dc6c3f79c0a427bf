"""What the trial of the headline says of the published claims: C1, the response, and C2, the rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.lab.claims.claim import Evidence, changed
from imlab.lab.record.reading import Run
from imlab.studies.eighty_percent.cases import LOADS
from imlab.studies.eighty_percent.reading import fall, gained


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """Claim -> evidence; a load at which a side has no mean is left out."""
    rows = run.rows()
    falls = [changed(f"at {load} %", effect) for load in LOADS if (effect := fall(rows, "mean_s", load))]
    change = gained(rows)
    wide, narrow = (one.map(lambda share: 100 * share) for one in (change.change, change.narrow))
    return {"C1": falls, "C2": [Evidence("capacity", wide, narrow)]}
