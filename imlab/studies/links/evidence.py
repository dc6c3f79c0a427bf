"""What simulated weak uplinks say of the published claim C11: is 12 kbit/s usable by time?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.lab.claims.claim import Evidence, changed
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.effect import paired
from imlab.studies.links.lighter import BITRATES


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """Claim -> evidence; none where no block has both bitrates."""
    sound = trusted(run.rows())
    found = by_block(sound[sound["what"] == "bitrate"], "p95_s", "bitrate") if "p95_s" in sound else sound.iloc[:0]
    if found.empty:
        return {}
    usual, light = (found[bitrate] for bitrate in BITRATES)
    return {"C11": [changed("usable by time", paired(usual, light))]}
