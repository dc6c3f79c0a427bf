"""Slices: all of them joined are the very packets that were cut, and each alone sounds as it does in the whole."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip, Samples
from imlab.audio.speech.corpus import Corpus
from imlab.codec.contract import CodecError, Coded, Packet, decode, encode
from imlab.codec.opus import Opus
from imlab.codec.slice_files import code, label_of
from imlab.codec.slices import PREROLL_MS, Label, Slice, cut, in_order, join, labels
from imlab.errors import PeerError

CODEC = Opus(complexity=5)


@pytest.fixture(scope="module")
def note(corpus: Corpus) -> Clip:
    """Twelve seconds of speech by several people, at 16 kHz."""
    return corpus.note(12.0)


@pytest.fixture(scope="module")
def whole(note: Clip) -> Coded:
    return encode(CODEC, note)


def sliced(whole: Coded, every: int, preroll_ms: float = PREROLL_MS) -> dict[str, Slice]:
    """A coded note's slices by name."""
    wanted = labels("note", whole.samples, whole.rate, every)
    parts = cut(whole.packets, wanted, whole.codec, whole.delay, preroll_ms)
    return {f"slice {part.label.index}": part for part in parts}


@settings(max_examples=50)
@given(samples=st.integers(1, 5000), every=st.integers(1, 5000), size=st.integers(1, 400), delay=st.integers(0, 500),
       preroll_ms=st.sampled_from((0, 80, 240)), seed=st.integers(0, 99))  # fmt: skip
def test_what_is_cut_is_joined_packet_for_packet(
    samples: int, every: int, size: int, delay: int, preroll_ms: int, seed: int
) -> None:
    packets = tuple(Packet(bytes((n % 251,)), size) for n in range(-(-(samples + delay) // size)))
    whole = Coded("opus", 8000, samples, delay, packets)
    parts = list(sliced(whole, every, preroll_ms).items())
    random.Random(seed).shuffle(parts)
    assert join(dict(parts)) == whole
    for _, part in parts:
        held = sum(packet.samples for packet in part.coded.packets)
        assert part.coded.delay + part.coded.samples <= held < part.coded.delay + part.coded.samples + size
        assert part.coded.delay >= min(preroll_ms * 8, delay + part.label.start)


def worst_seam(one: Samples, other: Samples, joints: list[int], span: int) -> float:
    """The least signal-to-difference ratio over ``span`` samples after each joint, dB."""
    return min(decibels(one[at : at + span], other[at : at + span]) for at in joints)


def decibels(one: Samples, other: Samples) -> float:
    """Signal to difference, dB; 120 where nothing differs."""
    power, error = (float(np.sum(np.square(x, dtype=np.float64))) for x in (one, one - other))
    return float(10 * np.log10(max(power, 1e-9) / max(error, power * 1e-12, 1e-12)))


def alone(whole: Coded, every: int, preroll_ms: float) -> Samples:
    """Every slice decoded by a decoder of its own, one behind the other."""
    parts = sliced(whole, every, preroll_ms).values()
    return np.concatenate([decode(CODEC, part.coded).samples for part in parts])


def anew(note: Clip, every: int) -> Samples:
    """The naive rival: every slice coded by an encoder of its own, decoded, one behind the other."""
    parts = (Clip(note.samples[at : at + every], note.rate) for at in range(0, len(note.samples), every))
    return np.concatenate([decode(CODEC, encode(CODEC, part)).samples for part in parts])


def test_a_slice_alone_sounds_as_in_the_whole_and_the_naive_way_does_not(note: Clip, whole: Coded) -> None:
    """The first 100 ms after every joint, against the decoding of the note in one piece."""
    every = note.rate
    joints = list(range(every, len(note.samples), every))
    one = decode(CODEC, whole).samples
    seams = {ms: worst_seam(one, alone(whole, every, ms), joints, note.rate // 10) for ms in (0, PREROLL_MS)}
    naive = worst_seam(one, anew(note, every), joints, note.rate // 10)
    assert len(alone(whole, every, PREROLL_MS)) == len(one) == len(note.samples), "gapless, to the sample"
    assert seams[PREROLL_MS] > 25, seams
    assert seams[PREROLL_MS] > seams[0] + 10 and seams[PREROLL_MS] > naive + 10, (seams, naive)


def test_packets_that_end_too_early_are_refused(whole: Coded) -> None:
    with pytest.raises(CodecError, match="the packets end before slice 3 of 3 does"):
        list(cut(whole.packets[:-20], labels("x", whole.samples, whole.rate, 64_000), "opus", whole.delay))


@given(kept=st.lists(st.integers(0, 6), min_size=1, max_size=9))
def test_only_a_whole_set_is_in_order(kept: list[int]) -> None:
    known = labels("x", 65, 10, 10)
    given = {f"{place}": known[index] for place, index in enumerate(kept)}
    if sorted(kept) == list(range(7)):
        assert [given[name].index for name in in_order(given)] == list(range(7))
    else:
        with pytest.raises(PeerError, match=r"missing|both slice"):
            in_order(given)


def test_labels_cover_their_source() -> None:
    known = labels("x", 65, 10, 10)
    assert known[-1] == Label("x", 6, 7, 60, 5, 65, 10)
    assert known[-1].seconds == 6.0


def test_coding_as_the_sound_comes_is_coding_it_whole(note: Clip, whole: Coded) -> None:
    blocks = np.split(note.samples, [0, 1, 700, 100_000, 100_001])
    assert tuple(code(CODEC, blocks, len(note.samples))) == whole.packets
    assert tuple(code(CODEC, [], 5)) == encode(CODEC, Clip(np.zeros(5, np.float32), 16_000)).packets


def test_ten_thousand_sets_of_tags_are_a_label_or_a_named_error() -> None:
    rng = random.Random(1)
    good = {"SOURCE": "x", "INDEX": "2", "COUNT": "3", "START": "8", "SAMPLES": "4", "TOTAL": "12", "RATE": "8000"}
    odd = ("", "-1", "0", "1e9", "9" * 30, "9" * 9000, "nan", "тест", "٣", "2", "8", "12")
    read = 0
    for _ in range(10_000):
        tags = {f"SLICE_{key}": value if rng.random() < 0.8 else rng.choice(odd) for key, value in good.items()}
        if rng.random() < 0.2:
            del tags[rng.choice(sorted(tags))]
        try:
            label = label_of(tags, "a.ogg")
        except PeerError as error:
            assert "a.ogg" in str(error)
            continue
        read += 1
        assert 0 <= label.index < label.count < 10_000 and label.start + label.samples <= label.total and label.rate > 0
    assert 1000 < read < 9000, "both happen"
