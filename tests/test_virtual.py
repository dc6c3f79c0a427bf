"""The virtual world: the conformance table, faults, and repeatability."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from imlab.client.events import Event
from imlab.client.phone import Phone
from imlab.net.links import Link, Path
from imlab.net.simulated.circuits import Transport
from imlab.net.simulated.messages import Messages
from imlab.net.simulated.segments import Segments
from imlab.net.simulated.simstore import SimulatedStore
from imlab.net.virtual import World
from imlab.server.hub import Hub
from imlab.server.terms import Terms
from imlab.store.memory import MemoryStore
from imlab.studies.k03_virtual_speed import CASES, Case, carry
from imlab.trace import Mark, Trace, ignore
from imlab.wire.messages import VoiceMessage
from tests.conformance import SCENARIOS, Scenario, arrived, note, sent

LAN = Path("lan", Link(0.001, 0.0, 12.5e6), Link(0.001, 0.0, 12.5e6))
ROUGH = Path("rough", Link(0.08, 0.03, 40_000, 0.05), Link(0.05, 0.03, 200_000, 0.05))
PATHS = (LAN, ROUGH)
TRANSPORTS = (Messages(), Segments())


class VirtualHandset:
    """A phone in the world."""

    def __init__(self, world: World, name: str) -> None:
        self.events: list[Event] = []
        self._world, self._name = world, name

    def send(self, message: VoiceMessage) -> None:
        self._world.using(self._name, lambda phone, now: phone.send(message, now))

    def join(self, room: str, after: int | None = None) -> None:
        self._world.using(self._name, lambda phone, now: phone.join(room, after, now))


class VirtualPlace:
    """A world with a memory store whose commits take 3 ms and whose reads take 1 ms."""

    def __init__(
        self, path: Path = LAN, seed: int = 0, trace: Trace = ignore, transport: Transport = TRANSPORTS[0]
    ) -> None:
        self._path, self._trace = path, trace
        self.world = World(Hub(trace=trace), SimulatedStore(MemoryStore(), 0.003, 0.001), seed, transport)

    def phone(self, name: str, seed: int = 0) -> VirtualHandset:
        key = name if name not in self.world.phones else f"{name} again"
        handset = VirtualHandset(self.world, key)
        phone = Phone(name, Random(f"{name} {seed}"), self._trace)
        self.world.add(phone, self._path, handset.events.append, key)
        self.world.using(key, lambda phone, now: phone.start(now))
        return handset

    async def until(self, done: Callable[[], bool]) -> None:
        self.world.run(self.world.now + 600, done)
        assert done(), f"nothing made it true in ten virtual minutes, now {self.world.now:.1f} s"

    async def settle(self) -> None:
        self.world.run(self.world.now + 5)

    def cut(self, name: str) -> None:
        self.world.cut(name)

    async def crash(self, terms: Terms | None = None) -> None:
        self.world.crash()
        self.world.run(self.world.now + 0.5)
        self.world.restart(Hub(terms, self._trace))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
@pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda transport: type(transport).__name__)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_conformance(scenario: Scenario, transport: Transport, path: Path) -> None:
    asyncio.run(_run(scenario, VirtualPlace(path, transport=transport)))


async def _run(scenario: Scenario, place: VirtualPlace) -> None:
    await scenario(place)


def bad_day(
    seed: int, loss: float, transport: Transport = TRANSPORTS[0], last_s: float = 1200
) -> tuple[list[Mark], VirtualPlace, list[VirtualHandset]]:
    """Three senders, three listeners, a hundred notes, cuts loud and silent, two crashes: what happened."""
    marks: list[Mark] = []
    path = Path("bad", Link(0.06, 0.05, 60_000, loss), Link(0.04, 0.05, 120_000, loss))
    place = VirtualPlace(path, seed, marks.append, transport)
    random = Random(seed)
    mouths = [place.phone(f"mouth{i}") for i in range(3)]
    ears = [place.phone(f"ear{i}") for i in range(3)]
    world = place.world
    for ear in ears:
        ear.join("tea", after=0)
    for number in range(100):
        mouth, who = mouths[number % 3], f"mouth{number % 3}"
        message = note("tea", who, number, size=random.choice([900, 4000, 90_000]))
        world.at(random.uniform(0, 60), lambda mouth=mouth, message=message: mouth.send(message))
    for _ in range(25):
        name = f"{random.choice(['mouth', 'ear'])}{random.randrange(3)}"
        silent = random.random() < 0.3
        world.at(random.uniform(0, 90), lambda name=name, silent=silent: world.cut(name, silent))
    for when in (20.0, 50.0):
        world.at(when, world.crash)
        world.at(when + random.uniform(0.1, 5), lambda: world.restart(Hub(trace=marks.append)))
    world.run(last_s)
    return marks, place, mouths + ears


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("loss", [0.0, 0.02, 0.10, 0.30])
def test_every_note_arrives_once_in_order_whatever_the_day(loss: float, seed: int) -> None:
    once_in_order(bad_day(seed, loss)[2], seed)


@pytest.mark.parametrize(("seed", "loss"), [(1, 0.0), (2, 0.02), (3, 0.10), (4, 0.30), (5, 0.30)])
def test_every_note_arrives_over_packets_too(seed: int, loss: float) -> None:
    """Of three packets in ten lost, 90 kB and TCP make minutes: then a day may last an hour."""
    once_in_order(bad_day(seed, loss, Segments(), 3600)[2], seed)


def once_in_order(handsets: list[VirtualHandset], seed: int) -> None:
    """All hundred notes are acknowledged, and each listener has each, in the acknowledged order, byte for byte."""
    mouths, ears = handsets[:3], handsets[3:]
    acknowledged = {key: sequence for mouth in mouths for key, sequence in sent(mouth).items()}
    assert len(acknowledged) == 100, f"seed {seed}: {len(acknowledged)} of 100 notes were acknowledged"
    for ear in ears:
        heard = arrived(ear)
        assert [each.sequence for each in heard] == list(range(1, 101)), f"seed {seed}"
        assert {each.id: each.sequence for each in heard} == acknowledged, f"seed {seed}"
        for each in heard:
            number = each.timestamp_ms - 1_700_000_000_000
            assert each.audio == note("tea", each.sender, number, size=each.size).audio


@pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda transport: type(transport).__name__)
def test_same_seed_same_marks(transport: Transport) -> None:
    first, second, other = (bad_day(seed, 0.05, transport)[0] for seed in (7, 7, 8))
    assert first == second
    assert first != other


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_more_happens_for_a_note_among_many(case: Case) -> None:
    few, many = (carry(case, count)[1] for count in (50, 400))
    assert 1 < many < 1.05 * few  # less where the first had to wait for slow start


def test_one_slow_listener_delays_nobody() -> None:
    place = VirtualPlace(LAN)
    fast = place.phone("fast")
    slow_path = Path("slow", Link(0.1, 0, 1000), Link(0.1, 0, 2000))
    slow = VirtualHandset(place.world, "slow")
    place.world.add(Phone("slow", Random(1)), slow_path, slow.events.append, "slow")
    place.world.using("slow", lambda phone, now: phone.start(now))
    ann = place.phone("ann")
    for ear in (fast, slow):
        ear.join("tea", after=0)
    place.world.run(5)
    for number in range(50):
        ann.send(note("tea", "ann", number, size=20_000))
    place.world.run(10)
    assert len(arrived(fast)) == 50
    assert len(arrived(slow)) < 5
    place.world.run(1200)
    assert [each.sequence for each in arrived(slow)] == list(range(1, 51)), "it still gets everything"
