"""A transport of packets: TCP as a documented model, over the same Course that every engine has; and datagrams.

What it contains
- every segment and every acknowledgement is a packet of true size: payload, at most 1448 bytes, and 52 of headers; a
  message is its encoded bytes and its WebSocket frame (RFC 6455, 5.2), and begins a segment of its own;
- the handshake as a dialogue of messages: TCP's round trip, TLS 1.3's (RFC 8446) if asked for, the WebSocket's;
- window, slow start, congestion avoidance: ``congestion`` (RFC 5681, 6928, 9438);
- loss recovery with selective acknowledgement, probes and timeouts: ``outflow`` (RFC 6675, 8985, 6298);
- idle restart as Linux has it by default (RFC 2861); acknowledgements of every segment, or delayed;
- a phone's links outlive its connections: queue, outages and bad luck go on where they were.

What it leaves out
- the server's own link, other traffic, checksums, path MTU, ECN, fragments, IPv6's 20 bytes, TLS's 22 bytes a record;
- TCP's coalescing of small messages that wait, Nagle (WebSocket libraries turn it off), receive window tuning (one
  fixed limit of segments under way instead), HyStart, pacing, proportional rate reduction, undoing a cut that was
  wrong, a growing tolerance of reordering, cutting the window for a loss that a probe repaired, offloads;
- what a socket's send buffer hides: a byte counts as sent when its segment has left.

Nothing is approximated for speed. Packets are handled when somebody may see the difference: while all is sent and
nothing is missing, the moment of each message is known, and acknowledgements are looked at when next something is
written. The result is that of handling each at its own moment (tests/test_stream_model.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Any

from imlab.net.fate.bounds import within
from imlab.net.links import Path
from imlab.net.simulated.circuits import Clock, User
from imlab.net.simulated.lane import Lane
from imlab.net.simulated.segmentcircuit import Flow, SegmentCircuit
from imlab.net.simulated.tcpterms import Terms

DATAGRAM_HEADERS = 28  # bytes: IPv4 20, UDP 8
DATAGRAM = 1472  # bytes of payload that an MTU of 1500 leaves


@dataclass(frozen=True, slots=True)
class Segments(Terms):
    """The transport as a value; its fields are TCP's terms."""

    def way(self, path: Path, clock: Clock, random: Random, name: str) -> SegmentWay:
        """See Transport."""
        return SegmentWay(self, path, clock, name)


class SegmentWay:
    """Two lanes, the circuits on them, and the one event that is planned for all of it."""

    def __init__(self, terms: Terms, path: Path, clock: Clock, name: str) -> None:
        self.terms, self.clock = terms, clock
        self.up, self.down = Lane(path.up, f"{name} up"), Lane(path.down, f"{name} down")
        self._circuits: list[SegmentCircuit] = []
        self._flows: list[Flow] = []  # of all circuits, those that may have an alarm
        self._planned = inf
        self._turning = False

    def circuit(self, user: User) -> SegmentCircuit:
        """See Way."""
        circuit = SegmentCircuit(self, user)
        self._circuits.append(circuit)
        self._flows.extend(circuit.flows)
        return circuit

    def datagram(self, up: bool, size: int, take: Callable[[Any], None], what: Any) -> None:
        """One UDP packet of at most 1472 bytes: it comes once, twice or never, when it comes; ``take`` gets it."""
        within("a datagram's bytes", size, 0, DATAGRAM)
        self.turn()
        lane = self.up if up else self.down
        lane.sent += 1
        for at in lane.course.send(self.clock.now, size + DATAGRAM_HEADERS):
            self.clock.at(at, take, what)

    def drop(self, circuit: SegmentCircuit) -> None:
        """A circuit is over; what it has under way still uses the lanes."""
        if circuit in self._circuits:
            self._circuits.remove(circuit)
            self._flows = [flow for other in self._circuits for flow in other.flows]

    @property
    def packets(self) -> int:
        """Sent so far, both ways."""
        return self.up.sent + self.down.sent

    def turn(self) -> None:
        """Handle what is due, each at its own moment."""
        if self._turning:
            return
        self._turning = True
        now, up, down = self.clock.now, self.up.packets, self.down.packets
        while True:
            lane = up if up and (not down or up[0][0] <= down[0][0]) else down
            at = lane[0][0] if lane else inf
            alarm = inf
            for flow in self._flows:
                if flow.alarm < alarm:
                    alarm = flow.alarm
            if alarm < at:
                if alarm > now:
                    break
                self._ring(alarm)
            elif at > now or not lane:
                break
            else:
                _, take, carried = lane.popleft()
                take(at, carried)
        self._turning = False

    def plan(self) -> None:
        """Be woken when next somebody may see something."""
        if self._turning:
            return
        due = self._due()
        if due < self._planned:
            self._planned = due
            self.clock.at(due, self._wake, due)

    def _wake(self, planned: float) -> None:
        if planned == self._planned:
            self._planned = inf
            self.turn()
            self.plan()

    def _due(self) -> float:
        due = min([flow.alarm for flow in self._flows], default=inf)
        for circuit in self._circuits:
            due = min(due, circuit.promised)
            if not circuit.quiet:
                for lane in (self.up.packets, self.down.packets):
                    if lane:
                        due = min(due, lane[0][0])
        return due

    def _ring(self, now: float) -> None:
        for flow in self._flows:
            flow.ring(now)
