"""Packets between hosts: taken from one device, carried through two courses, given to another device when due.

A packet's moments come from its courses alone: it enters the hub when the first course says, not when we got round
to it, so that lateness of ours does not add up.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Collection
from heapq import heappop, heappush
from multiprocessing.connection import Connection

from imlab.net.fate.course import Course, Fate
from imlab.net.kernel.star import BIN_S, BINS, Traffic
from imlab.net.links import Link, Path

SPIN_S = 100e-6  # a sleeper under SCHED_FIFO wakes up to so late on a virtual machine; the price is CPU, not precision
BATCH = 32  # packets taken from one device before others have their turn
PERFECT = Link()


class Port:
    """One host as the forwarder sees it: its device, and the way up from it and down to it."""

    def __init__(self, name: str, address: str, device: int, path: Path | None) -> None:
        self.name, self.address, self.device = name, socket.inet_aton(address), device
        self.links = {"up": path.up if path else PERFECT, "down": path.down if path else PERFECT}
        self.latest = 0.0  # seconds since the start; the hub's events come in order, but up to a lateness after others
        self.told = {way: {"offered": 0, **{why.value: 0 for why in Fate}} for way in self.links}  # by earlier courses

    def begin(self, seed: int) -> None:
        """From the start of both links: their randomness and, for outages, their time."""
        self.offered_up = self.offered_down = 0
        self.up, self.down = (Course(self.links[way], f"{seed} {self.name} {way}") for way in ("up", "down"))
        self.latest = 0.0

    def change(self, path: Path | None) -> None:
        """Other links from the next packet on; what is under way arrives as it was told."""
        self.links = {"up": path.up if path else PERFECT, "down": path.down if path else PERFECT}
        self.up.change(self.links["up"])
        self.down.change(self.links["down"])

    def counts(self) -> dict[str, dict[str, int]]:
        """By way: packets offered since the network began, and dropped, by why."""
        now = {"up": {"offered": self.offered_up}, "down": {"offered": self.offered_down}}
        for way, course in (("up", self.up), ("down", self.down)):
            now[way] |= {why.value: count for why, count in course.drops.items()}
        return {way: {what: count + self.told[way][what] for what, count in now[way].items()} for way in now}


class Switchboard:
    """The forwarder's loop over all ports."""

    def __init__(self, ports: list[Port], seed: int, overruns: Callable[[], int]) -> None:
        self._ports = {port.name: port for port in ports}
        self._by_device = {port.device: port for port in ports}
        self._by_address = {port.address: port for port in ports}
        self._seed, self._overruns = seed, overruns
        self._due: list[tuple[float, int, Port, bytes, bool]] = []  # moment, order, to whom, what, still to go down
        self._order = 0
        self._late = [0] * BINS
        self.taken = self.given = self.strays = self.refused = 0
        for port in ports:
            port.begin(seed)
        self._birth = time.monotonic()

    def restart(self) -> None:
        """Every link begins anew, with the same seed; what was under way is forgotten."""
        for port in self._ports.values():
            port.told = port.counts()
            port.begin(self._seed)
        self._due.clear()
        self._birth = time.monotonic()

    def run(self, control: Connection, watched: Collection[int]) -> None:
        """Forward until ``control`` is closed or one of the watched processes ended."""
        orders = control.fileno()
        doors = [*self._by_device, orders, *watched]
        while True:
            ready, _, _ = select.select(doors, (), (), self._patience())
            for door in ready:
                if door in self._by_device:
                    self._take(self._by_device[door])
                elif door != orders or not self._obey(control):
                    return
            self._give()

    def _patience(self) -> float | None:
        """Seconds to sleep: until shortly before the next packet is due."""
        if not self._due:
            return None
        return max(0.0, self._due[0][0] + self._birth - time.monotonic() - SPIN_S)

    def _take(self, port: Port) -> None:
        """Read what the host sent, and let the links decide when it arrives."""
        for _ in range(BATCH):
            try:
                packet = os.read(port.device, 65_536)
            except BlockingIOError:
                return
            now = time.monotonic() - self._birth
            target = self._by_address.get(packet[16:20])  # RFC 791: the destination; TUN gives IP packets
            if target is None:
                self.strays += 1
                continue
            self.taken += 1
            port.offered_up += 1
            moments = (now,) if port.up.link is PERFECT else port.up.send(now, len(packet))
            for moment in moments:
                self._hub(moment, now, target, packet)

    def _hub(self, moment: float, now: float, target: Port, packet: bytes) -> None:
        """The packet gets to the hub at ``moment``: where it is in the future, the way down is asked then."""
        target.offered_down += 1
        if target.down.link is PERFECT:
            self._push(moment, target, packet, False)
        elif moment <= now:
            self._down(moment, target, packet)
        else:
            self._push(moment, target, packet, True)

    def _down(self, moment: float, target: Port, packet: bytes) -> None:
        target.latest = moment = max(moment, target.latest)
        for arrival in target.down.send(moment, len(packet)):
            self._push(arrival, target, packet, False)

    def _push(self, moment: float, target: Port, packet: bytes, down: bool) -> None:
        self._order += 1  # so that packets due together keep their order, and are never compared
        heappush(self._due, (moment, self._order, target, packet, down))

    def _give(self) -> None:
        """Everything that is due goes on."""
        due = self._due
        while due and due[0][0] <= (now := time.monotonic() - self._birth):
            moment, _, target, packet, down = heappop(due)
            if down:
                self._down(moment, target, packet)
                continue
            try:
                os.write(target.device, packet)
            except OSError:
                self.refused += 1  # the kernel has no memory for it, or the device is down: told, and the run judged
                continue
            self.given += 1
            self._late[min(BINS - 1, int((now - moment) / BIN_S))] += 1

    def _obey(self, control: Connection) -> bool:
        """One order of the parent; False at the end, or once it has hung up."""
        try:
            verb, host, path = control.recv()
        except (EOFError, OSError):
            return False
        if verb == "end":
            return False
        if verb == "restart":
            self.restart()
        if verb == "change":
            self._ports[host].change(path)
        control.send(self.traffic())
        return True

    def traffic(self) -> Traffic:
        """What was carried since the forwarder started."""
        links = {f"{port.name} {way}": told for port in self._ports.values() for way, told in port.counts().items()}
        return Traffic(self.taken, self.given, links, self.strays, self._overruns(), self.refused, tuple(self._late))
