"""Where a player's samples come from: a file's bytes, as far as they are here."""

from __future__ import annotations

from typing import Protocol

from imlab.audio.clip import Samples
from imlab.client.fetching.ranges import Need


class Source(Protocol):
    """One file's sound. rate in Hz, 0 until known; length: samples of all of it, None until known."""

    rate: int
    length: int | None
    size: int | None  # of the file in bytes, told when it is known

    @property
    def cursor(self) -> int:
        """The byte from which it reads on."""
        ...

    def open(self) -> None:
        """Read what tells the rate, if it is here."""
        ...

    def need(self) -> Need | None:
        """Bytes that it needs before any others, now that it looks for a place."""
        ...

    def pull(self) -> Samples | None:
        """The next samples, float32 of shape (n,); of shape (0,): bytes are missing; None: the end."""
        ...

    def seek(self, seconds: float) -> None:
        """Go on from there."""
        ...
