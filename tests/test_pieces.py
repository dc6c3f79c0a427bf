"""A note in pieces is the note again, whatever is lost, cut differently or sent twice on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import PeerError, UsageError
from imlab.wire.messages import Chunk, File, PacketLayout, VoiceMessage
from imlab.wire.pieces import Assembly, rest, split

AUDIO = bytes(range(250)) * 4
LAYOUT = PacketLayout(rate=48_000, delay=312, samples=4_000, packet_samples=960, sizes=(200,) * 5)
NOTE = VoiceMessage("0123456789abcdef" * 2, "ann", "kitchen", 1, 83, "opus", LAYOUT, len(AUDIO), AUDIO)


def _join(pieces: Iterable[VoiceMessage | Chunk]) -> VoiceMessage:
    assembly: Assembly | None = None
    for piece in pieces:
        if isinstance(piece, VoiceMessage):
            assembly = assembly or Assembly(piece)
        elif assembly:
            assembly.add(piece.offset, piece.audio)
    assert assembly is not None
    return assembly.note()


@given(st.integers(1, 1_100), st.integers())
def test_pieces_make_the_note_whatever_their_size_and_however_often_they_come(chunk: int, seed: int) -> None:
    pieces, random = list(split(NOTE, chunk)), Random(seed)
    order = [0]
    for place in range(1, len(pieces)):  # each in its turn, and before it any of the earlier ones again
        order += [random.randrange(place) for _ in range(random.randrange(3))]
        order.append(place)
    assert _join(pieces[place] for place in order) == NOTE


@given(st.integers(1, 999), st.integers(1, 1_100), st.integers(0, 999))
def test_a_sender_goes_on_from_what_is_held_with_chunks_of_another_size(first: int, chunk: int, back: int) -> None:
    assembly = Assembly(replace(NOTE, audio=AUDIO[:first]))
    for piece in rest(NOTE, max(0, first - back), chunk):
        assembly.add(piece.offset, piece.audio)
    assert assembly.note() == NOTE


def test_after_a_gap_nothing_is_taken() -> None:
    assembly = Assembly(replace(NOTE, audio=AUDIO[:100]))
    assert assembly.add(101, AUDIO[101:200]) == 100
    with pytest.raises(UsageError, match="100 of 1000"):
        assembly.note()
    assert assembly.add(100, AUDIO[100:]) == 1_000
    assert assembly.whole


@pytest.mark.parametrize("offset", [-1, 1, 900, 1_000, 1 << 40])
def test_what_does_not_fit_the_note_is_a_peers_error(offset: int) -> None:
    assembly = Assembly(replace(NOTE, audio=b""))
    with pytest.raises(PeerError, match="1000 bytes"):
        assembly.add(offset, AUDIO)
    assert assembly.held == 0


@pytest.mark.parametrize("chunk", [0, -1])
def test_a_chunk_has_at_least_a_byte(chunk: int) -> None:
    with pytest.raises(UsageError):
        list(split(NOTE, chunk))


def test_half_a_note_cannot_be_split() -> None:
    with pytest.raises(UsageError):
        list(split(replace(NOTE, audio=AUDIO[:10]), 5))


def test_a_note_keeps_all_it_has_at_its_place() -> None:
    file = File("00" * 32, 7, "audio/ogg")
    full = replace(NOTE, waveform=b"wave", sequence=3, unknown=b"newer", file=file)
    assert [name for name in VoiceMessage.__dataclass_fields__ if not getattr(full, name)] == []
    assert full.placed(7) == replace(full, sequence=7)
