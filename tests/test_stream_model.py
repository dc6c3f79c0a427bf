"""The TCP of the virtual world against what is known of TCP: rounds, rates, order, and that looking changes nothing."""

from __future__ import annotations

import heapq
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from math import ceil, inf, log2, sqrt
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.net.fate.losses import GilbertElliott
from imlab.net.links import Link, Path, Reordering
from imlab.net.simulated.congestion import Cubic, Reno
from imlab.net.simulated.outflow import HEADERS, SEGMENT
from imlab.net.simulated.segmentcircuit import framing
from imlab.net.simulated.segments import DATAGRAM, Segments
from imlab.net.simulated.tcpterms import TCP, TLS, WEBSOCKET
from imlab.wire.messages import Ack, Chunk, File, Hello, Message, PacketLayout, Ping, Welcome
from imlab.wire.sizes import checked_size, swift_size
from tests.conformance import note

pytestmark = pytest.mark.slow

TRIP = 0.1
IDLE = Path("idle", Link(TRIP / 2), Link(TRIP / 2))
PLAIN = Segments(Reno(), handshake=TCP)


class Line:
    """One connection over a path, its clock, and what came: (moment, up, what)."""

    def __init__(self, path: Path = IDLE, transport: Segments = PLAIN, seed: int = 1) -> None:
        self.now, self.happened = 0.0, 0
        self.came: list[tuple[float, bool, Any]] = []
        self.connected_at = inf
        self._heap: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._order = 0
        self.way = transport.way(path, self, Random(), f"line {seed}")
        self.circuit = self.way.circuit(self)
        self.circuit.dial()

    def at(self, when: float, act: Callable[..., object], *facts: Any) -> None:
        self._order += 1
        heapq.heappush(self._heap, (max(when, self.now), self._order, act, facts))

    def run(self, until: float) -> None:
        while self._heap and self._heap[0][0] <= until:
            self.now, _, act, facts = heapq.heappop(self._heap)
            self.happened += 1
            act(*facts)
        self.now = until

    def look(self) -> None:
        self.way.turn()
        self.way.plan()

    def write(self, segments: int, what: Any = "all") -> None:
        """A message that fills so many segments, with its frame."""
        size = segments * SEGMENT - framing(segments * SEGMENT - 14, True)
        self.circuit.write(True, size, what)

    # What a circuit tells its user

    def accepted(self) -> None: ...

    def connected(self) -> None:
        self.connected_at = self.now

    def failed(self, why: str) -> None:
        self.came.append((self.now, False, why))

    def arrived(self, up: bool, what: Any) -> None:
        self.came.append((self.now, up, what))

    def drained(self, up: bool) -> None: ...


def delivery(segments: int, path: Path = IDLE, transport: Segments = PLAIN, after: float = 5.0) -> float:
    """Seconds from writing a message on a fresh connection until it is there."""
    line = Line(path, transport)
    line.run(after)
    line.write(segments)
    line.run(after + 1000)
    return line.came[0][0] - after


@pytest.mark.parametrize("congestion", [Reno(), Cubic()], ids=repr)
@pytest.mark.parametrize("segments", [1, 2, 9, 10, 11, 29, 30, 31, 70, 71, 150, 151, 1000])
def test_slow_start_takes_the_known_rounds(segments: int, congestion: Reno | Cubic) -> None:
    rounds = ceil(log2(segments / 10 + 1) - 1e-12)
    took = delivery(segments, transport=Segments(congestion, handshake=TCP), after=TRIP + 1e-9)
    assert took == pytest.approx((rounds - 0.5) * TRIP, abs=1e-6)


@pytest.mark.parametrize(("handshake", "trips"), [(TCP, 1), (TCP + WEBSOCKET, 2), (TCP + TLS + WEBSOCKET, 3)])
def test_a_handshake_takes_its_round_trips(handshake: Any, trips: int) -> None:
    line = Line(transport=Segments(handshake=handshake))
    line.run(5)
    assert line.connected_at == pytest.approx(trips * TRIP)


