"""From an uploaded file to a note in its room: examined, made durable, brought to everyone, told to the uploader."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from imlab.server.doors import Body, Claimed, Committed, Examine
from imlab.wire.messages import File, PacketLayout, VoiceMessage

Post = Callable[[VoiceMessage, Body], Awaitable[Committed]]  # durable and on its way to the room; PeerError, DoorError
NOTHING = PacketLayout()


@dataclass(frozen=True, slots=True)
class Intent:
    """What an upload is to become. id: 32 lower-case hex digits; the same upload again has the same one."""

    id: str
    room: str
    sender: str
    timestamp_ms: int
    claimed: Claimed


@dataclass(frozen=True, slots=True)
class Posted:
    """A note has its place. told: what its uploader is to know, as JSON has it; duplicate: it had it before."""

    told: dict[str, Any]
    duplicate: bool


class Posting:
    """Finishes uploads, however they came."""

    def __init__(self, examine: Examine, post: Post) -> None:
        self._examine, self._post = examine, post

    async def __call__(self, body: Body, size: int, sha256: str, intent: Intent) -> dict[str, Any]:
        """What the uploader is told: the note has its place. Unacceptable, PeerError or DoorError: it has none."""
        return (await self.post(body, size, sha256, intent)).told

    async def post(self, body: Body, size: int, sha256: str, intent: Intent) -> Posted:
        """The same, and whether the note was there before."""
        found = await self._examine(body, intent.claimed)
        note = VoiceMessage(
            id=intent.id,
            sender=intent.sender,
            room=intent.room,
            timestamp_ms=intent.timestamp_ms,
            duration_ms=found.duration_ms,
            codec=found.codec,
            layout=NOTHING,
            size=0,
            audio=b"",
            waveform=found.waveform,
            file=File(sha256, size, found.type),
        )
        committed = await self._post(note, body)
        told = {
            "id": note.id,
            "seq": committed.sequence,
            "url": f"/audio/{note.id}",
            "duration_ms": found.duration_ms,
            "codec": found.codec,
            "bytes": size,
            "sha256": sha256,
        }
        return Posted(told, committed.duplicate)
