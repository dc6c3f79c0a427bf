"""How many notes a second does virtual time carry on one core, and does a note cost the same however many there are?

    python -m imlab.studies.k03_virtual_speed [NOTES]

One phone says a note every 10 ms over 10 Mbit/s and 50 ms each way; a server keeps it, acknowledges it, and in half of
the cases brings it to a listener. Nobody listens to marks. Notes are made beforehand, each with packets of its own;
timed by the process's CPU time, best of a few rounds, the cases in turn within each.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from imlab.client.events import Event
from imlab.client.phone import Phone
from imlab.lab.machine.facts import facts, said
from imlab.net.links import Link, Path
from imlab.net.simulated.circuits import Transport
from imlab.net.simulated.messages import Messages
from imlab.net.simulated.segments import Segments
from imlab.net.simulated.simstore import SimulatedStore
from imlab.net.virtual import World
from imlab.server.hub import Hub
from imlab.store.memory import MemoryStore
from imlab.wire.messages import PacketLayout, VoiceMessage
from imlab.wire.sizes import swift_size

LINK = Link(0.05, rate=1.25e6)
EVERY_S, COMMIT_S, LAST_S = 0.01, 0.003, 2.0
TRANSPORTS: tuple[Transport, ...] = (Messages(), Segments())
LISTENERS, SIZES = (0, 1), (1_000, 9_000)  # 9 kB: 3 s of speech at 24 kbit/s
ROUNDS = 3
GROWTH = (1, 10, 100)  # times a thousand notes


@dataclass(frozen=True, slots=True)
class Case:
    """What is simulated. size: bytes of audio in a note."""

    transport: Transport
    listeners: int
    size: int

    def __str__(self) -> str:
        return f"{type(self.transport).__name__:9} {self.listeners} listening, {self.size:,} bytes"


CASES = tuple(Case(*each) for each in itertools.product(TRANSPORTS, LISTENERS, SIZES))


def notes(count: int, size: int) -> Iterator[VoiceMessage]:
    """Notes of one speaker, of packets of 40 to 80 bytes."""
    random = Random(1)
    for number in range(count):
        sizes: list[int] = []
        while size > sum(sizes):
            sizes.append(min(random.randrange(40, 81), size - sum(sizes)))
        layout = PacketLayout(16_000, 104, 320 * len(sizes) - 104, 320, tuple(sizes))
        yield VoiceMessage(f"{number:032x}", "ann", "tea", 1_700_000_000_000 + number, 20 * len(sizes), "opus", layout,
                           size, random.randbytes(size), bytes(64))  # fmt: skip


def world_of(case: Case) -> World:
    """One who speaks, those who listen, and a second in which they meet."""
    world = World(Hub(), SimulatedStore(MemoryStore(), COMMIT_S), 1, case.transport, swift_size)
    for name in ("ann", *(f"ear {number}" for number in range(case.listeners))):
        world.add(Phone(name, Random(name)), Path("k03", LINK, LINK), forget)
        world.using(name, lambda phone, now: phone.start(now))
        if name != "ann":
            world.using(name, lambda phone, now: phone.join("tea", 0, now))
    world.run(1.0)
    return world


def forget(event: Event) -> None:
    """Who counts does not listen."""


def carry(case: Case, count: int) -> tuple[float, float]:
    """Microseconds of CPU and events, both per note."""
    world, ready = world_of(case), iter(list(notes(count, case.size)))

    def speak() -> None:
        note = next(ready, None)
        if note:
            world.using("ann", lambda phone, now: phone.send(note, now))
            world.at(world.now + EVERY_S, speak)

    world.at(world.now, speak)
    happened, begin = world.happened, time.process_time()
    world.run(world.now + count * EVERY_S + LAST_S)
    return (time.process_time() - begin) * 1e6 / count, (world.happened - happened) / count


def report(count: int) -> None:
    """Measure and say."""
    say(f"{said(facts())}; load {facts()['load'][0]}")
    found: dict[Case, list[tuple[float, float]]] = {case: [] for case in CASES}
    for _, (case, costs) in itertools.product(range(ROUNDS), found.items()):
        costs.append(carry(case, count))
    for case, costs in found.items():
        least, events = min(costs)
        say(f"{case}: {1e6 / least:6,.0f} notes/s, {least:5.1f} us and {events:.1f} events a note")
    say("\nmicroseconds a note by the number of notes")
    for case in (each for each in CASES if each.listeners and each.size == min(SIZES)):
        told = [f"{1000 * times:7,}: {min(carry(case, 1000 * times) for _ in range(2))[0]:5.1f}" for times in GROWTH]
        say(f"{case}  {'  '.join(told)}")


def say(line: str) -> None:
    """To the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    report(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
