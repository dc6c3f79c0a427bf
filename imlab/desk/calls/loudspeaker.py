"""Notes aloud, one after the other, each from its first bytes on: a thread that decodes and plays."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from queue import SimpleQueue
from random import SystemRandom
from threading import Thread
from types import TracebackType
from typing import Self

from imlab.audio.clip import Samples
from imlab.audio.speaker import Speaker
from imlab.audio.tempo import Tempo
from imlab.client.player import Player
from imlab.client.playing.file_player import FilePlayer
from imlab.desk.calls.calling import say
from imlab.desk.calls.filing import target_of
from imlab.errors import DoorError, PeerError
from imlab.net.fetching.origin import Origin
from imlab.net.fetching.playing import play
from imlab.wire.messages import VoiceMessage

SOON = 0.2  # seconds until Ctrl-C ends what waits for the network
BLOCK = 4096  # samples to the device at once: Ctrl-C waits for so many


class Loudspeaker:
    """Give it notes and their pieces in the order in which they come; leaving it waits until the last has sounded.

    media: where notes are that are files; speed: 0.5 to 2.
    """

    def __init__(self, media: str, speed: float = 1.0) -> None:
        self._media, self._speed = media, speed
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
            if note.file:
                asyncio.run(self._file_aloud(note))
                return self._given.get()
            return self._aloud(_player(note), note)
        except PeerError as error:  # one odd note does not end the listening
            say(f"note {note.sequence} is not played: {error}")
            return self._given.get()

    def _aloud(self, player: Player, note: VoiceMessage) -> VoiceMessage | bytes | None:
        tempo = None if self._speed == 1 else Tempo(player.rate, self._speed)
        with Speaker(player.rate) as speaker:
            given: VoiceMessage | bytes | None = note.audio
            while isinstance(given, bytes) and not self._silent:
                player.feed(given)
                while len(sound := player.take(BLOCK)) and not self._silent:
                    speaker.play(tempo.push(sound) if tempo else sound)  # of nothing, too, while the tempo gathers
                given = self._given.get()
            if tempo and not self._silent:
                speaker.play(tempo.finish())
        return None if self._silent else given

    async def _file_aloud(self, note: VoiceMessage) -> None:
        """From its first page on, as it is fetched."""
        size = note.file.size if note.file else None
        player = FilePlayer(self._speed, size, note.duration_ms / 1000)
        with ExitStack() as room:
            speaker: Speaker | None = None

            async def hear(rate: int, sound: Samples) -> None:
                nonlocal speaker
                speaker = speaker or room.enter_context(Speaker(rate))
                await asyncio.to_thread(speaker.play, sound)

            async with Origin(self._media) as origin:
                playing = asyncio.create_task(play(player, target_of(note), origin, SystemRandom(), hear))
                while not (await asyncio.wait([playing], timeout=SOON))[0]:
                    if self._silent:
                        playing.cancel()
                if not playing.cancelled():
                    playing.result()


def _player(note: VoiceMessage) -> Player:
    """Its player; a codec whose library is not here silences this note, not those after it."""
    try:
        return Player(note)
    except DoorError as error:
        raise PeerError(str(error)) from error
