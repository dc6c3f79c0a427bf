"""What client and server promise together, as scenarios that run over any driver: the virtual world and real sockets.

A scenario is a coroutine over a Place. In the virtual place ``until`` lets simulated events happen; over sockets it
waits. A driver that passes the table is a driver; one that needs a scenario of its own has begun to decide things.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Protocol

from imlab.client.events import Arrived, Connected, Event, Failed, Listening, Lost, Notice, Piece, Rejected, Sent
from imlab.server.terms import Terms
from imlab.wire.messages import PacketLayout, VoiceMessage


class Handset(Protocol):
    """A phone and what it was told."""

    events: list[Event]

    def send(self, note: VoiceMessage) -> None: ...

    def join(self, room: str, after: int | None = None) -> None: ...


class Place(Protocol):
    """A server, a network, and phones."""

    def phone(self, name: str, seed: int = 0) -> Handset:
        """A started phone."""
        ...

    async def until(self, done: Callable[[], bool]) -> None:
        """Let things happen; AssertionError when nothing makes it true."""
        ...

    async def settle(self) -> None:
        """Let everything that is under way end."""
        ...

    def cut(self, name: str) -> None:
        """Cut one phone's connection."""
        ...

    async def crash(self, terms: Terms | None = None) -> None:
        """Kill the server and start another over the same store, on these terms if they are given."""
        ...


