"""How long an object store takes to answer: for each key a time of its own, which a seed decides."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class FirstByte:
    """Uniform between low_s and high_s, seconds: the same key has the same under the same seed, whoever asks and when.

    S3 gives "consistent small object latencies (and first-byte-out latencies for larger objects) of roughly 100-200
    milliseconds" (AWS, "Best practices design patterns: optimizing Amazon S3 performance"). The same guide speaks of
    medians "often in the tens of milliseconds" below 512 KB (its page on timeouts): the other end of a sweep.
    """

    low_s: float = 0.1
    high_s: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.low_s <= self.high_s <= 60:
            raise UsageError(f"a first byte comes after 0 to 60 s, low to high, not {self.low_s:g} to {self.high_s:g}")

    def __call__(self, key: str) -> float:
        """Seconds for this key."""
        drawn = int.from_bytes(sha256(f"{self.seed}/{key}".encode()).digest()[:8], "big") / 2**64
        return self.low_s + (self.high_s - self.low_s) * drawn
