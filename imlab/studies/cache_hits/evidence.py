"""What the study of cache hits says of the published claims: C3, two levels as what moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.lab.claims.claim import Evidence
from imlab.lab.record.reading import Run
from imlab.studies.cache_hits.reading import points, second_alone


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """Claim -> evidence; none where no block has all cells."""
    rows = run.rows()
    if points(rows) is None:
        return {}
    return {"C3": [Evidence("hits", second_alone(rows), second_alone(rows, 0.90))]}
