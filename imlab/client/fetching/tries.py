"""How often something is tried again, and when."""

from __future__ import annotations

from random import Random

from imlab.client.backoff import Backoff
from imlab.client.fetching.requests import Answer

TRIES = 12  # without success in a row: about a minute with the usual backoff


class Tries:
    """Failures in a row: each waits longer, and after ``most`` it is over. Success begins anew."""

    def __init__(self, backoff: Backoff, most: int, random: Random) -> None:
        self._backoff, self._most, self._random = backoff, most, random
        self._failed = 0

    def succeeded(self) -> None:
        """Something went on."""
        self._failed = 0

    def failed(self, now: float, answer: Answer | None = None) -> float | None:
        """When to try again, as the server says (Retry-After in seconds) or by our own patience; None: no more."""
        wait = self._backoff(self._failed, self._random)
        self._failed += 1
        if self._failed >= self._most:
            return None
        asked = answer.headers.get("retry-after", "") if answer else ""
        return now + (max(wait, float(asked)) if asked.isdecimal() and len(asked) < 5 else wait)
