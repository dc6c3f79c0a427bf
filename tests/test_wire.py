"""Messages become bytes and the same messages again; any other bytes are a peer's error."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

import imlab.wire
from imlab.errors import PeerError, UsageError
from imlab.wire import limits
from imlab.wire import voice_pb2 as pb
from imlab.wire.messages import (
    Ack,
    Chunk,
    File,
    Hello,
    Join,
    Joined,
    Message,
    PacketLayout,
    Ping,
    Pong,
    Received,
    Refused,
    VoiceMessage,
    Welcome,
)
from imlab.wire.protobuf import Protobuf, reference

FRAMING = Protobuf()
ID = "0123456789abcdef" * 2
AUDIO = bytes(range(250)) * 4
LAYOUT = PacketLayout(rate=48_000, delay=312, samples=4_000, packet_samples=960, sizes=(200,) * 5)
NOTE = VoiceMessage(
    ID, "ann", "kitchen", 1_700_000_000_000, 83, "opus", LAYOUT, len(AUDIO), AUDIO, waveform=b"\0\x80\xff"
)

FILE = File("0123456789abcdef" * 4, 1_000_000, "audio/ogg; codecs=opus")
FILED = replace(NOTE, layout=PacketLayout(), size=0, audio=b"", file=FILE)

MESSAGES: list[Message] = [
    NOTE,
    FILED,
    replace(FILED, file=File("ff" * 32, limits.FILE, "t" * limits.TYPE)),
    replace(NOTE, sequence=7),
    replace(NOTE, audio=AUDIO[:100]),
    replace(NOTE, audio=b""),
    replace(NOTE, layout=PacketLayout(), size=0, audio=b"", waveform=b"", timestamp_ms=0, duration_ms=0),
    replace(NOTE, sender="Ærøskøbing 李雷 😀", room="r" * limits.NAME),
    Chunk(ID, 0, b""),
    Chunk(ID, 100, AUDIO),
    Hello("ann"),
    Hello("ann", "key", "token", version=3),
    Welcome("server", 32_768, 1 << 20, 30_000),
    Welcome("server", 32_768, 1 << 20, 30_000, ("opus", "codec2-700c")),
    Welcome("server", 1, 1, 0, ("c" * limits.CODEC,) * limits.CODECS),
    Join("kitchen"),
    Join("kitchen", 0),
    Join("kitchen", limits.INTEGER),
    Joined("kitchen", 3, 5),
    Received(ID, 100),
    Ack(ID, "kitchen", 1),
    Refused(ID, "peer", "not\na note"),
    Refused("", "server", ""),
    Ping(),
    Pong(0xFFFF_FFFF_FFFF_FFFF),
]

BROKEN: dict[str, Message] = {
    "an id of 31 digits": replace(NOTE, id=ID[1:]),
    "an id in capitals": replace(NOTE, id=ID.upper()),
    "an id and a newline": replace(NOTE, id=ID + "\n"),
    "no sender": replace(NOTE, sender=""),
    "a sender too long": replace(NOTE, sender="a" * (limits.NAME + 1)),
    "a bell in a room": replace(NOTE, room="kitchen\a"),
    "text that runs backwards": Join("kit\u202echen"),
    "no codec": replace(NOTE, codec=""),
    "a codec too long": replace(NOTE, codec="c" * (limits.CODEC + 1)),
    "before 1970": replace(NOTE, timestamp_ms=-1),
    "past what JavaScript counts": replace(NOTE, timestamp_ms=limits.INTEGER + 1),
    "longer than an hour": replace(NOTE, duration_ms=limits.DURATION_MS + 1),
    "too many points": replace(NOTE, waveform=bytes(limits.WAVEFORM + 1)),
    "more audio than its size": replace(NOTE, audio=AUDIO + b"!"),
    "a size that the packets have not": replace(NOTE, size=len(AUDIO) + 1),
    "a size too large": replace(NOTE, size=limits.AUDIO + 1, layout=replace(LAYOUT, sizes=(limits.AUDIO + 1,))),
    "too many packets": replace(NOTE, layout=replace(LAYOUT, sizes=(*LAYOUT.sizes, *[0] * limits.PACKETS))),
    "more sound than the packets hold": replace(NOTE, layout=replace(LAYOUT, samples=5_000)),
    "a rate nobody has": replace(NOTE, layout=replace(LAYOUT, rate=limits.RATE + 1)),
    "a packet of a minute": replace(NOTE, layout=replace(LAYOUT, packet_samples=48_000 * 60)),
    "a file beside audio": replace(NOTE, file=FILED.file),
    "a file of half a hash": replace(FILED, file=File("ab" * 31, 1, "audio/ogg")),
    "a file of nothing": replace(FILED, file=File("ab" * 32, 0, "audio/ogg")),
    "a file too large": replace(FILED, file=File("ab" * 32, limits.FILE + 1, "audio/ogg")),
    "a file of no type": replace(FILED, file=File("ab" * 32, 1, "")),
    "too many unknown fields": replace(NOTE, unknown=b"\xa0\x06\x01" * limits.UNKNOWN),
    "a chunk past the largest note": Chunk(ID, limits.AUDIO, b"!"),
    "a chunk of nobody": Chunk("", 0, b"!"),
    "a nameless client": Hello(""),
    "a key too long": Hello("ann", key="k" * (limits.KEY + 1)),
    "a token too long": Hello("ann", token="t" * (limits.TOKEN + 1)),
    "no room for a chunk": Welcome("server", 0, 1, 1),
    "a note limit too large": Welcome("server", 1, limits.AUDIO + 1, 1),
    "a codec without a name": Welcome("server", 1, 1, 1, ("opus", "")),
    "a bell among the codecs": Welcome("server", 1, 1, 1, ("opus", "aac\a")),
    "too many codecs": Welcome("server", 1, 1, 1, ("opus",) * (limits.CODECS + 1)),
    "after too far": Join("kitchen", limits.INTEGER + 1),
    "a head too far": Joined("kitchen", 0, limits.INTEGER + 1),
    "an ack of no place": Ack(ID, "kitchen", 0),
    "more received than may be sent": Received(ID, limits.AUDIO + 1),
    "nobody's fault": Refused(ID, "mine", "why"),
    "a refusal of a thousand words": Refused(ID, "peer", "w" * (limits.WHY + 1)),
}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: repr(message)[:60])
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert FRAMING.decode(FRAMING.encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: repr(message)[:60])
def test_the_bytes_are_those_of_plain_protobuf(message: Message) -> None:
    assert FRAMING.encode(message) == reference(message)


@pytest.mark.parametrize("case", BROKEN)
def test_what_may_not_be_is_the_callers_fault_to_send_and_the_peers_to_have_sent(case: str) -> None:
    with pytest.raises(UsageError):
        FRAMING.encode(BROKEN[case])
    try:
        data = reference(BROKEN[case])
    except ValueError:  # not even protobuf can say it
        return
    with pytest.raises(PeerError):
        FRAMING.decode(data)


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(UsageError):
        FRAMING.encode(Refused("", "server", "no such file: \udcff"))


def _read(data: bytes) -> Message | None:
    try:
        return FRAMING.decode(data)
    except PeerError:
        return None


# Ten at a time: drawing a case costs Hypothesis more than trying it.
WILD = st.lists(st.binary(max_size=60), min_size=10, max_size=10)


@settings(max_examples=1_000, deadline=None, database=None)
@given(WILD, st.sampled_from([b"", *(bytes([kind << 3 | 2]) for kind in (*range(1, 10), 14, 15))]))
def test_any_bytes_are_a_message_or_a_peers_error(cases: list[bytes], tag: bytes) -> None:
    for case in cases:
        data = tag + bytes([len(case)]) + case if tag else case  # with a tag: an envelope with anything inside
        message = _read(data)
        assert message is None or FRAMING.decode(FRAMING.encode(message)) == message, data.hex()


@settings(max_examples=1_000, deadline=None, database=None)
@given(st.sampled_from(MESSAGES), st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 255)), max_size=4))
def test_a_damaged_message_is_a_message_or_a_peers_error(message: Message, damage: list[tuple[int, int]]) -> None:
    data = bytearray(FRAMING.encode(message))
    for place, value in damage:
        data[place % len(data)] = value
        read = _read(bytes(data[: -place // 4 or None]))
        assert read is None or FRAMING.decode(FRAMING.encode(read)) == read, data.hex()


FORGED = {
    "a note of 2 GB": b"\x7a\xff\xff\xff\xff\x07",
    "audio of 2 GB": b"\x7a\x06\x7a\xff\xff\xff\xff\x07",
    "a chunk of 1 GB": b"\x72\x06\x7a\x80\x80\x80\x80\x04",
    "a thousand million packets": b"\x7a\x08\x4a\x06\x2a\x80\x94\xeb\xdc\x03",
    "a size of 4 GB": b"\x7a\x06\x50\xff\xff\xff\xff\x0f",
}


@pytest.mark.parametrize("case", FORGED)
def test_a_declared_length_allocates_nothing(case: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PeerError):
        FRAMING.decode(FORGED[case])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_096  # kB (bytes on a Mac)


def test_a_message_over_the_limit_is_not_even_parsed() -> None:
    with pytest.raises(PeerError, match="at most"):
        FRAMING.decode(bytes(limits.MESSAGE + 1))


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes as protobuf writes it; numbers under 2,048 and values under 128 bytes."""
    tag = number << 3 | 2
    return (bytes([tag]) if tag < 128 else bytes([tag & 0x7F | 0x80, tag >> 7])) + bytes([len(value)]) + value


