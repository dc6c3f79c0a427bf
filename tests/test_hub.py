"""The hub alone: what it answers to each word, whom it drops, and what it holds back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imlab.errors import DoorError, PeerError
from imlab.server.doors import Committed, Page, Unacceptable
from imlab.server.hub import Hub
from imlab.server.terms import Terms
from imlab.wire.effects import Answer, Broadcast, Close, Effect, Load, Send, Store
from imlab.wire.messages import (
    Ack,
    Chunk,
    File,
    Hello,
    Join,
    Joined,
    Message,
    PacketLayout,
    Ping,
    Pong,
    Received,
    Refused,
    Welcome,
)
from tests.conformance import note

TERMS = Terms(chunk=1000, note=10_000, unfinished=2, backlog=5000, codecs=("opus", "aac"))


class Bench:
    """A hub whose effects are kept for reading."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.hub = Hub(terms)
        self.now = 0.0

    def do(self) -> list[Effect]:
        return self.hub.outbox()

    def greet(self, name: str, key: str = "") -> str:
        peer = f"{name} {key} {self.now}"
        self.hub.opened(peer, "here", self.now)
        self.hub.receive(peer, Hello(name, key), self.now)
        return peer

    def say(self, peer: str, *messages: Message | PeerError) -> list[Effect]:
        self.do()
        for message in messages:
            self.hub.receive(peer, message, self.now)
        return self.do()

    def listen(self, name: str, head: int = 0) -> str:
        """A live member of room tea, whose head the store says."""
        peer = self.greet(name)
        for effect in self.say(peer, Join("tea")):
            if isinstance(effect, Load):
                self.hub.stored(effect.ticket, Page((), head), self.now)
        self.do()
        return peer


def refusals(effects: list[Effect]) -> list[Refused]:
    return [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, Refused)]


def ticket(effects: list[Effect]) -> int:
    return next(effect.ticket for effect in effects if isinstance(effect, Store | Load))


def test_hello_is_answered_with_the_terms() -> None:
    bench = Bench()
    peer = bench.greet("ann")
    assert bench.do() == [Send(peer, Welcome("server", 1000, 10_000, 30_000, ("opus", "aac")))]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (Join("tea"), "before Hello"),
        (note("tea", "ann", 1), "before Hello"),
        (Hello("ann", version=9), "version 9"),
        (PeerError("not a message: ff"), "not a message"),
    ],
    ids=repr,
)
def test_a_bad_first_word_ends_the_session_and_says_why(word: Message | PeerError, why: str) -> None:
    bench = Bench()
    bench.hub.opened("p", "here", 0)
    effects = bench.say("p", word)
    assert [refused.fault for refused in refusals(effects)] == ["peer"]
    assert why in refusals(effects)[0].why
    assert isinstance(effects[-1], Close)
    assert bench.say("p", Ping()) == [], "a closed peer is not heard"


@pytest.mark.parametrize("word", [Welcome("x", 1, 1, 1), Ack("0" * 32, "tea", 1), Joined("tea", 0, 0)], ids=repr)
def test_a_client_does_not_speak_for_the_server(word: Message) -> None:
    bench = Bench()
    effects = bench.say(bench.greet("ann"), word)
    assert "server's word" in refusals(effects)[0].why


BAD_NOTES = {
    "too long": replace(note("tea", "ann", 1, size=10_001), audio=b""),
    "in another's name": note("tea", "bob", 1),
    "with a sequence": replace(note("tea", "ann", 1), sequence=5),
    "of a codec that is not kept": replace(note("tea", "ann", 1), codec="speex"),
}


@pytest.mark.parametrize("name", BAD_NOTES)
def test_a_bad_note_is_refused_and_the_session_lives(name: str) -> None:
    bench = Bench()
    peer = bench.greet("ann")
    bad = BAD_NOTES[name]
    effects = bench.say(peer, bad)
    assert [(refused.about, refused.fault) for refused in refusals(effects)] == [(bad.id, "peer")]
    assert bench.say(peer, Ping(3)) == [Send(peer, Pong(3))]


def test_nothing_is_acknowledged_or_broadcast_before_the_store_has_spoken() -> None:
    bench = Bench()
    ear, mouth = bench.listen("bob"), bench.greet("ann")
    sent = note("tea", "ann", 1, size=900)
    effects = bench.say(mouth, sent)
    assert effects == [Store(ticket(effects), sent)]
    bench.hub.stored(ticket(effects), Committed(1), 1.0)
    assert bench.do() == [Send(mouth, Ack(sent.id, "tea", 1)), Broadcast((ear,), replace(sent, sequence=1))]


