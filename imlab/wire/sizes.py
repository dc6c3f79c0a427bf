"""How many bytes a message is on the wire, without building them: what ``len(Protobuf().encode(message))`` would be.

For simulations, where sizes matter and bytes do not. It checks nothing: a message that breaks the rules has a size too.
"""

from __future__ import annotations

from functools import lru_cache

from imlab.wire.messages import Ack, Chunk, File, Message, PacketLayout, VoiceMessage
from imlab.wire.protobuf import Protobuf

FRAMING = Protobuf()
HEAD = (0, *(1 + -(-bits // 7) for bits in range(1, 65)))  # bytes of a tag and a number, by its bits; 0 is left out
MOST_WEIGHED = 1024  # layouts; a note is weighed on its way up, and soon after on its way down
WEIGHED: dict[int, tuple[PacketLayout, int]] = {}


def checked_size(message: Message) -> int:
    """The bytes of one message, by making them; UsageError when it is not what a message must be."""
    return len(FRAMING.encode(message))


def swift_size(message: Message) -> int:
    """The same, computed where messages are many or long."""
    kind = type(message)
    if kind is VoiceMessage:
        return _part(_note(message))  # type: ignore[arg-type]
    if kind is Chunk:
        return _part(_text(message.id) + HEAD[message.offset.bit_length()] + _field(len(message.audio)))  # type: ignore[union-attr]
    if kind is Ack:
        return _part(_text(message.id) + _text(message.room) + HEAD[message.sequence.bit_length()])  # type: ignore[union-attr]
    return checked_size(message)


def _note(note: VoiceMessage) -> int:
    return (
        _names(note.sender, note.room, note.codec)
        + _text(note.id)
        + HEAD[note.timestamp_ms.bit_length()]
        + HEAD[note.duration_ms.bit_length()]
        + HEAD[note.sequence.bit_length()]
        + HEAD[note.size.bit_length()]
        + _layout(note.layout)
        + _field(len(note.waveform))
        + _field(len(note.audio))
        + len(note.unknown)
        + (_file(note.file) if note.file else 0)
    )


@lru_cache(maxsize=1024)
def _names(sender: str, room: str, codec: str) -> int:
    return _text(sender) + _text(room) + _text(codec)


def _file(file: File) -> int:
    return _field(len(file.sha256) // 2) + HEAD[file.size.bit_length()] + _text(file.type)


def _layout(layout: PacketLayout) -> int:
    """Known by identity: the sender's note and the server's have one layout, and to hash it takes as long as this."""
    known = WEIGHED.get(id(layout))
    if known is None:
        if len(WEIGHED) >= MOST_WEIGHED:
            WEIGHED.clear()
        numbers = (layout.rate, layout.delay, layout.samples, layout.packet_samples)
        size = sum([HEAD[number.bit_length()] for number in numbers]) + _field(_packed(layout.sizes))
        known = WEIGHED[id(layout)] = (layout, _part(size))  # while it is here its id is nobody else's
    return known[1]


def _packed(sizes: tuple[int, ...]) -> int:
    """A number takes a byte for each seven bits, and packets of speech are below 128 bytes."""
    if max(sizes, default=0) < 0x80:
        return len(sizes)
    return len(sizes) + sum([(size.bit_length() - 1) // 7 for size in sizes if size >= 0x80])


def _text(text: str) -> int:
    return _field(len(text) if text.isascii() else len(text.encode()))


def _field(length: int) -> int:
    """With its tag, of one byte for all fields that we have, and its length; what is empty is left out."""
    return length + HEAD[length.bit_length()]


def _part(length: int) -> int:
    """A message in a message: there, even where it is empty."""
    return _field(length) or 2
