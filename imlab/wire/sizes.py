"""How many bytes a message is on the wire, without building them: what ``len(Protobuf().encode(message))`` would be.

For simulations, where sizes matter and bytes do not. It checks nothing: a message that breaks the rules has a size too.
"""

from __future__ import annotations

from functools import lru_cache

from imlab.wire.messages import Ack, Chunk, File, Message, PacketLayout, VoiceMessage
from imlab.wire.protobuf import Protobuf

FRAMING = Protobuf()


def checked_size(message: Message) -> int:
    """The bytes of one message, by making them; UsageError when it is not what a message must be."""
    return len(FRAMING.encode(message))


def swift_size(message: Message) -> int:
    """The same, computed where messages are many or long."""
    kind = type(message)
    if kind is VoiceMessage:
        size = _note(message)  # type: ignore[arg-type]
        return 1 + _varint(size) + size
    if kind is Chunk:
        return _wrapped(_text(message.id) + _number(message.offset) + _bytes(len(message.audio)))  # type: ignore[union-attr]
    if kind is Ack:
        return _wrapped(_text(message.id) + _text(message.room) + _number(message.sequence))  # type: ignore[union-attr]
    return checked_size(message)


def _note(note: VoiceMessage) -> int:
    lengths = (len(note.waveform), len(note.audio))
    return (
        _likeness(note.sender, note.room, note.codec, note.layout, note.duration_ms, note.size, lengths)
        + _text(note.id)
        + _number(note.timestamp_ms)
        + _number(note.sequence)
        + len(note.unknown)
        + (_file(note.file) if note.file else 0)
    )


def _file(file: File) -> int:
    return _wrapped(len(file.sha256) // 2) + _number(file.size) + _text(file.type)


@lru_cache(maxsize=1024)  # the sender's note and the server's are alike in these
def _likeness(
    sender: str, room: str, codec: str, layout: PacketLayout, duration_ms: int, size: int, lengths: tuple[int, ...]
) -> int:
    texts, numbers = (sender, room, codec), (duration_ms, size)
    return sum([*map(_text, texts), *map(_number, numbers), *map(_bytes, lengths), _wrapped(_layout(layout))])


def _layout(layout: PacketLayout) -> int:
    packed = sum(map(_varint, layout.sizes))
    numbers = (layout.rate, layout.delay, layout.samples, layout.packet_samples)
    return sum(map(_number, numbers)) + (_wrapped(packed) if packed else 0)


def _text(text: str) -> int:
    return _wrapped(len(text) if text.isascii() else len(text.encode())) if text else 0


def _bytes(length: int) -> int:
    return _wrapped(length) if length else 0


def _number(value: int) -> int:
    return 1 + _varint(value) if value else 0


def _wrapped(length: int) -> int:
    """With its tag, of one byte for all fields that we have, and its length."""
    return 2 + length if length < 0x80 else 1 + _varint(length) + length


def _varint(value: int) -> int:
    return 1 if value < 0x80 else (value.bit_length() + 6) // 7
