"""A note in pieces: its beginning travels as a VoiceMessage, the rest of its audio as Chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imlab.errors import PeerError, UsageError
from imlab.wire.messages import Chunk, VoiceMessage


def split(note: VoiceMessage, chunk: int) -> tuple[VoiceMessage | Chunk, ...]:
    """A whole note in order: the head with the first ``chunk`` bytes of audio, then Chunks of at most so many."""
    if len(note.audio) == note.size <= chunk:
        return (note,)
    return (beginning(note, chunk), *rest(note, chunk, chunk))


def beginning(note: VoiceMessage, chunk: int) -> VoiceMessage:
    """The note with only the first ``chunk`` bytes of its audio."""
    return note if len(note.audio) <= chunk else replace(note, audio=note.audio[:chunk])


def rest(note: VoiceMessage, start: int, chunk: int) -> Iterator[Chunk]:
    """The audio from byte ``start`` on: how a sender goes on from what the server holds."""
    if chunk < 1 or not note.whole:
        raise UsageError(f"a whole note is cut into chunks of 1 byte or more, not {chunk} ({len(note.audio)} bytes)")
    for offset in range(start, note.size, chunk):
        yield Chunk(note.id, offset, note.audio[offset : offset + chunk])


class Assembly:
    """A note on its way in: what has come without a gap. It grows by what came, not by what was promised."""

    def __init__(self, head: VoiceMessage) -> None:
        self._head = head
        self._audio = bytearray(head.audio)

    @property
    def head(self) -> VoiceMessage:
        """The note's beginning, as it came."""
        return self._head

    @property
    def held(self) -> int:
        """Contiguous bytes so far."""
        return len(self._audio)

    @property
    def whole(self) -> bool:
        """Is all of the audio here?"""
        return self.held == self._head.size

    def add(self, offset: int, audio: bytes) -> int:
        """Take a piece, answer with the contiguous bytes held; what is here already, or after a gap, is not taken."""
        if offset < 0 or offset + len(audio) > self._head.size:
            end = offset + len(audio)
            raise PeerError(f"bytes {offset}..{end} of a note of {self._head.size} bytes: {self._head.id}")
        if offset <= self.held:
            self._audio += audio[self.held - offset :]
        return self.held

    def note(self) -> VoiceMessage:
        """The whole note."""
        if not self.whole:
            raise UsageError(f"note {self._head.id} has {self.held} of {self._head.size} bytes")
        return self._head if self._head.whole else replace(self._head, audio=bytes(self._audio))
