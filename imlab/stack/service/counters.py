"""All that a service's process counts, by the names that /metrics has."""

from __future__ import annotations

import time
from collections.abc import Mapping

from imlab.net.web.metrics import Counters
from imlab.net.web.service import traffic
from imlab.net.web.service.traffic import Traffic
from imlab.server.service import caching
from imlab.server.service.caching import Counts
from imlab.stack.service.delays import Delays

_CPU = "Processor time of this process, user and system."
_DOORS = "Of the doors to database, object store and second cache: questions, connections, the most at once."


def counters(counts: Counts, seen: Traffic, doors: Mapping[str, int], delays: Delays) -> Counters:
    """All of them."""
    told: dict[str, tuple[str, str, float]] = {"process_cpu_seconds_total": ("counter", _CPU, time.process_time())}
    for name, value in counts.told().items():
        told[f"imlab_service_{name}_total"] = ("counter", caching.WHAT[name], value)
    for name, number in seen.told().items():
        kind, what = traffic.WHAT[name]
        told[f"imlab_http_{name}"] = (kind, what, number)
    for name, value in doors.items():
        told[f"imlab_doors_{name}"] = ("gauge" if "most" in name else "counter", _DOORS, value)
    for stage, (count, seconds) in delays.told().items():
        told[f"imlab_delay_{stage}_total"] = ("counter", f"Delays of {stage}, on purpose.", count)
        told[f"imlab_delay_{stage}_seconds_total"] = ("counter", "How long they really took in all.", seconds)
    return told
