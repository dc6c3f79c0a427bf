"""What a libopus can do is told by its work; and two of them are held against each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.codec.catalogue import versions
from imlab.codec.contract import decode, encode
from imlab.codec.libopus import load
from imlab.codec.opus import Opus
from imlab.codec.opus_features import Features, features
from imlab.errors import DoorError, UsageError

from_the_wheel = pytest.mark.skipif(load().source != "av wheel", reason=f"libopus is from {load().source}")


@from_the_wheel
def test_the_wheels_libopus_takes_the_requests_of_the_networks_and_has_none() -> None:
    assert features() == Features(load().version.removeprefix("libopus "), takes_complexity=True)
    assert features().listening == (0,)


def test_manifests_tell_what_was_built_in() -> None:
    assert versions()["libopus"] == str(features())
    assert str(Features("1.5.2", True, ("LACE", "deep PLC", "DRED"))) == "1.5.2 with LACE, deep PLC, DRED"
    assert str(Features("1.3.1", False)) == "1.3.1"


@pytest.mark.parametrize(
    ("deep", "listening"),
    [((), (0,)), (("deep PLC", "DRED"), (0,)), (("LACE",), (0, 6)), (("LACE", "NoLACE", "DRED"), (0, 6, 7))],
)
def test_only_what_sounds_different_is_worth_hearing(deep: tuple[str, ...], listening: tuple[int, ...]) -> None:
    assert Features("1.5.2", True, deep).listening == listening


def test_the_decoders_complexity_is_a_setting_that_is_named_where_it_is_not_usual() -> None:
    assert repr(Opus()) == "Opus(bitrate=24000, frame_ms=20, complexity=10)"
    assert repr(Opus(decoder_complexity=7)).endswith(", decoder_complexity=7)")
    assert replace(Opus(decoder_complexity=7), decoder_complexity=0) == Opus()
    with pytest.raises(UsageError, match="no decoder_complexity 11: from 0 to 10"):
        Opus(decoder_complexity=11)


def test_networks_change_the_sound_where_they_are_and_only_there(speech: Clip) -> None:
    codec = Opus(12_000)
    coded = encode(codec, Clip(speech.samples[: 2 * speech.rate], speech.rate))
    plain = decode(codec, coded).samples
    if not features().takes_complexity:
        with pytest.raises(DoorError, match=r"=7 needs libopus 1\.5 or later: set IMLAB_LIBOPUS"):
            replace(codec, decoder_complexity=7).decoder()
        return
    mended = decode(replace(codec, decoder_complexity=7), coded).samples
    assert np.array_equal(mended, plain) == (features().listening == (0,))


def test_a_request_that_no_libopus_knows_is_refused_by_name() -> None:
    with pytest.raises(DoorError, match="refused request 4999"):
        Opus().encoder().control(4_999, 1)