def test_a_dial_into_nothing_is_given_up() -> None:
    dead = Link(0.05, loss=1.0)
    line = Line(Path("dead", dead, dead))
    line.run(60)
    assert [what for _, _, what in line.came] == ["the dial took longer than 10 s"]


def test_a_message_is_its_segments_at_the_rate() -> None:
    slow = Path("slow", Link(0.05, rate=15_000.0), Link(0.05))
    assert delivery(7, slow) == pytest.approx(7 * (SEGMENT + HEADERS) / 15_000 + 0.05)


def rate(line: Line, seconds: float) -> float:
    """Bytes a second of a message that does not end."""
    line.run(2)
    line.write(1_000_000)
    line.run(2 + seconds)
    return line.circuit.progress[0] * SEGMENT / seconds


@pytest.mark.parametrize(("loss", "bound"), [(0.005, 0.10), (0.01, 0.12), (0.02, 0.20)])
def test_reno_under_loss_is_as_fast_as_mathis_says(loss: float, bound: float) -> None:
    """Mathis et al. 1997, C = sqrt(3/2); at 2 % timeouts and small windows, which it leaves out, begin to matter."""
    seconds = 300.0
    measured = rate(Line(Path("lossy", Link(TRIP / 2, loss=loss), Link(TRIP / 2))), seconds)
    assert measured == pytest.approx(SEGMENT / TRIP * sqrt(1.5 / loss), rel=bound)


def test_a_queue_below_the_product_of_rate_and_delay_costs_rate() -> None:
    speed = 250_000.0
    product = speed * TRIP
    full, short = (
        rate(Line(Path("queue", Link(TRIP / 2, rate=speed, queue=share * product), Link(TRIP / 2))), 60)
        for share in (1.5, 0.1)
    )
    payload = speed * SEGMENT / (SEGMENT + HEADERS)
    assert 0.97 * payload < full <= payload
    assert short < 0.9 * full


def test_a_probe_comes_before_the_timeout() -> None:
    """The last two of five segments are lost; for one alone Linux waits as long as the timeout."""
    lossy = Link(TRIP / 2, rate=150_000.0, outages=((5.085, 5.105),))
    slow, fast = (delivery(5, Path("tail", lossy, Link(TRIP / 2)), replace(PLAIN, probes=on)) for on in (False, True))
    assert TRIP / 2 < fast < slow


def test_a_window_that_rested_begins_again() -> None:
    line, took = Line(), []
    for begin in (5.0, 7.0, 7.5, 60.0):
        line.run(begin)
        line.write(70)
        line.run(begin + 1)
        took.append(line.came[-1][0] - begin)
    assert took[0] == pytest.approx(2.5 * TRIP)
    assert took[-1] == pytest.approx(2.5 * TRIP), "as at the beginning"


LINKS = st.builds(
    Link,
    delay=st.sampled_from([0.0, 0.01, 0.2]),
    jitter=st.sampled_from([0.0, 0.03]),
    rate=st.sampled_from([20_000.0, 1e6, inf]),
    loss=st.sampled_from([0.0, 0.02, 0.2, GilbertElliott(0.02, 0.3)]),
    queue=st.sampled_from([4000.0, 30_000.0, inf]),
    duplication=st.sampled_from([0.0, 0.2]),
    reordering=st.sampled_from([None, Reordering(0.1, 0.05)]),
    outages=st.sampled_from([(), ((5.2, 6.0), (9.0, 12.0))]),
)
SIZES = st.lists(st.integers(0, 60_000), min_size=1, max_size=12)
TRANSPORTS = st.builds(
    Segments, st.sampled_from([Reno(), Cubic()]), every=st.sampled_from([1, 2]), probes=st.booleans()
)


