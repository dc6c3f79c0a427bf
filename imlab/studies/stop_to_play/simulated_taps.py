"""Taps in the virtual world: the same cores and the same notes over links that loopback does not have.

What the CPU and the disk take is not simulated: each is a constant, stated here, of the size that loopback shows,
and small against any of these links. Notes are tapped one at a time, each when the one before has been heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np

from imlab.audio.speech.corpus import Corpus
from imlab.client.events import Event
from imlab.client.phone import Phone
from imlab.codec.contract import Codec
from imlab.net.links import Path
from imlab.net.simulated.simstore import SimulatedStore
from imlab.net.virtual import World
from imlab.server.hub import Hub
from imlab.store.memory import MemoryStore
from imlab.studies.stop_to_play.takes import takes
from imlab.trace import Mark
from imlab.wire.messages import VoiceMessage

ENCODE_TAIL_S = 0.001  # one or two frames
COMMIT_S = 0.005  # two fsyncs of a solid-state disk
DECODE_S = 0.0005  # one packet
ROOM = "lab"


def notes(corpus: Corpus, codec: Codec, seconds: float, count: int, seed: int) -> list[VoiceMessage]:
    """``count`` notes as the sender seals them."""
    ready = takes(corpus, codec, seconds, count, np.random.default_rng(seed))
    return [take.stop(f"{index + 1:032x}", "ann", ROOM, 0) for index, take in enumerate(ready)]


def tap_all(sealed: list[VoiceMessage], path: Path, seed: int) -> Iterator[tuple[VoiceMessage, dict[str, float]]]:
    """Each note over the path, alone; its moments in virtual seconds."""
    moments: dict[str, dict[str, float]] = {note.id: {} for note in sealed}

    def mark(told: Mark) -> None:
        if told.note in moments:
            moments[told.note].setdefault(told.what, told.at)

    def ignore_event(event: Event) -> None:
        """The marks say it all."""

    world = World(Hub(trace=mark), SimulatedStore(MemoryStore(), COMMIT_S), seed)
    for name in ("ann", "bob"):
        world.add(Phone(name, Random(f"{name} {seed}"), mark), path, ignore_event)
        world.using(name, lambda phone, now: phone.start(now))
    world.using("bob", lambda phone, now: phone.join(ROOM, None, now))
    world.run(world.now + 5)
    for index, note in enumerate(sealed):
        own = moments[note.id]
        own["intended"] = own["tap"] = world.now
        own["encoded"] = world.now + ENCODE_TAIL_S
        world.run(own["encoded"])
        sealed_now = replace(note, timestamp_ms=index)
        world.using("ann", lambda phone, now, sealed_now=sealed_now: phone.send(sealed_now, now))  # type: ignore[misc]
        world.run(done=lambda own=own: "last_bytes" in own and "acked" in own)  # type: ignore[misc]
        own["audible"] = own["first_bytes"] + DECODE_S
        yield note, own
        world.run(world.now + 1)
