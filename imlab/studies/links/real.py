"""The same taps through the kernel's TCP: real clients, each on a host of its own, a real server and its disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from math import nan
from pathlib import Path
from random import Random

from imlab.client.events import Event, Failed, Listening, Notice, Rejected
from imlab.client.phone import Phone
from imlab.client.player import Player
from imlab.errors import InvalidRun
from imlab.lab.running.cores import Cores
from imlab.net.kernel.star import Traffic
from imlab.net.sockets.aio_client import Client
from imlab.net.tun import Network
from imlab.stack.plan import ServerPlan
from imlab.stack.server import start
from imlab.studies.links.farloop import HOST, FarLoop
from imlab.studies.links.simulated import LIMIT_S
from imlab.studies.links.taps import KEPT, Tap
from imlab.studies.stop_to_play.takes import Take
from imlab.studies.stop_to_play.taps import FIRST

SERVER = "server"
CONGESTION = "reno"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One tap. seconds: from the intended tap to the first sound; lag_s: how late it was tapped; error: or why not."""

    seconds: float
    lag_s: float
    size: int
    error: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What a network did: each tap's outcome in their order, its traffic, and its facts."""

    outcomes: Sequence[Outcome]
    traffic: Traffic
    facts: Mapping[str, object]

    def lost(self, tap: Tap) -> int:
        """Packets that the tap's links swallowed on purpose, both ways of both."""
        links = [self.traffic.links[f"{name} {way}"] for name in (tap.sender, tap.recipient) for way in ("up", "down")]
        return sum(count for link in links for why, count in link.items() if why != "offered")


def carry(taps: Sequence[Tap], takes: Sequence[Take], seed: int, cores: Cores, scratch: Path) -> Carried:
    """All taps over one network, whose links begin when the phones do."""
    hosts = {name: tap.path for tap in taps for name in (tap.sender, tap.recipient)}
    with cores.lent():
        network = Network({**hosts, SERVER: None}, seed, congestion=CONGESTION)
    with network:
        with cores.lent(), network[SERVER].entered():
            server = start(ServerPlan(host=network[SERVER].address, data=scratch / "data"))
        with server, asyncio.Runner(loop_factory=FarLoop) as runner:
            outcomes = runner.run(_tap_all(taps, takes, network, server.ws))
        return Carried(outcomes, network.traffic(), network.facts)


async def _tap_all(taps: Sequence[Tap], takes: Sequence[Take], network: Network, server: str) -> list[Outcome]:
    pairs = [Pair(tap, network, server) for tap in taps]
    network.restart()
    origin = time.monotonic()
    for pair in pairs:
        pair.begin()
    outcomes = await asyncio.gather(*(pair.tap(take, origin) for pair, take in zip(pairs, takes, strict=True)))
    await asyncio.gather(*(pair.close() for pair in pairs))
    return outcomes


class Pair:
    """A sender and a recipient, each on a host of its own, and one note between them."""

    def __init__(self, tap: Tap, network: Network, server: str) -> None:
        self._tap = tap
        self._heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._listening = False
        places = [_standing_for(network, name) for name in (tap.sender, tap.recipient)]
        self._at_sender, self._at_recipient = (place.run for place in places)
        self._sender = self._client(tap.sender, server, places[0])
        self._recipient = self._client(tap.recipient, server, places[1])

    def begin(self) -> None:
        """Dial; a sender that dials at the tap does not yet."""
        self._at_recipient(self._recipient.start)
        self._at_recipient(self._recipient.join, self._tap.room)
        if self._tap.connection == KEPT:
            self._at_sender(self._sender.start)

    async def tap(self, take: Take, origin: float) -> Outcome:
        """At its moment end the recording, send, and wait until it can be heard; moments on time.monotonic."""
        intended = origin + self._tap.at
        await asyncio.sleep(intended - time.monotonic())
        if not self._listening:
            return Outcome(nan, nan, 0, "the recipient was not yet listening at the tap")
        lag = time.monotonic() - intended
        if self._tap.connection != KEPT:
            self._at_sender(self._sender.start)
        note = take.stop(self._tap.note_id, self._tap.sender, self._tap.room, 0)
        self._at_sender(self._sender.send, note)
        try:
            async with asyncio.timeout(LIMIT_S):
                heard = await self._heard
        except TimeoutError:
            return Outcome(nan, lag, note.size, f"not heard within {LIMIT_S:g} s")
        return Outcome(heard - intended, lag, note.size, "")

    async def close(self) -> None:
        """Without farewells, which bad networks take long to carry."""
        for client in (self._sender, self._recipient):
            client.cut()
            await client.close()

    def _client(self, name: str, server: str, place: Context) -> Client:
        return place.run(Client, Phone(name, Random(name)), server, self._hear)

    def _hear(self, event: Event) -> None:
        match event:
            case Listening():
                self._listening = True
            case Notice(note) if not self._heard.done():
                player = Player(note)
                player.feed(note.audio)
                if len(player.take(FIRST)) == 0:
                    raise InvalidRun(f"the first {len(note.audio)} bytes of note {note.id} cannot be heard")
                self._heard.set_result(time.monotonic())
            case Failed(why=why) | Rejected(why=why) if not self._heard.done():
                self._heard.set_exception(InvalidRun(why))


def _standing_for(network: Network, name: str) -> Context:
    """A context whose tasks dial from a host."""
    place = copy_context()
    place.run(HOST.set, network[name])
    return place
