"""What each change should earn, if a stage's slope and a stage's cost were all there is to it.

    the stage is gone:        response falls by slope x cost
    it is passed less often:  by that share of it

Costs are measured alone (costs.py), distances are stated: the first byte of an object, the way to the database.
From the old side a change is predicted as the first one, from the new side as the last. Asynchrony has no stage: it
changes how all stages are waited for, that is, the slopes themselves; a slope cannot say what another slope earns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imlab.lab.statistics.intervals import Interval
from imlab.lab.statistics.ratio import ratio_interval
from imlab.stack.service.backends import Backends
from imlab.stack.service.first_byte import FirstByte
from imlab.studies.causal_delays.cases import Case
from imlab.studies.causal_delays.slopes import Floats, Measured
from imlab.studies.causal_delays.tried import PLACES

FIRST_BYTE = FirstByte()
FIRST_BYTE_S = (FIRST_BYTE.low_s + FIRST_BYTE.high_s) / 2
DATABASE_S = 2 * Backends("sqlite:", "").far_s  # there and back
ASKS = {"database": "find", "objects": "get", "cache": "look"}  # a backend, and the question whose costs are measured
FIRST, LAST = "alone, first in", "last in"
NOT_PREDICTED = "no stage of its own: not predicted"
FACTORS = ("asynchrony", "cache", "reuse", "framing")


@dataclass(frozen=True, eq=False)
class Prediction:
    """The response without the change and with it, in seconds, one per block. when: FIRST or LAST; how: in words."""

    factor: str
    when: str
    how: str
    before: Floats
    after: Floats

    @property
    def change(self) -> Interval:
        """-0.5: it should halve the response."""
        return ratio_interval(self.after - self.before, self.before)


class Predictor:
    """Predictions of one measure (a column of the rows)."""

    def __init__(self, measured: Measured, value: str) -> None:
        self._measured, self._value = measured, value

    def all(self) -> Iterator[Prediction]:
        """Every prediction that slopes allow."""
        yield self._first("cache", "fewer misses", self._misses_fewer())
        yield self._first("reuse", "as waiting", self._connecting())
        yield self._first("reuse", "as processor time", self._burnt("old"))
        yield self._first("framing", "encoding, decoding", self._framed("old"))
        yield self._last("cache", "more misses without it", self._misses_more())
        yield self._last("reuse", "as processor time", self._burnt("new"))
        yield self._last("framing", "encoding, decoding", self._framed("new"))

    def _first(self, factor: str, how: str, gained: Floats) -> Prediction:
        """From the old side."""
        before = self._measured.of(self._value, Case("old"))
        return Prediction(factor, FIRST, how, before, before - gained)

    def _last(self, factor: str, how: str, lost: Floats) -> Prediction:
        """Onto the new side: what would be there without it."""
        after = self._measured.of(self._value, Case("new"))
        return Prediction(factor, LAST, how, after + lost, after)

    def _misses_fewer(self) -> Floats:
        away = self._slope("old", "Find") * self._find_s + self._slope("old", "Get") * self._get_s
        return away * (1 - self._misses("new") / self._misses("old")) - self._looked

    def _misses_more(self) -> Floats:
        """The new side's Find is passed as often as its Get, which alone was slowed there."""
        away = self._slope("new", "Get") * (self._find_s + self._get_s)
        return away * (self._misses("old") / self._misses("new") - 1) - self._looked

    def _connecting(self) -> Floats:
        """By the slopes of connecting and of being connected to."""
        asks = self._asks("old")
        each = sum(asks[place] * self._opened(place) for place in PLACES) / sum(asks.values())
        return self._slope("old", "connect") * each + self._slope("old", "accept") * self._measured.cost_s("accept")

    def _burnt(self, side: str) -> Floats:
        """All that connections cost, as if it were burnt where an answer is framed."""
        each = self._slope(side, "frame") / self._passes(side, "frame")
        opened = sum(asks * self._opened(place) for place, asks in self._asks(side).items())
        return each * (opened + self._measured.cost_s("accept"))

    def _framed(self, side: str) -> Floats:
        """The server's part by its slope; the client decodes for itself alone."""
        encode, decode = (self._measured.cost_s(f"{what} json") - self._measured.cost_s(f"{what} protobuf")
                          for what in ("encode", "decode"))  # fmt: skip
        return self._slope(side, "frame") * encode + self._passes(side, "frame") * decode

    @property
    def _find_s(self) -> Floats:
        return DATABASE_S + self._measured.cost_s("find, kept")

    @property
    def _get_s(self) -> Floats:
        return FIRST_BYTE_S + self._measured.cost_s("get, kept")

    @property
    def _looked(self) -> Floats:
        """What the second level costs those that it does not spare a miss, too."""
        return self._slope("new", "Look") * self._measured.cost_s("look, kept")

    def _opened(self, place: str) -> Floats:
        """What a new connection to a backend costs."""
        what = ASKS[place]
        return self._measured.cost_s(f"{what}, fresh") - self._measured.cost_s(f"{what}, kept")

    def _asks(self, side: str) -> dict[str, Floats]:
        return {place: self._measured.of(f"{place}_questions", Case(side)) for place in PLACES}

    def _misses(self, side: str) -> Floats:
        return self._measured.of("misses", Case(side))

    def _slope(self, side: str, stage: str) -> Floats:
        return self._measured.slope(self._value, side, stage).slopes

    def _passes(self, side: str, stage: str) -> Floats:
        return self._measured.slope(self._value, side, stage).passes