NEWER: dict[str, Callable[[pb.VoiceMessage], object]] = {
    "a field of the note": lambda voice: voice.MergeFromString(_field(100, b"later")),
    "a field of the layout": lambda voice: voice.layout.MergeFromString(_field(7, b"later")),
    "both": lambda voice: (voice.MergeFromString(_field(16, b"a")), voice.layout.MergeFromString(_field(99, b"b"))),
}


@pytest.mark.parametrize("case", NEWER)
def test_what_a_newer_version_says_survives(case: str) -> None:
    newer = pb.Envelope.FromString(FRAMING.encode(NOTE))
    NEWER[case](newer.voice)
    message = FRAMING.decode(newer.SerializeToString())
    assert isinstance(message, VoiceMessage)
    assert replace(message, unknown=b"") == NOTE
    again = FRAMING.encode(message)
    assert again.endswith(AUDIO), "audio is the last field"
    assert len(again) == len(newer.SerializeToString()) + (2 if "layout" in case or case == "both" else 0)
    assert FRAMING.decode(again) == message
    restored = pb.Envelope.FromString(again)
    restored.voice.ClearField("audio")
    newer.voice.ClearField("audio")
    assert restored.SerializeToString(deterministic=True) == newer.SerializeToString(deterministic=True)


def test_a_server_that_names_no_codecs_is_heard_and_keeps_any() -> None:
    older = _field(2, _field(1, b"server") + bytes([2 << 3, 9, 3 << 3, 9, 4 << 3, 9]))
    assert FRAMING.decode(older) == Welcome("server", 9, 9, 9)
    assert FRAMING.encode(Welcome("server", 9, 9, 9)) == older


