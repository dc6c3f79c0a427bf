"""What one phone gave and was told on a bad day, and the law that all who saw the notes must keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from imlab.client.events import Arrived, Connected, Event, Lost, Sent
from imlab.wire.messages import VoiceMessage

AHEAD = 12  # notes that may be unacknowledged


class Tally:
    """Notes to give, a few ahead of the acknowledgements, and what became of them; ``give`` hands one to a phone."""

    def __init__(self, notes: Sequence[VoiceMessage] = ()) -> None:
        self.acknowledged: dict[str, int] = {}
        self.heard: list[VoiceMessage] = []
        self.ups_and_downs: list[Event] = []
        self._waiting, self._given = list(reversed(notes)), 0

    def talk(self, give: Callable[[VoiceMessage], None]) -> None:
        """Give what may be given."""
        while self._waiting and self._given - len(self.acknowledged) < AHEAD:
            self._given += 1
            give(self._waiting.pop())

    def hear(self, event: Event) -> None:
        """Write it down."""
        match event:
            case Sent():
                assert event.id not in self.acknowledged, f"{event} was acknowledged before"
                self.acknowledged[event.id] = event.sequence
            case Arrived():
                self.heard.append(event.note)
            case Connected() | Lost():
                self.ups_and_downs.append(event)
            case _:
                pass


def check(
    given: Sequence[VoiceMessage], acknowledged: Mapping[str, int], witnesses: Mapping[str, Sequence[VoiceMessage]]
) -> None:
    """Each witness saw each note once, in the order and with the bytes in which it was given."""
    expected = [(place, note.id, digest(note)) for place, note in enumerate(given, start=1)]
    assert len({data for _, _, data in expected}) == len(given), "two notes with the same bytes would hide a mistake"
    for who, notes in witnesses.items():
        assert [(note.sequence, note.id, digest(note)) for note in notes] == expected, who
    assert acknowledged == {note: place for place, note, _ in expected}


def digest(note: VoiceMessage) -> str:
    """Of the sound."""
    assert note.whole, note
    return sha256(note.audio).hexdigest()
