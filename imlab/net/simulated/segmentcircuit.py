"""One simulated TCP connection: two outflows, two inflows, and what is said before the first message."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, Protocol

from imlab.net.simulated.circuits import Clock, User
from imlab.net.simulated.inflow import Inflow
from imlab.net.simulated.lane import Lane
from imlab.net.simulated.outflow import Outflow
from imlab.net.simulated.tcpterms import Terms


class Wheel(Protocol):
    """Whoever turns the lanes: handles what is due, and plans to be woken for what comes."""

    terms: Terms
    clock: Clock
    up: Lane
    down: Lane

    def turn(self) -> None: ...

    def plan(self) -> None: ...

    def drop(self, circuit: SegmentCircuit) -> None: ...


class Step:
    """A word of the handshake: its exchange, from 0."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


Flow = Outflow | Inflow


class SegmentCircuit:
    """See Circuit."""

    def __init__(self, wheel: Wheel, user: User) -> None:
        self._wheel, self._user = wheel, user
        self._up, self._up_end = self._join(wheel.up, wheel.down, True)
        self._down, self._down_end = self._join(wheel.down, wheel.up, False)
        self.flows: tuple[Flow, ...] = (self._up, self._down)  # whose alarms may ring
        if wheel.terms.every > 1:
            self.flows += (self._up_end, self._down_end)
        self._stopped = False
        self._standing = False  # the client has the connection

    def dial(self) -> None:
        """See Circuit."""
        clock = self._wheel.clock
        clock.at(clock.now + self._wheel.terms.patience, self._give_up)
        self._put(True, self._wheel.terms.handshake[0][0], Step(0))

    def write(self, up: bool, size: int, what: Any) -> int:
        """See Circuit; size without the WebSocket frame."""
        return self._put(up, size + framing(size, up), what)

    def stop(self) -> None:
        """See Circuit. Packets that are under way still use the links."""
        self._stopped = True
        for flow in (self._up, self._up_end, self._down, self._down_end):
            flow.dead, flow.alarm = True, inf
        self._wheel.drop(self)

    @property
    def quiet(self) -> bool:
        """Is it known when all that was written arrives?"""
        return self._up.quiet and self._down.quiet

    @property
    def progress(self) -> tuple[int, int]:
        """Segments that arrived without a gap, up and down."""
        return self._up_end.through, self._down_end.through

    @property
    def promised(self) -> float:
        """When the next message will be whole, as far as that is known."""
        up, down = self._up.promises, self._down.promises
        return min(up[0] if up else inf, down[0] if down else inf)

    def _join(self, there: Lane, back: Lane, up: bool) -> tuple[Outflow, Inflow]:
        terms = self._wheel.terms
        source = Outflow(there, terms.congestion, terms.limit, terms.probes, partial(self._drained, up))
        end = Inflow(back, source, terms.every, terms.wait, partial(self._arrived, up))
        source.take = end.take
        return source, end

    def _put(self, up: bool, size: int, what: Any) -> int:
        flow, end = (self._up, self._up_end) if up else (self._down, self._down_end)
        if self._stopped:
            flow.swallow(size)
            return flow.unsent
        self._wheel.turn()
        end.expected.append((flow.write(self._wheel.clock.now, size), what))
        self._wheel.plan()
        return flow.unsent

    def _drained(self, up: bool) -> None:
        if self._standing:
            self._user.drained(up)

    def _arrived(self, up: bool, what: Any) -> None:
        if type(what) is Step:
            self._converse(up, what.number)
        else:
            self._user.arrived(up, what)

    def _converse(self, up: bool, number: int) -> None:
        handshake = self._wheel.terms.handshake
        last = number == len(handshake) - 1
        if up:
            if last:
                self._user.accepted()
            self._put(False, handshake[number][1], Step(number))
        elif last:
            self._standing = True
            self._user.connected()
        else:
            self._put(True, handshake[number + 1][0], Step(number + 1))

    def _give_up(self) -> None:
        if not self._standing:  # also where the network has gone silent; who was told of an end does not listen
            self._user.failed(f"the dial took longer than {self._wheel.terms.patience:g} s")


def framing(size: int, up: bool) -> int:
    """Bytes of a WebSocket frame around a message (RFC 6455, 5.2); a client's is masked."""
    length = 0 if size < 126 else 2 if size < 65_536 else 8
    return 2 + length + (4 if up else 0)
