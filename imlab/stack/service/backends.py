"""Where the service's database, object store and second cache are, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Backends:
    """database: ``sqlite:PATH`` or ``postgresql://...``; objects: ``http://HOST:PORT``; cache: ``redis://...`` or none.

    far_s: the one-way distance of the database in seconds, for SQLite, which has no network of its own; PostgreSQL is
    reached through a link that has it. Half a millisecond is another zone of the same region: round trips there "tend
    to" be "<1ms in the 95th percentile" (Google Cloud, "Best practices for Compute Engine regions selection", as of
    2019); between zones of AWS pings took 0.25 to 3.4 ms (K. Anderson, "Measuring AWS Region and AZ Latency").
    """

    database: str
    objects: str
    cache: str = ""
    far_s: float = 0.0005

    def __post_init__(self) -> None:
        there_and_back_ms = 2e3 * self.far_s
        if there_and_back_ms < 0 or abs(there_and_back_ms - round(there_and_back_ms)) > 1e-6:
            raise UsageError(
                f"there and back take whole milliseconds, which are the grain of an event loop's clock,"
                f" not {there_and_back_ms:g} ms"
            )
