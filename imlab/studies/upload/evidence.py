"""What the study of uploads says of the published claims: C17, one connection for all against a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.lab.claims.claim import Evidence, changed
from imlab.lab.record.reading import Run
from imlab.lab.statistics.effect import paired
from imlab.studies.upload.connections import AT_ONCE, Connections
from imlab.studies.upload.reading import of

SHARED, POOLED = "one connection for all", "kept connections"


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """Claim -> evidence; none where a window was too short for its p99."""
    rows = run.rows()
    found = of(rows, Connections, "p99_s", AT_ONCE).dropna() if "p99_s" in rows else None
    if found is None or found.empty or not {SHARED, POOLED} <= set(found.columns):
        return {}
    return {"C17": [changed("p99", paired(found[POOLED], found[SHARED]))]}
