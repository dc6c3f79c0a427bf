"""Ways to lose packets on the air, as values; ``begin`` turns one into the decision for each packet of one link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from imlab.net.fate.bounds import positive, within

Losing = Callable[[], bool]  # asked once per packet: is it lost?


@dataclass(frozen=True, slots=True)
class Loss:
    """Each packet is lost with the same chance, whatever befell the others. share: 0 to 1."""

    share: float

    def __post_init__(self) -> None:
        within("a loss's share", self.share, 0, 1)

    @property
    def mean(self) -> float:
        """The share of packets that is lost in the long run."""
        return self.share

    def begin(self, random: Random) -> Losing:
        """One draw per packet, so that with one seed a greater share loses the same packets and more."""
        draw, share = random.random, self.share
        return lambda: draw() < share


@dataclass(frozen=True, slots=True)
class GilbertElliott:
    """Losses that come in bursts: a good and a bad state, each losing its own share of packets.

    Before each packet but the first a good link turns bad with ``p_enter``, a bad one good with ``p_leave``; the first
    packet finds the stationary state. Gilbert, "Capacity of a burst-noise channel" (BSTJ 39, 1960); Elliott (BSTJ 42,
    1963). With the defaults for good and bad, bursts last 1 / p_leave packets on average.
    """

    p_enter: float
    p_leave: float
    good: float = 0.0
    bad: float = 1.0

    def __post_init__(self) -> None:
        for name in ("p_enter", "p_leave", "good", "bad"):
            within(f"a Gilbert-Elliott loss's {name}", getattr(self, name), 0, 1)
        positive("a Gilbert-Elliott loss's p_enter + p_leave", self.p_enter + self.p_leave)

    @property
    def time_bad(self) -> float:
        """The share of packets that finds the bad state."""
        return self.p_enter / (self.p_enter + self.p_leave)

    @property
    def mean(self) -> float:
        """The share of packets that is lost in the long run."""
        return self.time_bad * self.bad + (1 - self.time_bad) * self.good

    def begin(self, random: Random) -> Losing:
        """Two draws per packet: one for the state, one for the packet."""
        draw = random.random
        is_bad = draw() < self.time_bad

        def loses() -> bool:
            nonlocal is_bad
            lost = draw() < (self.bad if is_bad else self.good)
            turns = draw() < (self.p_leave if is_bad else self.p_enter)
            is_bad ^= turns
            return lost

        return loses


LossModel = Loss | GilbertElliott