@pytest.mark.parametrize(("error", "fault"), [(DoorError("disk full"), "server"), (PeerError("taken"), "peer")])
def test_what_the_store_refuses_is_refused_with_whose_fault_it_is(error: Exception, fault: str) -> None:
    bench = Bench()
    bench.listen("bob")
    mouth = bench.greet("ann")
    sent = note("tea", "ann", 1, size=900)
    bench.hub.stored(ticket(bench.say(mouth, sent)), error, 1.0)
    effects = bench.do()
    assert effects == [Send(mouth, Refused(sent.id, fault, str(error)))]


def test_a_note_that_waits_for_the_store_is_not_stored_twice() -> None:
    bench = Bench()
    sent = note("tea", "ann", 1, size=900)
    first = bench.greet("ann", key="k")
    asked = ticket(bench.say(first, sent))
    bench.now = 5.0
    second = bench.greet("ann", key="k")
    assert not [e for e in bench.say(second, sent) if isinstance(e, Store)]
    bench.hub.stored(asked, Committed(1), 6.0)
    assert bench.do() == [Send(second, Ack(sent.id, "tea", 1))], "the first connection is gone, the second is told"


def test_a_duplicate_is_acknowledged_but_not_broadcast() -> None:
    bench = Bench()
    bench.listen("bob", head=4)
    mouth = bench.greet("ann")
    sent = note("tea", "ann", 1, size=900)
    bench.hub.stored(ticket(bench.say(mouth, sent)), Committed(2, duplicate=True), 1.0)
    assert bench.do() == [Send(mouth, Ack(sent.id, "tea", 2))]


def test_an_unfinished_upload_goes_on_where_it_stopped() -> None:
    bench = Bench()
    whole = note("tea", "ann", 1, size=2500)
    first = bench.greet("ann", key="k")
    bench.say(first, replace(whole, audio=whole.audio[:1000]), Chunk(whole.id, 1000, whole.audio[1000:2000]))
    bench.hub.closed(first, "cut", 1.0)
    bench.now = 30.0
    second = bench.greet("ann", key="k")
    assert bench.say(second, replace(whole, audio=b"")) == [Send(second, Received(whole.id, 2000))]
    effects = bench.say(second, Chunk(whole.id, 2000, whole.audio[2000:]))
    assert effects == [Store(ticket(effects), whole)]


def test_an_abandoned_upload_is_forgotten() -> None:
    bench = Bench()
    whole = note("tea", "ann", 1, size=2500)
    first = bench.greet("ann", key="k")
    bench.say(first, replace(whole, audio=whole.audio[:1000]))
    bench.hub.closed(first, "cut", 1.0)
    while (due := bench.hub.wake_at()) is not None:
        bench.now = due
        bench.hub.wake(due)
    assert bench.now <= 2 * TERMS.keep
    second = bench.greet("ann", key="k")
    assert bench.say(second, replace(whole, audio=b"")) == [Send(second, Received(whole.id, 0))]


def test_another_client_cannot_touch_an_upload() -> None:
    bench = Bench()
    whole = note("tea", "ann", 1, size=2500)
    ann, eve = bench.greet("ann"), bench.greet("eve")
    bench.say(ann, replace(whole, audio=whole.audio[:1000]))
    for attack in (
        Chunk(whole.id, 1000, b"x" * 1000),
        replace(whole, sender="eve", audio=b""),
        replace(whole, sender="eve", size=10, layout=replace(whole.layout, sizes=(10,)), audio=b""),
    ):
        assert refusals(bench.say(eve, attack)), attack
    assert bench.say(ann, Chunk(whole.id, 1000, whole.audio[1000:2000])) == [Send(ann, Received(whole.id, 2000))]


def test_one_client_has_a_limit_of_unfinished_notes() -> None:
    bench = Bench()
    ann = bench.greet("ann")
    begun = [replace(each, audio=b"") for each in (note("tea", "ann", i, size=2500) for i in range(3))]
    effects = bench.say(ann, *begun)
    assert [refused.about for refused in refusals(effects)] == [begun[2].id]


def test_silence_ends_a_session_and_a_heartbeat_keeps_it() -> None:
    bench = Bench()
    quiet, lively = bench.greet("quiet"), bench.greet("lively")
    bench.hub.opened("nameless", "here", 0.0)
    dropped: dict[str, float] = {}
    while bench.now < 200:
        due = bench.hub.wake_at()
        assert due is not None
        bench.now = due
        bench.hub.wake(due)
        dropped |= {effect.peer: bench.now for effect in bench.do() if isinstance(effect, Close)}
        bench.say(lively, Ping())
    assert TERMS.dead <= dropped[quiet] <= TERMS.dead + TERMS.greeting
    assert TERMS.greeting <= dropped["nameless"] <= 2 * TERMS.greeting
    assert lively not in dropped


