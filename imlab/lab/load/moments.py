"""What becomes of each request, noted while it happens: shared by the open loop and the closed one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import numpy as np

from imlab.errors import UsageError
from imlab.lab.load.schedule import Times

Send = Callable[[int], Awaitable[Mapping[str, float] | None]]

OURS = ("intended", "sent", "end")  # moments that the generator itself notes


class Moments:
    """Moments by request, in seconds of ``clock`` since ``origin``, and what went wrong.

    ``send`` may tell further moments of its request by name, read from the same clock, and returns when it knows them
    all. The names that studies and figures share: ``acked``, the sender learnt that it is safe; ``delivered``, the
    receiver had all of it; ``playable``, the receiver could begin to play it. Any other name is kept as well; only
    those of the generator are refused.
    """

    def __init__(self, send: Send, clock: Callable[[], float]) -> None:
        self.origin = 0.0
        self.errors: dict[int, str] = {}
        self._send, self._clock = send, clock
        self._sent: dict[int, float] = {}
        self._end: dict[int, float] = {}
        self._stamps: dict[str, dict[int, float]] = {}

    async def request(self, index: int) -> None:
        """One request, from the asking to the answer; a failure is kept as what it said."""
        self._sent[index] = self._clock() - self.origin
        try:
            told = await self._send(index)
            end = self._clock() - self.origin
            for name, moment in (told or {}).items():
                self._stamps.setdefault(name, {})[index] = moment - self.origin
        except Exception as error:  # noqa: BLE001 - a failed request of any kind is a result
            self.errors[index] = f"{type(error).__name__}: {error}"
        else:
            self._end[index] = end

    def give_up(self, count: int, why: str) -> None:
        """Of ``count`` requests, those that have neither answered nor failed."""
        self.errors |= {index: why for index in range(count) if index not in self._end and index not in self.errors}

    def columns(self, count: int) -> tuple[Times, Times, dict[str, Times]]:
        """sent, end and the further moments, each of shape (count,), NaN where there is none."""
        if taken := sorted(set(OURS) & set(self._stamps)):
            raise UsageError(f"the generator notes {', '.join(taken)} itself: call what send tells otherwise")
        stamps = {name: _column(moments, count) for name, moments in sorted(self._stamps.items())}
        return _column(self._sent, count), _column(self._end, count), stamps


def _column(moments: Mapping[int, float], count: int) -> Times:
    column = np.full(count, np.nan)
    column[list(moments)] = list(moments.values())
    return column
