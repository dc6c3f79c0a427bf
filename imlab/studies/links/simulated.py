"""A tap in virtual time: the prediction. TCP packet by packet; what CPU and disk take are constants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan
from random import Random

from imlab.client.events import Event, Listening
from imlab.client.phone import Phone
from imlab.net.simulated.congestion import Reno
from imlab.net.simulated.ends import PhoneNode
from imlab.net.simulated.segments import Segments
from imlab.net.simulated.simstore import SimulatedStore
from imlab.net.virtual import World
from imlab.server.hub import Hub
from imlab.store.memory import MemoryStore
from imlab.studies.links.taps import KEPT, Tap
from imlab.studies.stop_to_play.simulated_taps import COMMIT_S, DECODE_S, ENCODE_TAIL_S
from imlab.trace import Mark
from imlab.wire.messages import VoiceMessage

LIMIT_S = 60.0  # after the tap a note is given up, in both engines


TCP = Segments(Reno())  # a kernel lets every namespace choose reno; on a note's few segments it and cubic differ little


@dataclass(frozen=True, slots=True)
class Costs:
    """What is not simulated, in seconds: the tail's encoding, the commit, the first packet's decoding."""

    encode: float = ENCODE_TAIL_S
    commit: float = COMMIT_S
    decode: float = DECODE_S


MACHINE = Costs()
NOTHING = Costs(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a tap. seconds: from tap to first sound, nan if never; lost: packets of its links, both ways."""

    seconds: float
    lost: int
    packets: int


def tap_once(
    tap: Tap, note: VoiceMessage, seed: int, transport: Segments = TCP, costs: Costs = MACHINE, limit_s: float = LIMIT_S
) -> Heard:
    """The note over two virtual paths of its own."""
    listening: list[Listening] = []
    moments: dict[str, float] = {}

    def mark(told: Mark) -> None:
        if told.note == note.id:
            moments.setdefault(told.what, told.at)

    def ours(event: Event) -> None:
        if isinstance(event, Listening):
            listening.append(event)

    world = World(Hub(), SimulatedStore(MemoryStore(), costs.commit), seed, transport)
    for name in (tap.sender, tap.recipient):
        world.add(Phone(name, Random(f"{name} {seed}"), mark), tap.path, ours)
    world.using(tap.recipient, lambda phone, now: phone.start(now))
    world.using(tap.recipient, lambda phone, now: phone.join(tap.room, None, now))
    if tap.connection == KEPT:
        world.using(tap.sender, lambda phone, now: phone.start(now))
    world.run(tap.at)
    if not listening:
        return Heard(nan, 0, 0)
    if tap.connection != KEPT:
        world.using(tap.sender, lambda phone, now: phone.start(now))
    world.run(tap.at + costs.encode)
    world.using(tap.sender, lambda phone, now: phone.send(replace(note, sender=tap.sender, room=tap.room), now))
    world.run(tap.at + limit_s, done=lambda: "first_bytes" in moments)
    heard = moments.get("first_bytes", nan) - tap.at + costs.decode
    return Heard(heard, *_carried([world.phones[name] for name in (tap.sender, tap.recipient)]))


def _carried(nodes: list[PhoneNode]) -> tuple[int, int]:
    """Packets lost and sent on the links of these phones."""
    lanes = [lane for node in nodes for lane in (node.way.up, node.way.down)]  # type: ignore[attr-defined]
    return sum(sum(lane.course.drops.values()) for lane in lanes), sum(lane.sent for lane in lanes)
