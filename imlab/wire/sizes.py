"""How many bytes a message is on the wire, without building them: what ``len(Protobuf().encode(message))`` would be.

For simulations, where sizes matter and bytes do not. It checks nothing: a message that breaks the rules has a size too.
"""

from __future__ import annotations

from functools import lru_cache

from imlab.wire.messages import Ack, Chunk, File, Message, PacketLayout, VoiceMessage
from imlab.wire.protobuf import Protobuf

FRAMING = Protobuf()
MOST_WEIGHED = 1024  # layouts; a note is weighed on its way up, and soon after on its way down
WEIGHED: dict[int, tuple[PacketLayout, int]] = {}


def checked_size(message: Message) -> int:
    """The bytes of one message, by making them; UsageError when it is not what a message must be."""
    return len(FRAMING.encode(message))


def swift_size(message: Message) -> int:
    """The same, computed where messages are many or long."""
    kind = type(message)
    if kind is VoiceMessage:
        return _wrapped(_note(message))  # type: ignore[arg-type]
    if kind is Chunk:
        return _wrapped(_text(message.id) + _numbers(message.offset) + _bytes(message.audio))  # type: ignore[union-attr]
    if kind is Ack:
        return _wrapped(_text(message.id) + _text(message.room) + _numbers(message.sequence))  # type: ignore[union-attr]
    return checked_size(message)


def _note(note: VoiceMessage) -> int:
    size = _names(note.sender, note.room, note.codec) + _text(note.id) + _layout(note.layout) + len(note.unknown)
    size += _numbers(note.timestamp_ms, note.duration_ms, note.size, note.sequence)
    if note.waveform:
        size += _wrapped(len(note.waveform))
    if note.audio:
        size += _wrapped(len(note.audio))
    return size + _file(note.file) if note.file else size


@lru_cache(maxsize=1024)
def _names(sender: str, room: str, codec: str) -> int:
    return _text(sender) + _text(room) + _text(codec)


def _file(file: File) -> int:
    return _wrapped(len(file.sha256) // 2) + _numbers(file.size) + _text(file.type)


def _layout(layout: PacketLayout) -> int:
    """Known by identity: the sender's note and the server's have one layout, and to hash it takes as long as this."""
    known = WEIGHED.get(id(layout))
    if known is None:
        if len(WEIGHED) >= MOST_WEIGHED:
            WEIGHED.clear()
        numbers = _numbers(layout.rate, layout.delay, layout.samples, layout.packet_samples)
        size = numbers + _packed(layout.sizes)
        known = WEIGHED[id(layout)] = (layout, _wrapped(size))  # while it is here its id is nobody else's
    return known[1]


def _packed(sizes: tuple[int, ...]) -> int:
    if not sizes:
        return 0
    if max(sizes) < 0x4000:
        return _wrapped(len(sizes) + len([size for size in sizes if size >= 0x80]))
    return _wrapped(sum(map(_varint, sizes)))


def _text(text: str) -> int:
    return _wrapped(len(text) if text.isascii() else len(text.encode())) if text else 0


def _bytes(data: bytes) -> int:
    return _wrapped(len(data)) if data else 0


def _numbers(*values: int) -> int:
    return sum([1 + (value.bit_length() + 6) // 7 for value in values if value])


def _wrapped(length: int) -> int:
    """With its tag, of one byte for all fields that we have, and its length."""
    return length + (2 if length < 0x80 else 3 if length < 0x4000 else 1 + _varint(length))


def _varint(value: int) -> int:
    return (value.bit_length() + 6) // 7 or 1
