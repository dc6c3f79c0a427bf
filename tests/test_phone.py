"""The phone alone: how it greets, waits, retries, and what it makes of a server that misbehaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.client.backoff import Backoff
from imlab.client.events import Arrived, Event, Failed, Lost, Notice, Rejected, Sent
from imlab.client.line import SERVER, Patience
from imlab.client.phone import Phone
from imlab.errors import PeerError, UsageError
from imlab.trace import Mark
from imlab.wire.effects import Close, Deliver, Dial, Effect, Send
from imlab.wire.messages import (
    Ack,
    Chunk,
    Hello,
    Join,
    Joined,
    Message,
    Ping,
    Pong,
    Received,
    Refused,
    VoiceMessage,
    Welcome,
)
from imlab.wire.pieces import split
from tests.conformance import note

WELCOME = Welcome("server", 1000, 1_000_000, 30_000)


class Bench:
    """A phone, what it said, and what it told."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self.phone = Phone("ann", Random(1), self.marks.append, Backoff(), Patience(), chunk=1000)
        self.now = 0.0
        self.events: list[Event] = []

    def do(self) -> list[Effect]:
        effects = self.phone.outbox()
        self.events += [effect.event for effect in effects if isinstance(effect, Deliver)]  # type: ignore[misc]
        return [effect for effect in effects if not isinstance(effect, Deliver)]

    def hear(self, *messages: Message | PeerError) -> list[Effect]:
        for message in messages:
            self.phone.receive(SERVER, message, self.now)
        return self.do()

    def connect(self) -> list[Effect]:
        self.phone.start(self.now)
        self.phone.opened(SERVER, "there", self.now)
        self.do()
        return self.hear(WELCOME)

    def said(self, effects: list[Effect]) -> list[Message]:
        return [effect.message for effect in effects if isinstance(effect, Send)]

    def wake_until(self, when: float) -> list[tuple[float, Effect]]:
        seen = []
        while (due := self.phone.wake_at()) is not None and due <= when:
            assert due >= self.now
            self.now = due
            self.phone.wake(due)
            seen += [(due, effect) for effect in self.do()]
        self.now = when
        return seen


def test_it_dials_greets_and_says_where_it_is() -> None:
    bench = Bench()
    bench.phone.join("tea", 4, 0.0)
    bench.phone.start(0.0)
    assert bench.do() == [Dial(SERVER)]
    bench.phone.opened(SERVER, "there", 0.1)
    (hello,) = bench.said(bench.do())
    assert isinstance(hello, Hello)
    assert (hello.name, len(hello.key)) == ("ann", 32)
    assert bench.said(bench.hear(WELCOME)) == [Join("tea", 4)]


def test_nothing_is_sent_before_welcome() -> None:
    bench = Bench()
    bench.phone.send(note("tea", "ann", 1), 0.0)
    assert bench.do() == []
    assert bench.said(bench.connect())[0] == replace(note("tea", "ann", 1), audio=note("tea", "ann", 1).audio[:1000])


def test_a_long_note_goes_out_as_the_transport_drains() -> None:
    bench = Bench()
    bench.connect()
    long = note("tea", "ann", 1, size=4500)
    bench.phone.send(long, 0.0)
    said = bench.said(bench.do())
    assert len(said) == 1, "one chunk fills the transport"
    while len(said) < 5:
        bench.phone.backlog(SERVER, 0, 0.0)
        more = bench.said(bench.do())
        assert more, "a drained transport takes the next piece"
        said += more
    assert said == list(split(long, 1000))


def test_after_a_cut_it_asks_what_arrived_and_sends_the_rest() -> None:
    bench = Bench()
    bench.connect()
    long = note("tea", "ann", 1, size=4500)
    bench.phone.send(long, 0.0)
    for _ in range(5):
        bench.phone.backlog(SERVER, 0, 0.0)
    bench.do()
    bench.phone.closed(SERVER, "cut", 1.0)
    bench.wake_until(10.0)
    bench.phone.opened(SERVER, "there", 10.0)
    bench.do()
    assert bench.said(bench.hear(WELCOME)) == [replace(long, audio=b"")]
    assert bench.said(bench.hear(Received(long.id, 3000))) == [Chunk(long.id, 3000, long.audio[3000:4000])]


