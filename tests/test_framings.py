"""A recording is the same after its way through a framing; any other bytes are a peer's error."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import PeerError, UsageError
from imlab.wire import limits
from imlab.wire import voice_pb2 as pb
from imlab.wire.framings import Json, Protobuf
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from imlab.wire.recording import Recording

Framing = Json | Protobuf
FRAMINGS: list[Framing] = [Json(), Protobuf()]
each = pytest.mark.parametrize("framing", FRAMINGS, ids=repr)

BODY = bytes(range(256)) * 4
NOTE = VoiceMessage(
    id="0123456789abcdef" * 2,
    sender="Ærøskøbing 李雷 😀",
    room="kitchen",
    timestamp_ms=1_700_000_000_000,
    duration_ms=2_500,
    codec="opus",
    layout=PacketLayout(),
    size=0,
    audio=b"",
    waveform=b"\0\x80\xff",
    sequence=7,
    file=File("ab" * 32, len(BODY), "audio/ogg; codecs=opus"),
)
RECORDING = Recording(NOTE, BODY)
SILENT = PacketLayout(rate=48_000, packet_samples=960, sizes=(0, 0))
NEWER = b"\xa0\x06\x01"  # field 100, which nobody knows yet, says 1

names = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=limits.NAME)
bodies = st.binary(min_size=1, max_size=300)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """All that the rules allow of a note with a file."""
    body = draw(bodies)
    file = File(draw(st.binary(min_size=32, max_size=32)).hex(), len(body), draw(names)[: limits.TYPE])
    note = VoiceMessage(
        id=draw(st.binary(min_size=16, max_size=16)).hex(),
        sender=draw(names),
        room=draw(names),
        timestamp_ms=draw(st.integers(0, limits.INTEGER)),
        duration_ms=draw(st.integers(0, limits.DURATION_MS)),
        codec=draw(names)[: limits.CODEC],
        layout=draw(st.sampled_from([PacketLayout(), SILENT])),
        size=0,
        audio=b"",
        waveform=draw(st.binary(max_size=limits.WAVEFORM)),
        sequence=draw(st.integers(0, limits.INTEGER)),
        unknown=draw(st.sampled_from([b"", NEWER])),
        file=file,
    )
    return Recording(note, body)


@each
@given(recording=recordings())
def test_a_recording_is_the_same_again(framing: Framing, recording: Recording) -> None:
    assert framing.decode(framing.encode(recording)) == recording


@each
@given(told=st.lists(recordings(), max_size=4))
def test_a_list_is_the_same_again(framing: Framing, told: list[Recording]) -> None:
    notes = tuple(recording.note for recording in told)
    assert framing.decode_list(framing.encode_list(notes)) == notes


def damaged(data: bytes, luck: random.Random) -> bytes:
    """Bytes changed, lost, doubled or added, at a place or two."""
    for _ in range(luck.randint(1, 2)):
        at = luck.randrange(len(data) + 1)
        stop = at + luck.randint(0, 8)
        new = luck.choice([b"", luck.randbytes(1), luck.randbytes(luck.randint(0, 5)), data[at:stop] * 2, b"9" * 5000])
        data = data[:at] + new + data[stop:]
    return data


@each
def test_ten_thousand_damaged_ones_are_recordings_or_a_peers_fault(framing: Framing) -> None:
    luck, small = random.Random(0), Recording(replace(NOTE, file=File("ab" * 32, 40, "audio/ogg")), BODY[:40])
    whole, listed = framing.encode(small), framing.encode_list([NOTE, NOTE])
    refused = 0
    for _ in range(5_000):
        try:
            found = framing.decode(damaged(whole, luck))
            assert found.note.file and found.note.file.size == len(found.body)
        except PeerError:
            refused += 1
        try:
            assert all(note.file for note in framing.decode_list(damaged(listed, luck)))
        except PeerError:
            refused += 1
    assert 1_000 < refused < 10_000, "the damage is neither harmless nor always noticed"


@each
@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_anything_else_is_a_peers_fault(framing: Framing, data: bytes) -> None:
    for decode in (framing.decode, framing.decode_list):
        if decode == framing.decode_list and not data and framing == Protobuf():
            continue  # an empty list
        with pytest.raises(PeerError, match=r"not a recording|a broken|names no file"):
            decode(data)


BROKEN = {
    "a byte less": Recording(NOTE, BODY[1:]),
    "a byte more": Recording(NOTE, BODY + b"!"),
    "no file": Recording(replace(NOTE, file=None), BODY),
    "a broken note": Recording(replace(NOTE, room="kit\achen"), BODY),
    "audio beside the file": Recording(replace(NOTE, size=3, audio=b"abc"), BODY),
}


@each
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_no_recording_is_not_sent(framing: Framing, broken: Recording) -> None:
    with pytest.raises(UsageError, match="cannot be sent"):
        framing.encode(broken)


JSON = json.loads(Json().encode(RECORDING))
WRONG = {
    "a number that is true": JSON | {"sequence": True},
    "a number with a point": JSON | {"duration_ms": 2500.0},
    "a name that is a number": JSON | {"room": 7},
    "a body of another size": JSON | {"audio": "QUJD"},
    "a body that is not base64": JSON | {"audio": "A*BC"},
    "a body of accents": JSON | {"audio": "éééé"},
    "no body": {name: value for name, value in JSON.items() if name != "audio"},
    "no file": JSON | {"file": None},
    "a file of no size": JSON | {"file": {"sha256": "ab" * 32, "type": "audio/ogg"}},
    "half a surrogate pair": JSON | {"sender": "\ud800"},
    "a layout of nothing": JSON | {"layout": {}},
    "a list": [JSON],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_json_that_says_otherwise_is_refused(wrong: object) -> None:
    with pytest.raises(PeerError):
        Json().decode(json.dumps(wrong).encode())


def test_json_that_is_too_deep_is_refused() -> None:
    with pytest.raises(PeerError):
        Json().decode(b"[" * 100_000)


def test_json_is_plain_and_fields_it_does_not_know_are_passed_over() -> None:
    assert JSON["file"] == {"sha256": "ab" * 32, "size": 1024, "type": "audio/ogg; codecs=opus"}
    assert JSON["room"] == "kitchen" and JSON["waveform"] == "AID/" and "layout" not in JSON
    assert Json().decode(json.dumps(JSON | {"mood": "fine"}).encode()) == RECORDING


def test_a_list_whose_note_is_said_to_be_endless_is_refused() -> None:
    with pytest.raises(PeerError, match="OverflowError"):
        Protobuf().decode_list(b"\xff" * 9 + b"\x01" + b"note")


def test_protobuf_is_a_voice_message_that_others_can_write() -> None:
    theirs = pb.VoiceMessage.FromString(Protobuf().encode(RECORDING))
    assert theirs.audio == BODY and theirs.room == "kitchen" and theirs.file_size == len(BODY)
    assert Protobuf().decode(theirs.SerializeToString()) == RECORDING


def test_base64_makes_a_third_more() -> None:
    assert len(Json().encode(RECORDING)) > 4 / 3 * len(BODY) > len(Protobuf().encode(RECORDING))
