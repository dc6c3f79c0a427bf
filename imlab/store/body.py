"""The bodies of notes, as a commit meets them: how long, whether they came, what is left of a note without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imlab.errors import UsageError
from imlab.server.doors import Body
from imlab.wire.messages import PacketLayout, VoiceMessage

NOTHING = PacketLayout()


def length(body: Body) -> int:
    """Bytes."""
    return len(body) if isinstance(body, bytes) else body.stat().st_size


def content(body: Body) -> bytes:
    """All of it, in memory."""
    return body if isinstance(body, bytes) else body.read_bytes()


def fault(note: VoiceMessage, body: Body | None) -> UsageError | None:
    """Why a note cannot be kept with this body of its file; None when it can."""
    if not note.whole:
        return UsageError(f"note {note.id} is not whole: {len(note.audio)} of {note.size} bytes")
    if note.file and body is None:
        return UsageError(f"note {note.id} came without its file")
    if note.file and body is not None and (size := length(body)) != note.file.size:
        return UsageError(f"the file of note {note.id} is not whole: {size} of {note.file.size} bytes")
    return None


def take_over(body: Body | None) -> None:
    """The note is committed: the file it came in is no longer its caller's."""
    if isinstance(body, Path):
        body.unlink(missing_ok=True)


def emptied(note: VoiceMessage) -> VoiceMessage:
    """What is left of a note that was removed: who, where and when."""
    return replace(note, duration_ms=0, layout=NOTHING, size=0, audio=b"", waveform=b"", unknown=b"", file=None)
