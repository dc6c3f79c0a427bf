"""Cases of q03_links read from stored rows: what was predicted for each, what was measured, and how far apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.record.reading import trusted
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.studies.links.networks import NETWORKS
from imlab.studies.links.taps import CONNECTIONS, FRESH, KEPT

VIRTUAL, TUN = "virtual", "tun"
BAND = (0.05, 0.95)  # of the simulated notes: nine in ten
MARGIN = 0.05  # what the expectation calls predicted


@dataclass(frozen=True, eq=False)
class Case:
    """One kind of tap. predicted, measured: seconds of the block's note, with the same luck; rows: all its notes."""

    network: str
    note_s: int
    connection: str
    predicted: pd.Series
    measured: pd.Series
    rows: pd.DataFrame

    @property
    def blocks(self) -> pd.Index:
        """Those in which both engines heard a note."""
        return self.predicted.index.intersection(self.measured.index).sort_values()

    @property
    def error(self) -> Effect | None:
        """Measured against predicted, block by block; None where nothing was measured."""
        both = self.blocks
        return paired(self.predicted[both], self.measured[both], MARGIN) if len(both) else None

    def notes(self, engine: str) -> pd.Series:
        """Seconds of each note that was heard."""
        return self.rows[self.rows["engine"] == engine]["seconds"].dropna()

    @property
    def band(self) -> tuple[float, float]:
        """Seconds between which BAND of the simulated notes lie."""
        low, high = np.quantile(self.notes(VIRTUAL), BAND)
        return float(low), float(high)

    @property
    def inside(self) -> int:
        """Measured notes within the band."""
        return int(self.notes(TUN).between(*self.band).sum())

    def deaf(self, engine: str) -> int:
        """Notes that nobody heard in time."""
        return int(self.rows[self.rows["engine"] == engine]["seconds"].isna().sum())


def noted(rows: pd.DataFrame) -> pd.DataFrame:
    """The notes that may be counted, heard or not; InvalidRun when there is none."""
    sound = trusted(rows)
    if "what" not in sound or not (sound["what"] == "note").any():
        raise InvalidRun("no note can be counted: every trial failed or was rejected")
    return sound[sound["what"] == "note"]


def cases(rows: pd.DataFrame, note_s: int | None = None) -> Iterator[Case]:
    """Networks from near to far, short notes first, the connection that is kept before the fresh one."""
    notes = noted(rows)
    for network in NETWORKS:
        for length in sorted(notes["note_s"].unique()) if note_s is None else [note_s]:
            for connection in CONNECTIONS:
                chosen = (notes["network"] == network) & (notes["note_s"] == length)
                some = notes[chosen & (notes["connection"] == connection)]
                if len(some):
                    yield Case(network, int(length), connection, _by_block(some, VIRTUAL), _by_block(some, TUN), some)


def longest(rows: pd.DataFrame) -> int:
    """The length that sentences and figures speak of, in seconds."""
    return int(noted(rows)["note_s"].max())


def kept(rows: pd.DataFrame) -> list[Case]:
    """The long note over a connection that stands, per network."""
    return [case for case in cases(rows, longest(rows)) if case.connection == KEPT]


def fresh(rows: pd.DataFrame) -> list[Case]:
    """The long note over a connection dialled at the tap, per network."""
    return [case for case in cases(rows, longest(rows)) if case.connection == FRESH]


def geometric(blocks: pd.Series) -> Interval:
    """The mean of logarithms over blocks, turned back into seconds."""
    return mean_interval(np.log(blocks.to_numpy(np.float64))).map(lambda log: float(np.exp(log)))


def _by_block(notes: pd.DataFrame, engine: str) -> pd.Series:
    """Of each block the note whose links had the block's own seed: in either engine, the same bad luck."""
    heard = notes[(notes["engine"] == engine) & (notes["draw"] == 0)].dropna(subset="seconds")
    return heard.set_index("block")["seconds"]
