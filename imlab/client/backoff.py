"""How long to wait before the next try."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Wait about ``first`` seconds, then grow by ``factor`` up to ``most``; full jitter between half and the whole.

    Jitter keeps a thousand clients of a restarted server from returning in the same instant (Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015; this is its "equal jitter").
    """

    first: float = 0.25
    factor: float = 2.0
    most: float = 8.0

    def __call__(self, attempt: int, random: Random) -> float:
        """Seconds to wait before try number ``attempt``, from 0."""
        longest = min(self.most, self.first * self.factor ** min(attempt, 64))
        return longest * (0.5 + 0.5 * random.random())
