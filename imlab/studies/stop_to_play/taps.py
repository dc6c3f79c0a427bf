"""The generator of real taps, a process of its own: ``python -m imlab.studies.stop_to_play.taps REQUEST``.

One sender and one recipient on the same server. Taps come on a schedule drawn beforehand and wait for nobody, evenly
spaced: phones code their tails at the same time, our one process would do it one after the other. Each ends a
recording, sends the note, and is over when the recipient's player holds the first audible sample. Both ends live in
one process, so the moments of a note are read from one clock; the server writes its own marks, on the same machine's
monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from imlab.audio.speech.corpus import open_corpus
from imlab.client.events import Event, Failed, Listening, Notice, Rejected
from imlab.client.phone import Phone
from imlab.client.player import Player
from imlab.codec.opus import Opus
from imlab.errors import DoorError, InvalidRun
from imlab.lab.load.openloop import Load, offer
from imlab.lab.load.schedule import Uniform
from imlab.lab.load.validity import Validity
from imlab.net.sockets.aio_client import Client
from imlab.studies.stop_to_play.takes import Take, takes
from imlab.trace import Mark

ROOM = "lab"
FIRST = 320  # samples that the player wants before it starts: 20 ms at 16 kHz, one sound card buffer
OURS = ("encoded", "first_byte", "notice", "first_bytes", "audible")


@dataclass(frozen=True, slots=True)
class Request:
    """One window of taps. note_s in seconds, bitrate in bit/s, frame_ms in ms, rate in taps per second."""

    server: str
    note_s: float
    bitrate: int
    frame_ms: float
    rate: float
    seconds: float
    warm_up_s: float
    seed: int
    out: str

    def text(self) -> str:
        """One line of JSON, fit for an argument."""
        return json.dumps(asdict(self))


class Pair:
    """A sender and a recipient, and what became of each tap."""

    def __init__(self, server: str, seed: int) -> None:
        self._heard: dict[str, asyncio.Future[float]] = {}
        self._listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.moments: dict[str, dict[str, float]] = {}
        self.sizes: dict[str, int] = {}
        self._sender = Client(Phone("ann", Random(seed), self._mark), server, self._sent)
        self._recipient = Client(Phone("bob", Random(seed + 1), self._mark), server, self._arrive)

    async def __aenter__(self) -> Pair:
        self._sender.start()
        self._recipient.start()
        self._recipient.join(ROOM)
        async with asyncio.timeout(10):
            await self._listening
        return self

    async def __aexit__(self, *how: object) -> None:
        await self._sender.close()
        await self._recipient.close()

    async def tap(self, take: Take, note_id: str) -> Mapping[str, float]:
        """End one recording and wait until it can be heard; the moments on time.monotonic."""
        heard = self._heard[note_id] = asyncio.get_running_loop().create_future()
        moments = self.moments[note_id] = {}
        note = take.stop(note_id, "ann", ROOM, time.time_ns() // 1_000_000)
        moments["encoded"] = time.monotonic()
        self.sizes[note_id] = note.size
        self._sender.send(note)
        moments["audible"] = await heard
        return moments

    def _mark(self, mark: Mark) -> None:
        if mark.what in OURS and mark.note in self.moments:
            self.moments[mark.note].setdefault(mark.what, mark.at)

    def _arrive(self, event: Event) -> None:
        if isinstance(event, Listening) and not self._listening.done():
            self._listening.set_result(None)
        elif isinstance(event, Notice):
            player = Player(event.note)
            player.feed(event.note.audio)
            if len(player.take(FIRST)) == 0:
                raise InvalidRun(f"the first {len(event.note.audio)} bytes of note {event.note.id} cannot be heard")
            self._heard[event.note.id].set_result(time.monotonic())
        else:
            self._refuse(event)

    def _sent(self, event: Event) -> None:
        self._refuse(event)

    def _refuse(self, event: Event) -> None:
        if isinstance(event, Failed) and event.about in self._heard:
            self._heard[event.about].set_exception(DoorError(event.why))
        elif isinstance(event, Rejected):
            raise DoorError(event.why)


async def run(request: Request) -> dict[str, Any]:
    """Offer the taps and say what came of them."""
    rng = np.random.default_rng(request.seed)
    arrivals = Uniform(request.rate, request.warm_up_s + request.seconds).draw(rng)
    codec = Opus(bitrate=request.bitrate, frame_ms=request.frame_ms)
    ready = list(takes(open_corpus(), codec, request.note_s, len(arrivals), rng))
    ids = [f"{number:032x}" for number in range(1, len(arrivals) + 1)]
    async with Pair(request.server, request.seed) as pair:
        load = await offer(arrivals, lambda index: pair.tap(ready[index], ids[index]))
    return {
        "reasons": Validity().reasons(load, request.warm_up_s),
        "busy": load.busy,
        "notes": [_row(request, load, index, note_id, pair) for index, note_id in enumerate(ids)],
    }


def _row(request: Request, load: Load, index: int, note_id: str, pair: Pair) -> dict[str, Any]:
    """One tap: its moments in seconds of the monotonic clock."""
    intended = load.origin + float(load.intended[index])
    moments = {"intended": intended, "tap": load.origin + float(load.sent[index])} | pair.moments.get(note_id, {})
    return {
        "id": note_id,
        "warm_up": bool(load.intended[index] < request.warm_up_s),
        "bytes": pair.sizes.get(note_id, 0),
        "error": load.errors.get(index, ""),
        "whole_s": moments.get("audible", math.nan) - intended,
        "moments": moments,
    }


def main(text: str) -> None:
    """Carry out the request that the argument holds."""
    request = Request(**json.loads(text))
    Path(request.out).write_text(json.dumps(asyncio.run(run(request))))


if __name__ == "__main__":
    main(sys.argv[1])
