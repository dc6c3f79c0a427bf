"""A lag is found to the sample where the wave is kept, nearly where it is not, and taken back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, sosfiltfilt

from imlab.audio.clip import Clip, Samples
from imlab.audio.join import cut
from imlab.audio.quality.delay import Delay, find_delay, put_in_place
from imlab.audio.resample import resample
from imlab.codec.contract import Codec, decode, encode
from imlab.codec.opus import Opus
from imlab.errors import UsageError

RATE = 16_000
Floats = NDArray[np.float64]


def late(samples: Samples, by: int) -> Clip:
    """The sound ``by`` samples later, whole; earlier where that is negative."""
    return Clip(np.concatenate([np.zeros(by, np.float32), samples]) if by >= 0 else samples[-by:], RATE)


def vocoded(samples: Floats) -> Floats:
    """Noise that is as loud as the voice, band by band: all of the sound of it and nothing of the wave."""
    noise = np.random.default_rng(5).standard_normal(len(samples))
    total = np.zeros(len(samples))
    for low, high in ((100, 500), (500, 1_200), (1_200, 2_400), (2_400, 3_800)):
        band = butter(4, [low, high], "band", fs=RATE, output="sos")
        slow = butter(2, 50, fs=RATE, output="sos")
        total += sosfilt(band, noise) * np.maximum(sosfiltfilt(slow, np.abs(sosfiltfilt(band, samples))), 0)
    return total


DAMAGE: dict[str, Callable[[Floats], Floats]] = {
    "nothing": lambda samples: samples,
    "turned over and quiet": lambda samples: -0.05 * samples,
    "narrow band": lambda samples: sosfiltfilt(butter(6, [300, 3_400], "band", fs=RATE, output="sos"), samples),
    "bass turned": lambda samples: sosfilt(butter(2, 120, "high", fs=RATE, output="sos"), samples),
    "noise as loud": lambda samples: samples + samples.std() * np.random.default_rng(1).standard_normal(len(samples)),
    "clipped": lambda samples: np.clip(samples, -0.02, 0.02),
}


@pytest.mark.parametrize("lag", [0, 104, -333, 7_900])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_lag_is_found_to_the_sample(damage: str, lag: int, speech: Clip) -> None:
    original = cut(speech, 3.0)
    heard = DAMAGE[damage](original.samples.astype(np.float64)).astype(np.float32)
    delay = find_delay(original, late(heard, lag))
    assert (delay.samples, delay.by) == (lag, "wave"), delay
    assert delay.ms == pytest.approx(lag / 16)


@pytest.mark.parametrize("lag", [0, 1_104])
def test_a_vocoders_lag_is_found_by_its_envelopes(lag: int, speech: Clip) -> None:
    original = cut(speech, 3.0)
    delay = find_delay(original, late(vocoded(original.samples.astype(np.float64)).astype(np.float32), lag))
    assert delay.by == "envelope" and abs(delay.samples - lag) <= 0.004 * RATE, delay


@pytest.mark.parametrize("codec", [Opus(6_000), Opus(8_000, rate=8_000), Opus(24_000)], ids=repr)
def test_a_codec_that_comes_back_in_place_has_no_lag(codec: Codec, speech: Clip) -> None:
    original = cut(speech, 4.0)
    heard = decode(codec, encode(codec, resample(original, codec.rate)))
    assert abs(find_delay(original, resample(heard, RATE)).samples) <= 1


@pytest.mark.parametrize(
    "pair",
    [
        (np.zeros(9), np.zeros(9)),
        (np.zeros(0), np.ones(9)),
        (np.ones(1), np.ones(1)),
        (np.ones(800), np.random.default_rng(0).standard_normal(16_000)),
        (np.random.default_rng(0).standard_normal(32_000), np.random.default_rng(1).standard_normal(32_000)),
    ],
    ids=["silence", "no samples", "one sample", "constant", "strangers"],
)
def test_where_nothing_is_to_be_found_nothing_is_moved(pair: tuple[Floats, Floats]) -> None:
    delay = find_delay(*(Clip(side.astype(np.float32), RATE) for side in pair))
    assert delay.samples == 0 and delay.by == "nothing"


def test_two_rates_are_refused(speech: Clip) -> None:
    with pytest.raises(UsageError, match="8000"):
        find_delay(speech, resample(speech, 8_000))


@pytest.mark.parametrize(
    ("lag", "heard", "placed"),
    [
        (0, [1, 2, 3, 4], [1, 2, 3, 4]),
        (1, [9, 1, 2, 3, 4, 9], [1, 2, 3, 4]),
        (1, [9, 1, 2], [1, 2, 0, 0]),
        (-1, [2, 3, 4], [0, 2, 3, 4]),
        (-1, [2, 3, 4, 9], [0, 2, 3, 4]),
        (9, [1, 2], [0, 0, 0, 0]),
        (-9, [1, 2], [0, 0, 0, 0]),
        (0, [], [0, 0, 0, 0]),
    ],
)
def test_what_is_put_in_place_has_the_references_length(lag: int, heard: list[float], placed: list[float]) -> None:
    reference = Clip(np.array([1, 2, 3, 4], np.float32), RATE)
    moved = put_in_place(reference, Clip(np.array(heard, np.float32), RATE), Delay(lag, RATE, "wave", 1.0))
    assert moved.samples.tolist() == placed
