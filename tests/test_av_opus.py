"""Opus by PyAV against Opus by our own calls: the same bytes in, and how far the same sound out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec import libopus
from imlab.codec.av_opus import AvOpus
from imlab.codec.contract import decode, encode
from imlab.codec.opus import Opus
from imlab.errors import UsageError

SETTINGS: list[dict[str, Any]] = [
    {},
    {"complexity": 3},
    {"vbr": False},
    {"constrained": True},
    {"application": "audio"},
    {"application": "lowdelay", "frame_ms": 2.5},
    {"frame_ms": 60},
    {"bitrate": 8_000, "rate": 8_000, "frame_ms": 120},
    {"bitrate": 16_000, "rate": 12_000, "vbr": False},
    {"bitrate": 32_000, "rate": 24_000},
    {"bitrate": 64_000, "rate": 48_000},
    {"bitrate": 256_000, "rate": 48_000, "vbr": False, "frame_ms": 10},
]
every_setting = pytest.mark.parametrize("settings", SETTINGS, ids=str)


def spoken(rate: int, speech: Clip) -> Clip:
    return Clip(resample(speech, rate).samples[:rate], rate)


@every_setting
def test_equal_settings_of_one_libopus_make_equal_packets(settings: dict[str, Any], speech: Clip) -> None:
    if libopus.load().source != "av wheel":
        pytest.skip(f"ours is {libopus.load().version} ({libopus.load().source}), theirs is the av wheel's")
    ours, theirs = Opus(**settings), AvOpus(**settings)
    clip = spoken(ours.rate, speech)
    assert theirs.delay == ours.delay
    assert encode(theirs, clip) == encode(ours, clip)


@every_setting
def test_both_decoders_hear_the_same(settings: dict[str, Any], speech: Clip) -> None:
    """Alike to the bit at 48 kHz, where neither resamples; elsewhere within the 0.06 ms of libopus's resamplers."""
    ours, theirs = Opus(**settings), AvOpus(**settings)
    coded = encode(ours, spoken(ours.rate, speech))
    one, other = decode(ours, coded).samples, decode(theirs, coded).samples
    if ours.rate == 48_000:
        np.testing.assert_array_equal(one, other)
    assert one.shape == other.shape
    assert np.corrcoef(one, other)[0, 1] > 0.85


@pytest.mark.parametrize(
    ("wrong", "possible"),
    [
        ({"rate": 44_100}, "one of 8000, 12000, 16000, 24000, 48000"),
        ({"frame_ms": 30}, "one of 2.5, 5, 10, 20, 40, 60, 80, 100, 120"),
        ({"bitrate": 256_001}, "from 6000 to 256000 bit/s"),
        ({"complexity": 11}, "one of 0, 1, 2"),
        ({"application": "music"}, "one of voip, audio, lowdelay"),
        ({"vbr": False, "constrained": True}, "needs vbr=True"),
    ],
)
def test_impossible_settings_are_refused_with_the_possible_ones(wrong: dict[str, Any], possible: str) -> None:
    with pytest.raises(UsageError) as error:
        AvOpus(**wrong)
    assert possible in str(error.value)


@every_setting
def test_the_label_is_the_call_that_makes_it(settings: dict[str, Any]) -> None:
    assert eval(repr(AvOpus(**settings))) == AvOpus(**settings)
    assert len(repr(AvOpus(**settings))) < 100