def said(up: Link, down: Link, sizes: list[int], transport: Segments, looks: int) -> list[tuple[float, bool, Any]]:
    """What came over a path when messages of these sizes were written each way, and somebody looked now and then."""
    line = Line(Path("any", up, down), replace(transport, patience=5000.0))
    random = Random(5)
    for number, size in enumerate(sizes):
        for way in (True, False):
            line.at(5 + number * 0.3, line.circuit.write, way, size, number)
    for _ in range(looks):
        line.at(random.uniform(0, 15), line.look)
    line.run(20_000)
    return line.came


@settings(max_examples=60, deadline=None)
@given(LINKS, LINKS, SIZES, TRANSPORTS)
def test_all_arrives_once_in_order_and_looking_changes_nothing(
    up: Link, down: Link, sizes: list[int], transport: Segments
) -> None:
    came = said(up, down, sizes, transport, 0)
    for way in (True, False):
        assert [what for _, direction, what in came if direction is way] == list(range(len(sizes)))
    assert said(up, down, sizes, transport, 200) == came


def test_datagrams_that_are_lost_stay_lost() -> None:
    line = Line(Path("air", Link(0.05, loss=0.1, duplication=0.1), Link(0.05)))
    line.run(5)
    came: list[int] = []
    for number in range(2000):
        line.way.datagram(True, 200, came.append, number)
    line.run(20)
    assert came == sorted(came)
    assert 1700 < len(set(came)) < 1900
    assert len(came) > len(set(came))
    with pytest.raises(UsageError, match="datagram"):
        line.way.datagram(True, DATAGRAM + 1, came.append, 0)


def cost(messages: int) -> int:
    """Events and packets for so many messages over a lossy line."""
    link = Link(0.02, rate=1e6, loss=0.01)
    line = Line(Path("lossy", link, link))
    for number in range(messages):
        line.at(5 + number * 0.05, line.circuit.write, True, 9000, number)
    line.run(5 + messages * 0.05 + 50)
    assert len(line.came) == messages
    return line.happened + line.way.packets


def test_cost_is_linear_in_messages() -> None:
    few, many = cost(300), cost(1200)
    assert many / few == pytest.approx(4, rel=0.1)


def packets(*sizes: int) -> Message:
    """A note of packets of these sizes."""
    plain = note("tea", "ann", 3, sum(sizes))
    return replace(plain, layout=replace(plain.layout, sizes=sizes, samples=320 * len(sizes) - 104))


MESSAGES: list[Message] = [
    note("tea", "ann", 3, size=1), note("tee", "änn", 3, size=777), replace(note("t", "a", 3), sequence=1 << 40),
    replace(note("t", "a", 3, size=70_000), unknown=b"\xc2\x0c\x01x"), packets(127, 128, 900), packets(20_000, 1, 300),
    replace(note("tea", "ann", 3), audio=b"", size=0, layout=PacketLayout(), file=File("ab" * 32, 12_345, "audio/ogg")),
    Chunk("a" * 32, 0, b""),
    Chunk("a" * 32, 65_536, b"x" * 65_536), Ack("a" * 32, "tea", 1), Ack("b" * 32, "tée", 300), Hello("ann"), Ping(),
    Welcome("server", 65_536, 1 << 20, 30_000, ("opus",)),
]  # fmt: skip


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_size_is_that_of_the_bytes(message: Message) -> None:
    assert swift_size(message) == checked_size(message)


@given(st.integers(1, 40_000), st.integers(0, 1 << 50))
@settings(max_examples=40, deadline=None)
def test_a_notes_size_is_that_of_its_bytes(size: int, sequence: int) -> None:
    message = replace(note("tea", "ann", 1, size), sequence=sequence)
    assert swift_size(message) == checked_size(message)


SAID = """
from tests.test_stream_model import *
link = Link(0.02, 0.01, 1e6, 0.05, 20_000.0, 0.01)
print(said(link, link, [9000] * 9, Segments(), 0))
"""


@pytest.mark.process
def test_every_process_says_the_same() -> None:
    """Strings hash differently in each."""
    told = [
        subprocess.run(
            [sys.executable, "-c", SAID], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "12"
    ]
    assert told[0] == told[1]
    assert told[0].count("True") == 9