def test_a_kind_of_message_that_only_a_newer_version_knows_is_refused() -> None:
    with pytest.raises(PeerError, match="this version"):
        FRAMING.decode(_field(13, b"later"))


def _declared(text: str) -> dict[str, dict[str, tuple[int, str]]]:
    """The messages of a .proto text: field name -> (number, type)."""
    text = re.sub(r"//.*", "", text)
    found = {}
    for name, body in re.findall(r"message (\w+) \{((?:[^{}]|\{[^{}]*\})*)\}", text):
        fields = re.findall(r"(repeated )?(\w+) (\w+) = (\d+);", body)
        found[name] = {field: (int(number), many + kind) for many, kind, field, number in fields}
    return found


def _compiled(message: Descriptor) -> dict[str, tuple[int, str]]:
    return {field.name: (field.number, _kind(field)) for field in message.fields}


def _kind(field: FieldDescriptor) -> str:
    kinds: dict[int, str] = {getattr(field, f"TYPE_{kind.upper()}"): kind for kind in KINDS}
    kind = field.message_type.name if field.message_type else kinds[field.type]
    return ("repeated " if field.is_repeated else "") + kind


KINDS = ("int64", "uint32", "uint64", "string", "bytes")


def test_the_compiled_descriptor_says_what_the_proto_says() -> None:
    text = (Path(imlab.wire.__path__[0]) / "voice.proto").read_text()
    compiled = {name: _compiled(message) for name, message in pb.DESCRIPTOR.message_types_by_name.items()}
    assert compiled == _declared(text)
