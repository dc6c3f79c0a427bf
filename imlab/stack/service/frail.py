"""A cache that fails costs nobody an answer: when it is left alone, and how often it failed. ``now`` is told."""

from __future__ import annotations

import logging
from threading import Lock

REST_S = 1.0  # without it after a failure, so that not every request waits for one that hangs
PATIENCE_S = 1.0  # for one answer: a loop or a core that is busy for a while is not a cache that is dead
_LOG = logging.getLogger(__name__)


class Frail:
    """For any number of threads. failures: so far."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._resting_until = float("-inf")
        self._well = True
        self.failures = 0

    def resting(self, now: float) -> bool:
        """Is it to be left alone?"""
        return now < self._resting_until

    def failed(self, error: Exception, now: float) -> None:
        """It did not do what it should; the first time in a row is logged."""
        with self._lock:
            self.failures += 1
            self._resting_until = now + REST_S
            first, self._well = self._well, False
        if first:
            _LOG.warning("the second cache fails, notes come from the store: %s", error)

    def answered(self) -> None:
        """It does."""
        self._well = True