def test_a_member_with_a_full_transport_is_fed_from_the_store_when_it_drains() -> None:
    bench = Bench()
    slow, fast, mouth = bench.listen("slow"), bench.listen("fast"), bench.greet("ann")
    bench.hub.backlog(slow, TERMS.backlog + 1, bench.now)
    sent = [note("tea", "ann", i, size=900) for i in range(3)]
    for sequence, each in enumerate(sent, 1):
        bench.hub.stored(ticket(bench.say(mouth, each)), Committed(sequence), bench.now)
    assert {e.peers for e in bench.do() if isinstance(e, Broadcast)} == {(fast,)}
    bench.hub.backlog(slow, 0, bench.now)
    effects = bench.do()
    assert effects == [Load(ticket(effects), "tea", 0, TERMS.page)]
    page = tuple(replace(each, sequence=i) for i, each in enumerate(sent, 1))
    bench.hub.stored(ticket(effects), Page(page, 3), bench.now)
    assert bench.do() == [Send(slow, each) for each in page]


def test_a_note_committed_while_a_page_is_read_is_not_missed() -> None:
    bench = Bench()
    ear, mouth = bench.greet("bob"), bench.greet("ann")
    asked = ticket(bench.say(ear, Join("tea", 0)))
    sent = note("tea", "ann", 1, size=900)
    bench.hub.stored(ticket(bench.say(mouth, sent)), Committed(1), bench.now)
    assert not [e for e in bench.do() if isinstance(e, Broadcast)]
    bench.hub.stored(asked, Page((), 0), bench.now)  # it was read before the commit
    effects = bench.do()
    assert Send(ear, Joined("tea", 0, 1)) in effects
    assert [e.after for e in effects if isinstance(e, Load)] == [0]


def test_a_store_that_cannot_read_is_the_servers_fault() -> None:
    bench = Bench()
    ear = bench.greet("bob")
    bench.hub.stored(ticket(bench.say(ear, Join("tea", 0))), DoorError("disk gone"), bench.now)
    effects = bench.do()
    assert refusals(effects) == [Refused("tea", "server", "disk gone")]
    assert Close(ear, "disk gone") in effects


FILE = File("ab" * 32, 9_000, "audio/ogg")
FILED = replace(note("tea", "ann", 1), layout=PacketLayout(), size=0, audio=b"", file=FILE)


def test_a_posted_note_is_stored_broadcast_and_answered_once_each() -> None:
    bench = Bench()
    ear = bench.listen("ear")
    bench.hub.post("http 1", FILED, 0)
    bench.hub.post("http 2", FILED, 0)  # the same, sent again before the store has spoken
    (store,) = bench.do()
    assert isinstance(store, Store)
    bench.hub.stored(store.ticket, Committed(1), 0)
    assert bench.do() == [
        Answer("http 1", Committed(1)),
        Answer("http 2", Committed(1)),
        Broadcast((ear,), replace(FILED, sequence=1)),
    ]


def test_who_posts_hears_what_the_store_refuses() -> None:
    bench = Bench()
    bench.hub.post("http 1", FILED, 0)
    (store,) = bench.do()
    assert isinstance(store, Store)
    full = DoorError("the disk is full")
    bench.hub.stored(store.ticket, full, 0)
    assert bench.do() == [Answer("http 1", full)]


@pytest.mark.parametrize("other", [{"sender": "eve"}, {"room": "hall"}, {"file": File("cd" * 32, 9_000, "audio/ogg")}])
def test_an_id_under_way_is_not_given_to_another_note(other: dict[str, Any]) -> None:
    bench = Bench()
    bench.hub.post("http 1", FILED, 0)
    bench.do()
    bench.hub.post("http 2", replace(FILED, **other), 0)
    (answer,) = bench.do()
    assert isinstance(answer, Answer)
    assert answer.asker == "http 2"
    assert isinstance(answer.result, PeerError)


def test_a_posted_note_of_a_codec_that_is_not_kept_is_refused() -> None:
    bench = Bench()
    bench.hub.post("http 1", replace(FILED, codec="mp3"), 0)
    (answer,) = bench.do()
    assert isinstance(answer, Answer)
    assert isinstance(answer.result, Unacceptable)
    assert answer.result.kind == "type"


def test_a_file_does_not_come_by_word_of_a_session() -> None:
    bench = Bench()
    ann = bench.greet("ann")
    (refused,) = bench.say(ann, replace(FILED, sender="ann"))
    assert isinstance(refused, Send)
    assert isinstance(refused.message, Refused)
    assert refused.message.fault == "peer"
