"""Framings of recordings: a note together with its sound as one answer, and a list of notes without theirs.

Both refuse what ``rules`` forbids, in either direction, and a body of another size than its note tells. That the body
has the note's sha256 is checked by whoever stores it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any, ClassVar, TypeVar

from google.protobuf.message import DecodeError
from google.protobuf.proto import parse_length_prefixed

from imlab.errors import PeerError, UsageError
from imlab.wire import voice_pb2 as pb
from imlab.wire.head import as_note, encode_head
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from imlab.wire.recording import Recording
from imlab.wire.rules import breach
from imlab.wire.varint import tag_of, varint

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Json:
    """JSON with the sound in base64, by the standard library: RFC 8259, RFC 4648.

    All is escaped to ASCII, as ``json`` does unless told otherwise: 20 kB take 50 us so, and 300 us the other way.
    """

    media_type: ClassVar[str] = "application/json"

    def encode(self, recording: Recording) -> bytes:
        """One object: the note's fields, and the sound as ``audio``."""
        _sendable(recording.note, recording.body)
        return _dumped(_told(recording.note) | {"audio": b64encode(recording.body).decode("ascii")})

    def decode(self, data: bytes) -> Recording:
        """The recording in these bytes; PeerError when there is none."""
        note, body = _read(_recording_of_json, data)
        return _received(note, body)

    def encode_list(self, notes: Sequence[VoiceMessage]) -> bytes:
        """An object whose ``notes`` are theirs."""
        for note in notes:
            _sendable(note)
        return _dumped({"notes": [_told(note) for note in notes]})

    def decode_list(self, data: bytes) -> tuple[VoiceMessage, ...]:
        """The notes, in order; PeerError when they are not."""
        return tuple(map(_checked, _read(_list_of_json, data)))


@dataclass(frozen=True, slots=True)
class Protobuf:
    """A VoiceMessage of voice.proto whose ``audio``, always last, is the file: copied once, into the answer."""

    media_type: ClassVar[str] = "application/x-protobuf"

    def encode(self, recording: Recording) -> bytes:
        """The note's head, and the sound behind it."""
        _sendable(recording.note, recording.body)
        return b"".join((encode_head(recording.note), _AUDIO, varint(len(recording.body)), recording.body))

    def decode(self, data: bytes) -> Recording:
        """The recording in these bytes; PeerError when there is none."""
        note, body = _read(_recording_of_protobuf, data)
        return _received(note, body)

    def encode_list(self, notes: Sequence[VoiceMessage]) -> bytes:
        """Heads, each with its length before it: protobuf's own form of a stream (writeDelimitedTo)."""
        pieces: list[bytes] = []
        for note in notes:
            _sendable(note)
            head = encode_head(note)
            pieces += (varint(len(head)), head)
        return b"".join(pieces)

    def decode_list(self, data: bytes) -> tuple[VoiceMessage, ...]:
        """The notes, in order; PeerError when they are not."""
        return tuple(map(_checked, _read(_list_of_protobuf, data)))


def _sendable(note: VoiceMessage, body: bytes | None = None) -> None:
    if why := _wrong(note, body):
        raise UsageError(f"a recording cannot be sent: {why}")


def _received(note: VoiceMessage, body: bytes) -> Recording:
    if why := _wrong(note, body):
        raise PeerError(f"a broken recording: {why}")
    return Recording(note, body)


def _checked(note: VoiceMessage) -> VoiceMessage:
    if why := _wrong(note, None):
        raise PeerError(f"a broken note in a list: {why}")
    return note


def _wrong(note: VoiceMessage, body: bytes | None) -> str:
    """What is not right; "" when nothing is. body: None where there is to be none."""
    if note.file is None:
        return f"note {note.id!r:.60} names no file"
    if body is not None and len(body) != note.file.size:
        return f"{len(body)} bytes of a file of {note.file.size}"
    return breach(note)


def _read(way: Callable[[bytes], Value], data: bytes) -> Value:
    """All that a parser says of bytes that are not its own is one fault: the peer's."""
    try:
        return way(data)
    except (ValueError, KeyError, TypeError, OverflowError, DecodeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise PeerError(f"not a recording ({why:.120}): {data[:16].hex()} ({len(data)} bytes)") from error


def _dumped(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def _told(note: VoiceMessage) -> dict[str, Any]:
    """What JSON says of a note. layout and unknown, which a note with a file rarely has, only where there is some."""
    assert note.file
    told: dict[str, Any] = {name: getattr(note, name) for name in _TEXTS + _NUMBERS}
    told["waveform"] = b64encode(note.waveform).decode("ascii")
    told["file"] = {"sha256": note.file.sha256, "size": note.file.size, "type": note.file.type}
    if note.layout != _NO_LAYOUT:
        told["layout"] = asdict(note.layout)
    if note.unknown:
        told["unknown"] = b64encode(note.unknown).decode("ascii")
    return told


def _recording_of_json(data: bytes) -> tuple[VoiceMessage, bytes]:
    told = json.loads(data)
    return _note_of_json(told), b64decode(told["audio"], validate=True)


def _list_of_json(data: bytes) -> list[VoiceMessage]:
    return [_note_of_json(told) for told in _a(list, json.loads(data)["notes"])]


def _note_of_json(told: dict[str, Any]) -> VoiceMessage:
    file, layout = told["file"], told.get("layout")
    plain: dict[str, Any] = {name: _a(str, told[name]) for name in _TEXTS}
    plain |= {name: _a(int, told[name]) for name in _NUMBERS}
    return VoiceMessage(
        **plain,
        waveform=b64decode(told["waveform"], validate=True),
        file=File(_a(str, file["sha256"]), _a(int, file["size"]), _a(str, file["type"])),
        layout=_layout(layout) if layout is not None else _NO_LAYOUT,
        size=0,
        audio=b"",
        unknown=b64decode(told.get("unknown", ""), validate=True),
    )


def _layout(told: dict[str, Any]) -> PacketLayout:
    sizes = tuple(_a(int, size) for size in _a(list, told["sizes"]))
    return PacketLayout(**{name: _a(int, told[name]) for name in _LAYOUT}, sizes=sizes)


def _a(kind: type[Value], value: object) -> Value:
    """Of this very type: JSON's true is no number."""
    if type(value) is not kind:
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    return value


def _recording_of_protobuf(data: bytes) -> tuple[VoiceMessage, bytes]:
    message = pb.VoiceMessage.FromString(data)
    body = message.audio
    return as_note(message, b"", message.sequence), body


def _list_of_protobuf(data: bytes) -> list[VoiceMessage]:
    stream, notes = BytesIO(data), []
    while stream.tell() < len(data):
        message = parse_length_prefixed(pb.VoiceMessage, stream)
        notes.append(as_note(message, message.audio, message.sequence))
    return notes


_TEXTS = ("id", "sender", "room", "codec")
_NUMBERS = ("timestamp_ms", "duration_ms", "sequence")
_LAYOUT = ("rate", "delay", "samples", "packet_samples")
_NO_LAYOUT = PacketLayout()
_AUDIO = tag_of(pb.VoiceMessage.AUDIO_FIELD_NUMBER)
