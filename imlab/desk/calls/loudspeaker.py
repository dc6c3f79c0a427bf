"""Notes aloud, one after the other, each from its first bytes on: a thread that decodes and plays."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

from imlab.audio.speaker import Speaker
from imlab.client.player import Player
from imlab.desk.calls.calling import say
from imlab.errors import DoorError, PeerError
from imlab.wire.messages import VoiceMessage

BLOCK = 4096  # samples to the device at once: Ctrl-C waits for so many


class Loudspeaker:
    """Give it notes and their pieces in the order in which they come; leaving it waits until the last has sounded."""

    def __init__(self) -> None:
        with Speaker(48_000):  # whoever cannot play wants to know now
            self._given: SimpleQueue[VoiceMessage | bytes | None] = SimpleQueue()
        self._silent = False
        self._trouble: DoorError | None = None
        self._thread = Thread(target=self._run, name="loudspeaker", daemon=True)
        self._thread.start()

    def begin(self, note: VoiceMessage) -> None:
        """A note has begun to arrive."""
        self._given.put(note)

    def feed(self, audio: bytes) -> None:
        """More of it."""
        self._given.put(audio)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._silent = kind is not None
        self._given.put(None)
        self._thread.join()
        if self._trouble and not error:
            raise self._trouble

    def _run(self) -> None:
        try:
            given = self._given.get()
            while given is not None:
                given = self._play(given) if isinstance(given, VoiceMessage) else self._given.get()
        except DoorError as error:
            self._trouble = error

    def _play(self, note: VoiceMessage) -> VoiceMessage | bytes | None:
        """One note; what came after it."""
        try:
            return self._aloud(_player(note), note)
        except PeerError as error:  # one odd note does not end the listening
            say(f"note {note.sequence} is not played: {error}")
            return self._given.get()

    def _aloud(self, player: Player, note: VoiceMessage) -> VoiceMessage | bytes | None:
        with Speaker(player.rate) as speaker:
            given: VoiceMessage | bytes | None = note.audio
            while isinstance(given, bytes) and not self._silent:
                player.feed(given)
                while len(sound := player.take(BLOCK)) and not self._silent:
                    speaker.play(sound)
                given = self._given.get()
        return None if self._silent else given


def _player(note: VoiceMessage) -> Player:
    """Its player; a codec whose library is not here silences this note, not those after it."""
    try:
        return Player(note)
    except DoorError as error:
        raise PeerError(str(error)) from error
