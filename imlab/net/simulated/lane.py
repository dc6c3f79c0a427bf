"""One direction of a simulated link: packets that are under way, in the order in which they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from imlab.net.fate.course import Course
from imlab.net.links import Link

Take = Callable[..., None]  # told the moment, then what the packet carries
Packet = tuple[float, Take, Any]


class Lane:
    """A course and what it still carries. Whoever turns the clock takes ``packets`` from the left as they are due."""

    __slots__ = ("course", "packets", "sent")

    def __init__(self, link: Link, seed: str) -> None:
        self.course = Course(link, seed)
        self.packets: deque[Packet] = deque()
        self.sent = 0  # packets, ever

    def put(self, now: float, size: int, take: Take, carried: Any) -> float:
        """Send a packet of ``size`` bytes, headers included; its (last) arrival, or -1 when there is none."""
        self.sent += 1
        at = -1.0
        packets = self.packets
        for at in self.course.send(now, size):
            if packets and packets[-1][0] > at:
                self._insert((at, take, carried))
            else:
                packets.append((at, take, carried))
        return at

    def _insert(self, packet: Packet) -> None:
        """Before those that are late, behind those of the same moment."""
        packets, place = self.packets, len(self.packets)
        while place and packets[place - 1][0] > packet[0]:
            place -= 1
        packets.insert(place, packet)