def test_an_unanswered_short_note_is_sent_again_whole() -> None:
    bench = Bench()
    bench.connect()
    short = note("tea", "ann", 1, size=800)
    bench.phone.send(short, 0.0)
    assert bench.said(bench.do()) == [short]
    bench.phone.closed(SERVER, "cut", 1.0)
    bench.wake_until(10.0)
    bench.phone.opened(SERVER, "there", 10.0)
    bench.do()
    assert bench.said(bench.hear(WELCOME)) == [short]
    bench.hear(Ack(short.id, "tea", 7))
    assert bench.events[-1] == Sent(short.id, "tea", 7)
    assert bench.phone.unsent == 0


@pytest.mark.parametrize("fault", ["peer", "server"])
def test_a_refused_note_is_tried_again_only_when_it_is_the_servers_fault(fault: str) -> None:
    bench = Bench()
    bench.connect()
    short = note("tea", "ann", 1, size=800)
    bench.phone.send(short, 0.0)
    bench.hear(Refused(short.id, fault, "no room"))
    again = [message for _, effect in bench.wake_until(29.0) for message in bench.said([effect])]
    if fault == "peer":
        assert (again, bench.events[-1]) == ([], Failed(short.id, "peer", "no room"))
    else:
        assert again == [short]
        assert not any(isinstance(event, Failed) for event in bench.events)


def test_what_the_server_does_not_keep_fails_before_a_byte_is_sent() -> None:
    bench = Bench()
    bench.phone.send(note("tea", "ann", 1), bench.now)  # of Opus, and no Welcome yet
    bench.connect()
    assert not bench.events or not isinstance(bench.events[-1], Failed), "a server that names none keeps any"
    bench.phone.closed(SERVER, "cut", bench.now)
    bench.wake_until(60)
    bench.phone.opened(SERVER, "there", bench.now)
    bench.do()
    picky = replace(WELCOME, codecs=("aac", "mp3"))
    assert bench.said(bench.hear(picky)) == [], "not even what had begun"
    bench.phone.send(note("tea", "ann", 2), bench.now)
    assert bench.said(bench.do()) == []
    failed = [event for event in bench.events if isinstance(event, Failed)]
    assert [event.about for event in failed] == [note("tea", "ann", 1).id, note("tea", "ann", 2).id]
    assert {(event.fault, event.why) for event in failed} == {("peer", "this server does not keep opus, only aac, mp3")}
    bench.phone.send(replace(note("tea", "ann", 3), codec="mp3"), bench.now)
    assert len(bench.said(bench.do())) > 0
    assert bench.phone.unsent == 1


def test_a_refused_session_is_not_tried_again() -> None:
    bench = Bench()
    bench.phone.start(0.0)
    bench.phone.opened(SERVER, "there", 0.0)
    bench.do()
    bench.hear(Refused("", "peer", "the name is taken"))
    assert bench.events[-1] == Rejected("the name is taken")
    assert bench.phone.wake_at() is None


def test_tries_are_spread_and_grow_to_a_limit() -> None:
    bench = Bench()
    bench.phone.start(0.0)
    waits = []
    for _ in range(12):
        bench.phone.closed(SERVER, "nobody answers", bench.now)
        bench.do()
        lost = bench.events[-1]
        assert isinstance(lost, Lost)
        waits.append(lost.retry)
        dialled = bench.wake_until(bench.now + lost.retry)
        assert [effect for _, effect in dialled] == [Dial(SERVER)]
    limits = [min(8.0, 0.25 * 2**attempt) for attempt in range(12)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True)), waits
    assert len(set(waits)) == 12, "jitter makes each wait another"