def note(room: str, sender: str, number: int, size: int = 2000) -> VoiceMessage:
    """A note whose bytes, id and layout follow from its number."""
    random = Random(f"{sender} {number}")
    audio = random.randbytes(size)
    sizes = tuple([100] * (size // 100) + ([size % 100] if size % 100 else []))
    return VoiceMessage(
        id=f"{random.getrandbits(128):032x}",
        sender=sender,
        room=room,
        timestamp_ms=1_700_000_000_000 + number,
        duration_ms=20 * len(sizes),
        codec="opus",
        layout=PacketLayout(16_000, 104, 320 * len(sizes) - 104, 320, sizes),
        size=size,
        audio=audio,
        waveform=bytes(range(64)),
    )


def told(handset: Handset, kind: type) -> list[Event]:
    """The events of one kind."""
    return [event for event in handset.events if isinstance(event, kind)]


def arrived(handset: Handset) -> list[VoiceMessage]:
    """The notes that came, as they came."""
    return [event.note for event in handset.events if isinstance(event, Arrived)]


def sent(handset: Handset) -> dict[str, int]:
    """What was acknowledged: id -> sequence."""
    return {event.id: event.sequence for event in handset.events if isinstance(event, Sent)}


async def listening(place: Place, *handsets: Handset) -> None:
    """Wait until each stands in its room."""
    await place.until(lambda: all(told(handset, Listening) for handset in handsets))


async def one_note_arrives_as_it_was_sent(place: Place) -> None:
    ann, bob = place.phone("ann"), place.phone("bob")
    bob.join("tea")
    await listening(place, bob)
    first = note("tea", "ann", 1)
    ann.send(first)
    await place.until(lambda: bool(sent(ann) and arrived(bob)))
    assert sent(ann) == {first.id: 1}
    assert arrived(bob) == [replace(first, sequence=1)]


async def a_late_listener_gets_what_it_missed_in_order(place: Place) -> None:
    ann = place.phone("ann")
    notes = [note("tea", "ann", number) for number in range(12)]
    for each in notes:
        ann.send(each)
    await place.until(lambda: len(sent(ann)) == 12)
    bob = place.phone("bob")
    bob.join("tea", after=4)
    await place.until(lambda: len(arrived(bob)) == 8)
    assert arrived(bob) == [replace(each, sequence=i + 1) for i, each in enumerate(notes)][4:]


async def every_listener_sees_one_order(place: Place) -> None:
    listeners = [place.phone(f"ear{i}") for i in range(3)]
    for listener in listeners:
        listener.join("tea", after=0)
    senders = [place.phone(f"mouth{i}") for i in range(3)]
    for number in range(10):
        for i, sender in enumerate(senders):
            sender.send(note("tea", f"mouth{i}", number))
    await place.until(lambda: all(len(arrived(listener)) == 30 for listener in listeners))
    orders = [[each.id for each in arrived(listener)] for listener in listeners]
    assert orders[0] == orders[1] == orders[2]
    assert [each.sequence for each in arrived(listeners[0])] == list(range(1, 31))
    for i in range(3):
        mine = [each.id for each in arrived(listeners[0]) if each.sender == f"mouth{i}"]
        assert mine == [note("tea", f"mouth{i}", number).id for number in range(10)], "a sender's order is kept"


async def a_note_sent_twice_is_stored_once(place: Place) -> None:
    bob = place.phone("bob")
    bob.join("tea", after=0)
    once = note("tea", "ann", 1)
    ann = place.phone("ann", seed=1)
    ann.send(once)
    await place.until(lambda: bool(sent(ann)))
    ann.send(once)
    ann.send(note("tea", "ann", 2))
    await place.until(lambda: len(told(ann, Sent)) == 3 and len(arrived(bob)) == 2)
    assert sent(ann)[once.id] == 1
    assert [each.sequence for each in arrived(bob)] == [1, 2]


async def a_long_note_comes_in_pieces(place: Place) -> None:
    ann, bob = place.phone("ann"), place.phone("bob")
    bob.join("tea", after=0)
    long = note("tea", "ann", 1, size=300_000)
    ann.send(long)
    await place.until(lambda: bool(arrived(bob)))
    assert arrived(bob) == [replace(long, sequence=1)]
    begun = next(event for event in bob.events if isinstance(event, Notice))
    pieces = [event.audio for event in bob.events if isinstance(event, Piece)]
    assert begun.note.audio + b"".join(pieces) == long.audio
    assert len(pieces) >= 4


async def a_cut_in_the_middle_is_healed(place: Place) -> None:
    ann, bob = place.phone("ann"), place.phone("bob")
    bob.join("tea", after=0)
    notes = [note("tea", "ann", number, size=150_000) for number in range(6)]
    for each in notes:
        ann.send(each)
    await place.until(lambda: len(arrived(bob)) >= 2)
    place.cut("ann")
    await place.until(lambda: len(arrived(bob)) >= 4)
    place.cut("bob")
    await place.until(lambda: len(arrived(bob)) == 6 and len(sent(ann)) == 6)
    await place.settle()
    assert arrived(bob) == [replace(each, sequence=i + 1) for i, each in enumerate(notes)]


async def a_crash_loses_nothing_acknowledged(place: Place) -> None:
    ann, bob = place.phone("ann"), place.phone("bob")
    bob.join("tea", after=0)
    notes = [note("tea", "ann", number) for number in range(40)]
    for each in notes[:20]:
        ann.send(each)
    await place.until(lambda: len(sent(ann)) >= 5)
    known = dict(sent(ann))
    await place.crash()
    for each in notes[20:]:
        ann.send(each)
    await place.until(lambda: len(sent(ann)) == 40 and len(arrived(bob)) == 40)
    assert told(ann, Lost)
    assert len(told(ann, Connected)) >= 2
    assert [each.id for each in arrived(bob)] == [each.id for each in notes]
    assert {each.id: each.sequence for each in arrived(bob)} == sent(ann)
    assert all(sent(ann)[key] == sequence for key, sequence in known.items())


async def a_taken_name_is_refused(place: Place) -> None:
    first = place.phone("ann", seed=1)
    await place.until(lambda: bool(told(first, Connected)))
    second = place.phone("ann", seed=2)
    await place.until(lambda: bool(told(second, Rejected)))
    assert not told(second, Connected)
    assert not told(first, Lost)


async def the_future_cannot_be_listened_to(place: Place) -> None:
    bob = place.phone("bob")
    bob.join("tea", after=7)
    await place.until(lambda: bool(told(bob, Failed)))
    failed = told(bob, Failed)[0]
    assert isinstance(failed, Failed)
    assert (failed.about, failed.fault) == ("tea", "peer")
    assert "future" in failed.why


async def nobody_sends_in_anothers_name(place: Place) -> None:
    ann = place.phone("ann")
    ann.send(note("tea", "mallory", 1))
    ann.send(note("tea", "ann", 2))
    await place.until(lambda: bool(told(ann, Failed) and sent(ann)))
    assert list(sent(ann).values()) == [1], "the refused note took no place"


async def rooms_do_not_mix(place: Place) -> None:
    ann, bob, eve = place.phone("ann"), place.phone("bob"), place.phone("eve")
    bob.join("tea", after=0)
    eve.join("milk", after=0)
    for number in range(6):
        ann.send(note("tea" if number % 2 else "milk", "ann", number))
    await place.until(lambda: len(arrived(bob)) == 3 and len(arrived(eve)) == 3)
    assert {each.room for each in arrived(bob)} == {"tea"}
    assert [each.sequence for each in arrived(eve)] == [1, 2, 3]


async def what_a_server_does_not_keep_fails_and_the_rest_goes_on(place: Place) -> None:
    bob = place.phone("bob")
    bob.join("tea", after=0)
    await listening(place, bob)
    await place.crash(Terms(codecs=("pcm", "aac")))
    ann = place.phone("ann")
    early, late = note("tea", "ann", 1), note("tea", "ann", 3, size=300_000)
    kept = [replace(note("tea", "ann", number), codec="aac") for number in (2, 4)]
    ann.send(early)  # before any Welcome
    ann.send(kept[0])
    await place.until(lambda: bool(sent(ann)))
    ann.send(late)
    ann.send(kept[1])
    await place.until(lambda: len(arrived(bob)) == 2)
    failed = [event for event in ann.events if isinstance(event, Failed)]
    assert [(event.about, event.fault) for event in failed] == [(early.id, "peer"), (late.id, "peer")]
    assert all("opus" in event.why and "pcm, aac" in event.why for event in failed)
    assert arrived(bob) == [replace(each, sequence=i + 1) for i, each in enumerate(kept)]


Scenario = Callable[[Place], Awaitable[None]]
SCENARIOS: tuple[Scenario, ...] = (
    one_note_arrives_as_it_was_sent,
    a_late_listener_gets_what_it_missed_in_order,
    every_listener_sees_one_order,
    a_note_sent_twice_is_stored_once,
    a_long_note_comes_in_pieces,
    a_cut_in_the_middle_is_healed,
    a_crash_loses_nothing_acknowledged,
    a_taken_name_is_refused,
    the_future_cannot_be_listened_to,
    nobody_sends_in_anothers_name,
    rooms_do_not_mix,
    what_a_server_does_not_keep_fails_and_the_rest_goes_on,
)
