"""Measuring a network of hosts from outside: echoes, a steady stream, and many TCP connections at once.

Moments of arrival are the kernel's (SO_TIMESTAMPNS, socket(7)), so that what is measured is the way and not how
quickly this process wakes up. One thread drives both ends: a socket stays on the host that it was made on.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from math import inf

from imlab.net.kernel.forwarder import PRIORITY
from imlab.net.tun import Host

HEADERS = 28  # bytes of IPv4 and UDP before the payload
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33  # asm-generic/socket.h, as on x86 and ARM; missing in the socket module
ROOM = 8 << 20  # bytes of a receive buffer
SLICE = bytes(1 << 16)

Arrival = tuple[float, bytes]  # the kernel's moment in seconds (CLOCK_REALTIME), the payload


@contextmanager
def udp(near: Host, far: Host) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A socket on each host, connected to each other, not blocking, with the kernel's moments of arrival."""
    with ExitStack() as stack:
        ends = []
        for host in (near, far):
            with host.entered():
                end = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                end.bind((host.address, 0))
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
            ends.append(end)
        ends[0].connect(ends[1].getsockname())
        ends[1].connect(ends[0].getsockname())
        yield ends[0], ends[1]


@contextmanager
def hurried() -> Iterator[None]:
    """This thread in real time if allowed, below the forwarder: whoever is measured waits for us only when we sleep."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY - 1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def arrivals(end: socket.socket) -> Iterator[Arrival]:
    """All datagrams that are there."""
    with suppress(BlockingIOError):
        while True:
            payload, told, _, _ = end.recvmsg(65_536, 256)
            seconds, nanoseconds = struct.unpack("qq", told[0][2])
            yield seconds + nanoseconds * 1e-9, payload


def numbered(end: socket.socket) -> list[tuple[float, int]]:
    """Moment and number of each datagram of a stream that is there."""
    return [(at, struct.unpack_from("q", payload)[0]) for at, payload in arrivals(end)]


def echo(near: Host, far: Host, count: int, apart: float, patience: float) -> list[float]:
    """Round trips in seconds of ``count`` datagrams sent ``apart`` seconds from each other; the lost are not in it.

    The far end's own time, between the kernel's moment of arrival and the answer, is taken out, as NTP does (RFC 5905,
    section 8).
    """
    trips: list[float] = []
    with udp(near, far) as (here, there), hurried():
        begin, sent = time.monotonic(), 0
        while len(trips) < count and time.monotonic() < begin + count * apart + patience:
            if sent < count and time.monotonic() >= begin + sent * apart:
                here.send(struct.pack("dd", time.time(), 0.0).ljust(160))
                sent += 1
            select.select([here, there], [], [], apart / 10)
            for at, payload in arrivals(there):
                there.send(payload[:8] + struct.pack("d", time.time() - at) + payload[16:])
            for at, payload in arrivals(here):
                left, stayed = struct.unpack_from("dd", payload)
                trips.append(at - left - stayed)
    return trips


def stream(near: Host, far: Host, count: int, apart: float, size: int, patience: float) -> list[tuple[float, int]]:
    """What arrives of ``count`` datagrams of ``size`` bytes with headers, sent steadily: moment and number of each.

    It ends when all arrived, or ``patience`` seconds after the last was sent.
    """
    got: list[tuple[float, int]] = []
    with udp(near, far) as (here, there):
        begin, sent, last = time.monotonic(), 0, inf
        while time.monotonic() < last + patience and len(got) < count:
            due = min(count, int((time.monotonic() - begin) / apart) + 1)
            for place in range(sent, due):
                here.send(struct.pack("q", place).ljust(size - HEADERS))
            if sent < count == due:
                last = time.monotonic()
            sent = max(sent, due)
            got += numbered(there)
            select.select([there], [], [], apart if sent < count else 0.05)
        got += numbered(there)  # should we, and not the link, have been late
    return got


def bulk(pairs: Sequence[tuple[Host, Host]], congestion: str, settle: float, seconds: float) -> list[float]:
    """Bytes per second that each of many TCP connections carries, from ``settle`` seconds after they all opened.

    One connection for each pair (from, to), sending all it may, with the named congestion control.
    """
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        received = [0] * len(pairs)
        opening = [_opening(near, far, congestion, stack) for near, far in pairs]
        for place, (sender, listener) in enumerate(opening):
            receiver = stack.enter_context(listener.accept()[0])
            receiver.setblocking(False)
            selector.register(sender, selectors.EVENT_WRITE)
            selector.register(receiver, selectors.EVENT_READ, place)
        _pump(selector, received, settle)
        before, begin = list(received), time.monotonic()
        _pump(selector, received, seconds)
        took = time.monotonic() - begin
        return [(after - earlier) / took for after, earlier in zip(received, before, strict=True)]


def _opening(near: Host, far: Host, congestion: str, stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """A socket that is about to be connected, and who listens for it: all shake hands at the same time."""
    with far.entered():
        listener = stack.enter_context(socket.create_server((far.address, 0)))
    with near.entered():
        sender = stack.enter_context(socket.socket())
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    sender.setblocking(False)
    sender.connect_ex(listener.getsockname())
    return sender, listener


def _pump(selector: selectors.BaseSelector, received: list[int], seconds: float) -> None:
    """Keep every sender full and every receiver empty for a while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            stream_end = key.fileobj
            assert isinstance(stream_end, socket.socket)
            with suppress(BlockingIOError):
                if key.data is None:
                    stream_end.send(SLICE)
                else:
                    received[key.data] += len(stream_end.recv(len(SLICE)))
