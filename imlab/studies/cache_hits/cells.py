"""The four parts of caching, as factors: the old level first; and what the service is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imlab.lab.load.popularity import Zipf
from imlab.lab.load.script import Mix
from imlab.server.service.caching import Caching
from imlab.stack.presets import NEW, SMALL, Architecture
from imlab.studies.architectures.workload import USUAL, Workload

NO, YES = "no", "yes"
OLD_SIZE, BOTH_SIZE = "as it was", "as both levels"
LIMITS = {  # bytes in this process
    OLD_SIZE: SMALL.limit,
    BOTH_SIZE: 1 << 30,  # all that is ever asked for fits, as into the second level: both forget nothing meanwhile
}
PARTS: Mapping[str, tuple[Any, ...]] = {
    "limit": (OLD_SIZE, BOTH_SIZE),
    "second level": (NO, YES),
    "filled at upload": (NO, YES),
    "single flight": (NO, YES),
}
RATE = 1_000.0  # requests a second, of all cells: a little over the published 860; see also RATES
RATES = (10.0, 30.0, 100.0, 300.0, 1_000.0, 2_000.0)  # that are replayed: how much single flight is worth hangs on it
USUALLY = "19 fetches a send, the newest first"
WORKLOADS: Mapping[str, Workload] = {
    USUALLY: USUAL,
    "19 fetches a send, Zipf 0.99": replace(USUAL, popularity=Zipf(0.99, items=20_000)),  # YCSB's exponent
    "3 fetches a send, the newest first": replace(USUAL, mix=Mix(0.75, 0.25, settle=USUAL.mix.settle), requests=3_600),
}  # the last sends 900 notes, of the thousand that a catalogue has to send


def caching(settings: Mapping[str, Any]) -> Caching:
    """That of a cell."""
    second, at_upload, single_flight = (
        settings[part] == YES for part in ("second level", "filled at upload", "single flight")
    )
    return Caching(LIMITS[settings["limit"]], second, at_upload, single_flight)


def architecture(settings: Mapping[str, Any]) -> Architecture:
    """New, but for the parts of its caching."""
    return replace(NEW, caching=caching(settings))
