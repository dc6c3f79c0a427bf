"""What a window did to the service, by the service's own counters: the proof that a cell had its treatment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from imlab.stack.presets import Architecture

WITHIN = 0.03  # of the replayed hit ratio: requests under way at once are not one after another
NEW_EACH, KEPT = 0.98, 0.5  # connections per request: at least, and at most


@dataclass(frozen=True, slots=True)
class Treatment:
    """hits, second_hits, shared: shares of the fetches (hits: of either level). misses: reads of the origin per fetch.

    connections: accepted per request; backend_connections: opened per request, to all backends. answer_bytes: of a
    body, on average. at_once: the most requests under way since the service began. cpu_s: of the service per request.
    """

    hits: float
    second_hits: float
    shared: float
    misses: float
    connections: float
    backend_connections: float
    answer_bytes: float
    at_once: float
    waited_s: float
    cpu_s: float
    replayed: float

    def row(self) -> dict[str, float]:
        """Flat."""
        return asdict(self)

    def breaches(self, architecture: Architecture) -> Iterator[str]:
        """Why this is not the treatment that it should have been, in words; nothing where it is."""
        if abs(self.hits - self.replayed) > WITHIN:
            yield f"{self.hits:.1%} of the fetches hit, where the script says {self.replayed:.1%}"
        if architecture.lines.most == 0 and self.connections < NEW_EACH:
            yield f"{self.connections:.2f} connections a request, where each should have its own"
        if architecture.lines.most and self.connections > KEPT:
            yield f"{self.connections:.2f} connections a request, where they should be kept"
        if not architecture.caching.second and self.second_hits:
            yield f"{self.second_hits:.1%} of the fetches hit a second level that is not there"
        if architecture.caching.second and not self.second_hits:
            yield "nothing was found at the second level"
        if self.at_once < 2:
            yield "no two requests were ever under way at once"


def treatment(before: Mapping[str, float], after: Mapping[str, float], cpu_s: float, replayed: float) -> Treatment:
    """From the counters around a window, and the CPU that the service used in it, in seconds."""

    def more(name: str) -> float:
        return after[name] - before[name]

    asked = max(1.0, more("imlab_http_requests_total") - 1)  # the question for the counters is one of them
    fetches = max(1.0, more("imlab_service_fetches_total"))
    memory, second = more("imlab_service_hits_total"), more("imlab_service_second_hits_total")
    opened = sum(more(f"imlab_doors_{place}_connections") for place in ("database", "objects", "cache"))
    return Treatment(
        hits=(memory + second) / fetches,
        second_hits=second / fetches,
        shared=more("imlab_service_shared_total") / fetches,
        misses=more("imlab_service_misses_total") / fetches,
        connections=more("imlab_http_connections_total") / asked,
        backend_connections=opened / asked,
        answer_bytes=more("imlab_http_out_bytes_total") / asked,
        at_once=after["imlab_http_under_way_most"],
        waited_s=more("imlab_http_waited_seconds_total") / asked,
        cpu_s=cpu_s / asked,
        replayed=replayed,
    )
