"""The intake: notes on their way in, from the first bytes until the store has answered.

A note is named by its sender's id. Sending it again, on this connection or the next, joins what is already under
way: an unfinished upload goes on where it stopped, a note that waits for the store gets one more listener for the
answer, and a note that is stored is found by the store itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from imlab.errors import PeerError
from imlab.server.doors import Unacceptable
from imlab.server.terms import Terms
from imlab.wire.messages import Chunk, VoiceMessage
from imlab.wire.pieces import Assembly


@dataclass(slots=True)
class Upload:
    """An unfinished note and whose it is."""

    name: str
    assembly: Assembly
    heard: float


@dataclass(slots=True)
class Pending:
    """A whole note that waits for the store; the peers to be told, and those who posted it without a connection."""

    note: VoiceMessage
    peers: list[str] = field(default_factory=list)
    askers: list[str] = field(default_factory=list)


class Intake:
    """Unfinished uploads and uncommitted notes."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._uploads: dict[str, Upload] = {}
        self._pending: dict[str, Pending] = {}

    def __len__(self) -> int:
        return len(self._uploads)

    def begin(self, name: str, peer: str, message: VoiceMessage, now: float) -> VoiceMessage | int | None:
        """The first bytes of a note: the whole note if that is all, else the bytes held; None if it already waits."""
        self._check(name, message)
        waiting = self._pending.get(message.id)
        if waiting:
            if peer not in waiting.peers:
                waiting.peers.append(peer)
            return None
        upload = self._uploads.get(message.id)
        if upload is None:
            self._room_for_one_more(name)
            if message.whole:
                return message
            upload = self._uploads[message.id] = Upload(name, Assembly(message), now)
        return self._grow(upload, 0, message.audio, now)

    def go_on(self, name: str, chunk: Chunk, now: float) -> VoiceMessage | int:
        """More of a note: the whole note if that was the last, else the bytes held."""
        upload = self._uploads.get(chunk.id)
        if upload is None or upload.name != name:
            raise PeerError(f"a chunk of a note that {name!r} has not begun")
        return self._grow(upload, chunk.offset, chunk.audio, now)

    def await_store(self, note: VoiceMessage, peer: str) -> None:
        """The note goes to the store; this peer wants to know."""
        self._pending[note.id] = Pending(note, [peer])

    def post(self, note: VoiceMessage, asker: str) -> bool:
        """A whole note goes to the store, and this asker wants to know; False: it is on its way there already."""
        self._check_codec(note)
        waiting = self._pending.get(note.id)
        if waiting is None:
            self._pending[note.id] = Pending(note, askers=[asker])
            return True
        if (waiting.note.sender, waiting.note.room, waiting.note.file) != (note.sender, note.room, note.file):
            raise PeerError(f"the id {note.id} belongs to another note")
        waiting.askers.append(asker)
        return False

    def settle(self, note_id: str) -> Pending:
        """The store has answered: who is to be told."""
        return self._pending.pop(note_id)

    def forget(self, name: str, note_id: str) -> None:
        """Drop an unfinished upload that was refused, if it is this client's."""
        upload = self._uploads.get(note_id)
        if upload and upload.name == name:
            del self._uploads[note_id]

    def expire(self, before: float) -> None:
        """Drop uploads not heard of since then, seconds on the core's clock."""
        for note_id in [i for i, upload in self._uploads.items() if upload.heard <= before]:
            del self._uploads[note_id]

    def _check(self, name: str, message: VoiceMessage) -> None:
        if message.sender != name:
            raise PeerError(f"{name!r} sent a note in the name of {message.sender!r}")
        if message.size > self._terms.note:
            raise PeerError(f"the note has {message.size} bytes of audio, the limit is {self._terms.note}")
        if message.file:
            raise PeerError("a note with a file comes over HTTP, where the file is")
        self._check_codec(message)
        if message.sequence:
            raise PeerError(f"the note came with sequence {message.sequence}: the server gives it")
        begun = self._begun(message.id)
        if begun and (begun.sender, begun.room, begun.size) != (name, message.room, message.size):
            raise PeerError(f"the id {message.id} belongs to another note")

    def _check_codec(self, message: VoiceMessage) -> None:
        if self._terms.codecs and message.codec not in self._terms.codecs:
            kept = ", ".join(self._terms.codecs)
            raise Unacceptable("type", f"codec {message.codec} is not kept here, only {kept}")

    def _begun(self, note_id: str) -> VoiceMessage | None:
        if note_id in self._pending:
            return self._pending[note_id].note
        return self._uploads[note_id].assembly.head if note_id in self._uploads else None

    def _room_for_one_more(self, name: str) -> None:
        most = self._terms.unfinished
        if len(self._uploads) >= most and sum(upload.name == name for upload in self._uploads.values()) >= most:
            raise PeerError(f"{name!r} has {most} unfinished notes already: finish one first")

    def _grow(self, upload: Upload, offset: int, audio: bytes, now: float) -> VoiceMessage | int:
        upload.heard = now
        held = upload.assembly.add(offset, audio)
        if not upload.assembly.whole:
            return held
        note = upload.assembly.note()
        del self._uploads[note.id]
        return note
