"""Messages as bytes, by Protocol Buffers: one message is one Envelope of voice.proto."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from google.protobuf.message import DecodeError

from imlab.errors import PeerError, UsageError
from imlab.wire import limits
from imlab.wire import voice_pb2 as pb
from imlab.wire.head import as_note, as_protobuf, encode_head
from imlab.wire.messages import (
    Ack,
    Chunk,
    Hello,
    Join,
    Joined,
    Message,
    Ping,
    Pong,
    Received,
    Refused,
    VoiceMessage,
    Welcome,
)
from imlab.wire.rules import breach
from imlab.wire.varint import tag_of, varint


@dataclass(frozen=True, slots=True)
class Protobuf:
    """A framing: the fields of voice.proto, and nothing that ``rules`` forbids, in either direction."""

    def encode(self, message: Message) -> bytes:
        """The bytes of one message; UsageError when it is not what a message must be."""
        if why := breach(message):
            raise UsageError(f"{type(message).__name__} cannot be sent: {why}")
        try:
            return _write(message)
        except ValueError as error:  # half a surrogate pair, which no UTF-8 can say
            raise UsageError(f"{type(message).__name__} cannot be sent: {error}") from error

    def decode(self, data: bytes) -> Message:
        """The message in these bytes; PeerError when there is none, or not one that may be."""
        if len(data) > limits.MESSAGE:
            raise PeerError(f"a message of {len(data)} bytes; at most {limits.MESSAGE} are allowed")
        try:
            envelope = pb.Envelope.FromString(data)
        except DecodeError as error:
            raise PeerError(f"not a message: {data[:16].hex()} ({len(data)} bytes)") from error
        kind = envelope.WhichOneof("message")
        if kind is None:
            raise PeerError(f"not a kind of message that this version knows: {data[:16].hex()} ({len(data)} bytes)")
        message = _read(kind, getattr(envelope, kind))
        if why := breach(message):
            raise PeerError(f"a broken {type(message).__name__}: {why}")
        return message


def reference(message: Message) -> bytes:
    """The plain way, all by protobuf: two more copies of the audio. What ``encode`` must equal, and must beat."""
    told: dict[str, Any] = {_KINDS[type(message)]: _as_protobuf(message)}
    return pb.Envelope(**told).SerializeToString()


def _as_protobuf(message: Message) -> Any:
    if isinstance(message, VoiceMessage):
        voice = as_protobuf(message)
        voice.audio = message.audio
        voice.MergeFromString(message.unknown)
        return voice
    told = {name: getattr(message, name) for name in _NAMES[type(message)]}
    return getattr(pb, type(message).__name__)(**told)


def _write(message: Message) -> bytes:
    """Where there is audio, it is copied once, and comes last: even after fields of a newer version."""
    match message:
        case VoiceMessage(audio=audio):
            return _joined(_VOICE, encode_head(message), audio)
        case Chunk(id, offset, audio):
            return _joined(_CHUNK, pb.Chunk(id=id, offset=offset).SerializeToString(), audio)
        case _:
            return reference(message)


def _joined(tag: bytes, head: bytes, audio: bytes) -> bytes:
    """An Envelope around head and audio; like protobuf, without an audio field when there is none."""
    field = _AUDIO + varint(len(audio)) if audio else b""
    return b"".join((tag, varint(len(head) + len(field) + len(audio)), head, field, audio))


def _read(kind: str, message: Any) -> Message:
    """The value of a parsed message."""
    if kind == "voice":
        return as_note(message, message.audio, message.sequence)
    told = {name: getattr(message, name) for name in _NAMES[_TYPES[kind]]}
    if kind == "join" and not message.HasField("after"):
        told["after"] = None
    if kind == "welcome":
        told["codecs"] = tuple(told["codecs"])
    value: Message = _TYPES[kind](**told)
    return value


_KINDS: dict[type[Any], str] = {
    Hello: "hello",
    Welcome: "welcome",
    Join: "join",
    Joined: "joined",
    Received: "received",
    Ack: "ack",
    Refused: "refused",
    Ping: "ping",
    Pong: "pong",
    Chunk: "chunk",
    VoiceMessage: "voice",
}
_TYPES = {kind: value for value, kind in _KINDS.items()}
_NAMES = {value: tuple(field.name for field in fields(value)) for value in _KINDS}
_VOICE = tag_of(pb.Envelope.VOICE_FIELD_NUMBER)
_CHUNK = tag_of(pb.Envelope.CHUNK_FIELD_NUMBER)
_AUDIO = tag_of(pb.VoiceMessage.AUDIO_FIELD_NUMBER)  # the same number in a Chunk