@given(st.integers(0, 10_000), st.integers(0, 99))
def test_backoff_never_exceeds_its_most(attempt: int, seed: int) -> None:
    assert 0 < Backoff()(attempt, Random(seed)) <= Backoff().most


def test_a_silent_phone_speaks_every_heartbeat_and_leaves_a_silent_server() -> None:
    bench = Bench()
    bench.connect()
    seen = bench.wake_until(59.9)
    assert [(at, effect) for at, effect in seen] == [(30.0, Send(SERVER, Ping()))]
    assert [type(effect) for _, effect in bench.wake_until(60.0)] == [Close]
    assert isinstance(bench.events[-1], Lost)


def test_a_heartbeat_that_is_answered_keeps_the_line() -> None:
    bench = Bench()
    bench.connect()
    for beat in range(1, 20):
        bench.wake_until(30.0 * beat)
        bench.hear(Pong())
    assert not any(isinstance(event, Lost) for event in bench.events)


def test_no_welcome_is_a_lost_try() -> None:
    bench = Bench()
    bench.phone.start(0.0)
    bench.phone.opened(SERVER, "there", 0.0)
    bench.do()
    assert [type(effect) for _, effect in bench.wake_until(10.0)] == [Close]


def numbered(sequence: int, size: int = 500) -> VoiceMessage:
    return replace(note("tea", "bob", sequence, size=size), sequence=sequence)


def test_notes_are_delivered_once_in_order_and_a_gap_is_asked_for() -> None:
    bench = Bench()
    bench.phone.join("tea", 0, 0.0)
    bench.connect()
    bench.hear(Joined("tea", 0, 3))
    assert bench.said(bench.hear(numbered(1), numbered(1), numbered(3))) == [Join("tea", 1)]
    bench.hear(numbered(2))  # belongs to the Join before
    bench.hear(Joined("tea", 1, 3), numbered(2), numbered(3))
    assert [event.note.sequence for event in bench.events if isinstance(event, Arrived)] == [1, 2, 3]


def test_half_a_note_is_forgotten_with_its_connection() -> None:
    bench = Bench()
    bench.phone.join("tea", 0, 0.0)
    bench.connect()
    pieces = list(split(numbered(1, size=2500), 1000))
    bench.hear(Joined("tea", 0, 1), *pieces[:2])
    bench.phone.closed(SERVER, "cut", 1.0)
    bench.wake_until(10.0)
    bench.phone.opened(SERVER, "there", 10.0)
    bench.do()
    assert bench.said(bench.hear(WELCOME)) == [Join("tea", 0)]
    bench.hear(pieces[2], Joined("tea", 0, 1), *pieces)
    assert [event.note for event in bench.events if isinstance(event, Arrived)] == [numbered(1, size=2500)]
    assert len([event for event in bench.events if isinstance(event, Notice)]) == 2


@pytest.mark.parametrize(
    "word", [Hello("x"), Join("tea"), PeerError("not a message"), Joined("milk", 0, 0)], ids=lambda word: repr(word)
)
def test_a_server_that_breaks_the_protocol_is_left(word: Message | PeerError) -> None:
    bench = Bench()
    bench.connect()
    assert [type(effect) for effect in bench.hear(word)] == [Close]
    assert isinstance(bench.events[-1], Lost)


def test_an_application_that_misuses_the_phone_is_told() -> None:
    bench = Bench()
    whole = note("tea", "ann", 1)
    bench.phone.send(whole, 0.0)
    bench.phone.join("tea", 0, 0.0)
    misuses: tuple[Callable[[], None], ...] = (
        lambda: bench.phone.send(whole, 0.0),
        lambda: bench.phone.send(replace(note("tea", "ann", 2), audio=b"half"), 0.0),
        lambda: bench.phone.join("tea", 0, 0.0),
    )
    for misuse in misuses:
        with pytest.raises(UsageError):
            misuse()
