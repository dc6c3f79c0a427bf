"""What every way of uploading has in common: for its driver, and for whoever waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imlab.client.fetching.requests import Answer, Request


@dataclass(frozen=True, slots=True)
class Ask:
    """Make this request: ``answered`` or ``broke`` will tell, by the same ticket."""

    ticket: int
    request: Request


class Uploader(Protocol):
    """An upload. It begins by itself: its first requests are in the outbox."""

    size: int  # bytes of all
    result: Answer | None  # the answer that ended it well
    error: Exception | None  # PeerError: refused; DoorError: tried too often

    @property
    def received(self) -> int:
        """Bytes that the server is known to have."""
        ...

    def outbox(self) -> list[Ask]:
        """What is to be asked, taken once."""
        ...

    def answered(self, ticket: int, answer: Answer, now: float) -> None:
        """The server said this."""
        ...

    def broke(self, ticket: int, why: str, now: float) -> None:
        """There was no answer."""
        ...

    def wake_at(self) -> float | None:
        """When it wants to try again, seconds on the driver's clock."""
        ...

    def wake(self, now: float) -> None:
        """It is time."""
        ...
