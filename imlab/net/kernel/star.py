"""Hosts around a hub, each behind its own path: what the forwarder is told, and what it tells.

``up`` is from the host to the hub and ``down`` from the hub to the host, so two hosts behind paths are joined by one
link after the other, and one uplink is shared by all that its host sends. None is a perfect path.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from imlab.errors import UsageError
from imlab.net.links import Path

NETWORK = ipaddress.ip_network("198.18.0.0/15")  # RFC 2544: addresses for measurements, on no real network
BIN_S = 1e-5  # one bin of lateness
BINS = 2000  # the last holds all that came later


@dataclass(frozen=True, slots=True)
class Star:
    """Hosts and paths by name; mtu in bytes; congestion is TCP's, '' for the kernel's own choice."""

    paths: tuple[tuple[str, Path | None], ...]
    seed: int = 0
    mtu: int = 1500
    congestion: str = ""
    core: int | None = None

    def __post_init__(self) -> None:
        names = [name for name, _ in self.paths]
        if len(set(names)) != len(names) or not 2 <= len(names) <= 100:
            raise UsageError(f"a network has 2 to 100 hosts of different names, not {names}")
        if not 576 <= self.mtu <= 65_000:
            raise UsageError(f"an mtu is 576 (RFC 791) to 65,000 bytes, not {self.mtu}")

    @property
    def addresses(self) -> Mapping[str, str]:
        """One address for each host, in order."""
        return {name: str(NETWORK[place]) for place, (name, _) in enumerate(self.paths, start=1)}


@dataclass(frozen=True, slots=True)
class Started:
    """What a forwarder made: descriptors of namespaces that it holds, by host, and facts for the manifest."""

    namespaces: Mapping[str, int]
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the forwarder carried since it started.

    Packets taken from hosts and given to hosts; by link ("phone up"), packets offered to it and swallowed on purpose,
    by why. strays had no such destination; overruns came faster than we read; refused, the kernel did not take back.
    late counts deliveries by how much later than due they were, in bins of BIN_S seconds.
    """

    taken: int
    given: int
    links: Mapping[str, Mapping[str, int]]
    strays: int
    overruns: int
    refused: int
    late: tuple[int, ...]

    @property
    def clean(self) -> bool:
        """Whether packets were lost by links alone."""
        return self.overruns == 0 and self.refused == 0

    def lateness(self, share: float) -> float:
        """Seconds, to one bin upwards, that ``share`` of deliveries kept; 0 where nothing was delivered."""
        wanted, seen = share * sum(self.late), 0
        for place, count in enumerate(self.late):
            seen += count
            if seen >= wanted and count:
                return (place + 1) * BIN_S
        return 0.0
