"""The days of test_chaos in virtual time, over the model of TCP: other moments, other luck, with every seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from imlab.client.events import Event
from imlab.client.phone import Phone
from imlab.net.fate.course import Fate
from imlab.net.fate.losses import GilbertElliott
from imlab.net.links import Link, Path, Reordering
from imlab.net.simulated.segments import Segments, SegmentWay
from imlab.net.simulated.simstore import SimulatedStore
from imlab.net.virtual import World
from imlab.server.hub import Hub
from imlab.server.terms import Terms
from imlab.store.memory import MemoryStore
from imlab.wire.messages import VoiceMessage
from tests.conformance import note
from tests.tally import Tally, check

pytestmark = pytest.mark.slow

NOTES = 200
OUTAGE_S = 2.5
HOURS = 3600.0  # seconds; half a minute is usual
TERMS = Terms(heartbeat=4.0, dead=8.0)
LINKS = {
    "a tenth lost": Link(0.1, loss=0.1),
    "three tenths lost": Link(0.1, loss=0.3),
    "all there is": Link(
        0.05, 0.05, 50_000.0, GilbertElliott(0.03, 0.3), 20_000.0, duplication=0.05, reordering=Reordering(0.05, 0.05)
    ),
}


class Day:
    """A mouth and an ear behind bad links, two outages, and a death of the server that not everybody hears of."""

    def __init__(self, link: Link, seed: int) -> None:
        random = Random(seed)
        self.store = MemoryStore()
        self.world = World(Hub(TERMS), SimulatedStore(self.store, 0.003, 0.001), seed, Segments())
        first, second = random.uniform(1, 4), random.uniform(8, 11)
        link = replace(link, outages=((first, first + OUTAGE_S), (second, second + OUTAGE_S)))
        self.notes = [note("tea", "mouth", number, size=random.randrange(1500, 4500)) for number in range(NOTES)]
        self.mouth, self.ear = Tally(self.notes), Tally()
        for name, hear in (("mouth", self._hear), ("ear", self.ear.hear)):
            self.world.add(Phone(name, Random(f"{name} {seed}")), Path("chaos", link, link), hear)
            self.world.using(name, lambda phone, now: phone.start(now))
        self.world.using("ear", lambda phone, now: phone.join("tea", 0, now))
        self.mouth.talk(self._give)
        self.death, self.deaf = random.randrange(20, 150), random.choice((None, "mouth", "ear"))
        self.absence = random.uniform(0.3, 3)

    def run(self) -> None:
        """From the first note to the last."""
        self._until(lambda: len(self.mouth.acknowledged) >= self.death)
        self.kept = len(self._stored())
        if self.deaf:
            self.world.cut(self.deaf, silent=True)
        self.world.crash()
        self.world.run(self.world.now + self.absence)
        self.world.restart(Hub(TERMS))
        self._until(lambda: len(self.ear.heard) >= NOTES and len(self.mouth.acknowledged) >= NOTES)
        self.world.run(self.world.now + 60)  # whatever comes twice comes now
        check(self.notes, self.mouth.acknowledged, {"ear": self.ear.heard, "store": self._stored()})

    def swallowed(self, name: str) -> dict[Fate, int]:
        """Packets that did not arrive on either way of a phone, by why."""
        way = self.world.phones[name].way
        assert isinstance(way, SegmentWay)
        return {why: way.up.course.drops[why] + way.down.course.drops[why] for why in Fate}

    def _until(self, done: Callable[[], bool]) -> None:
        self.world.run(HOURS, done)
        assert done(), f"{len(self.mouth.acknowledged)} acknowledged, {len(self.ear.heard)} heard"

    def _stored(self) -> tuple[VoiceMessage, ...]:
        return self.store.load("tea", 0, 1 << 40).notes

    def _hear(self, event: Event) -> None:
        self.mouth.hear(event)
        self.world.at(self.world.now, self.mouth.talk, self._give)  # not in the middle of other effects

    def _give(self, message: VoiceMessage) -> None:
        self.world.using("mouth", lambda phone, now: phone.send(message, now))


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_each_note_is_delivered_once_in_order_whatever_happens(link: Link, seed: int) -> None:
    day = Day(link, seed)
    day.run()
    assert 0 < day.kept < NOTES
    for name in ("mouth", "ear"):
        swallowed = day.swallowed(name)
        assert swallowed[Fate.LOST] > 20 and swallowed[Fate.OUTAGE] > 0, swallowed
