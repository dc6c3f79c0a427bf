"""What is tapped, when, and over which network: the same list for both engines.

Every tap has a sender, a recipient, a room and two paths for itself, so that nobody waits for anybody: on one machine
forty notes travel at a time, and a minute's ride in a lift costs a minute, not forty. The taps are a little apart, the
far networks first: what is near takes milliseconds, and should find the machine at rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imlab.lab.plan.design import Trial
from imlab.net.links import Path
from imlab.studies.links.networks import NETWORKS, cycle, met

KEPT, FRESH = "kept open", "dialled at the tap"
CONNECTIONS = (KEPT, FRESH)
LENGTHS_S = {"smoke": (3,), "quick": (15,), "full": (3, 15)}
PLACES = {"smoke": tuple(NETWORKS)[:5], "quick": tuple(NETWORKS), "full": tuple(NETWORKS)}
SETTLE_S = 4.5  # by the first tap connections are made and welcomed: four round trips, also of EDGE
APART_S = 0.04  # between taps


@dataclass(frozen=True, slots=True)
class Tap:
    """One note to be sent. at: seconds since the links began; path: as it is met then."""

    number: int
    network: str
    path: Path
    note_s: int
    connection: str
    at: float

    @property
    def note_id(self) -> str:
        """32 hexadecimal digits, unique among the taps of a trial."""
        return f"{self.number + 1:032x}"

    @property
    def sender(self) -> str:
        """Its name, as a phone, and as a host: the name is half of its links' seed in either engine."""
        return f"ann {self.number}"

    @property
    def recipient(self) -> str:
        """As the sender's."""
        return f"bob {self.number}"

    @property
    def room(self) -> str:
        """Of these two alone."""
        return f"lab {self.number}"

    @property
    def labels(self) -> dict[str, object]:
        """What a row says of it."""
        return {"network": self.network, "note_s": self.note_s, "connection": self.connection}


def taps(trial: Trial) -> list[Tap]:
    """All taps of a block, in order of time: the same in every cell."""
    kinds = [
        (network, note_s, connection)
        for network in reversed(PLACES[trial.scale])
        for note_s in LENGTHS_S[trial.scale]
        for connection in CONNECTIONS
    ]
    phase, rest = share_of_cycle(trial), SETTLE_S
    return [
        Tap(number, network, met(path, phase * cycle(path), at), note_s, connection, at)
        for number, (network, note_s, connection) in enumerate(kinds)
        for path, at in [(NETWORKS[network], rest + number * APART_S)]
    ]


def share_of_cycle(trial: Trial) -> float:
    """How far a ride has come at the tap, 0 to 1: blocks are spread evenly over it, each by chance within its part."""
    blocks = trial.experiment.blocks[trial.scale]
    return (trial.block + float(trial.rng().random())) / blocks


def lengths(all_taps: list[Tap]) -> Iterator[tuple[int, list[Tap]]]:
    """The taps by the length of their notes."""
    for note_s in dict.fromkeys(tap.note_s for tap in all_taps):
        yield note_s, [tap for tap in all_taps if tap.note_s == note_s]


def rng_of(trial: Trial) -> np.random.Generator:
    """For the notes: the same in every cell of a block, and no part of the moment of the tap."""
    return np.random.default_rng((trial.seed, 1))
