"""Noise is of the power, the colour and the voices that its name promises, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.noise import Babble, Noise, Pink, White, add
from imlab.errors import UsageError

RATE = 16_000
KINDS: list[Noise] = [White(), Pink(), Babble(people=3)]


def tone(hz: float, seconds: float = 1.0) -> Clip:
    return Clip(np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32), RATE)


VOICES = (tone(300), tone(500, 0.4), tone(900))


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@pytest.mark.parametrize("samples", [1, 800, 50_001])
def test_mean_power_is_one_and_the_seed_decides(kind: Noise, samples: int) -> None:
    made = [kind(samples, RATE, VOICES, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert made[0].shape == (samples,) and np.mean(made[0] ** 2) == pytest.approx(1)
    assert (made[0] == made[1]).all()
    assert samples == 1 or (made[0] != made[2]).any()


def octave(noise: np.ndarray[tuple[int], np.dtype[np.float64]], low: float) -> float:
    """The power from ``low`` Hz to twice that."""
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / RATE)
    return float(power[(hz >= low) & (hz < 2 * low)].sum())


@pytest.mark.parametrize(("kind", "ratio"), [(White(), 8.0), (Pink(), 1.0)], ids=repr)
def test_the_colour_is_the_power_of_the_octaves(kind: Noise, ratio: float) -> None:
    made = kind(200_000, RATE, (), np.random.default_rng(1))
    assert octave(made, 2000) / octave(made, 250) == pytest.approx(ratio, rel=0.1)


def test_a_crowd_is_its_voices_equally_loud() -> None:
    whispering = Clip(tone(900).samples * np.float32(0.01), RATE)
    crowd = Babble(people=3)(16_000, RATE, (tone(300), tone(500), whispering), np.random.default_rng(1))
    assert [octave(crowd, low) / octave(crowd, 200) for low in (400, 800)] == pytest.approx([1, 1], rel=0.02)


@pytest.mark.parametrize(
    "voices",
    [(), (Clip(np.zeros(9, np.float32), RATE),), (Clip(np.ones(9, np.float32), 8_000),)],
    ids=["none", "silent", "rate"],
)
def test_a_crowd_of_nobody_is_refused(voices: tuple[Clip, ...]) -> None:
    with pytest.raises(UsageError, match="needs voices"):
        Babble()(100, RATE, voices, np.random.default_rng(1))
    with pytest.raises(UsageError, match="one person"):
        Babble(people=0)


def test_noise_is_added_at_its_power() -> None:
    silence = Clip(np.zeros(50_000, np.float32), RATE)
    noisy = add(silence, White()(50_000, RATE, (), np.random.default_rng(1)), 1e-3)
    assert np.mean(noisy.samples.astype(np.float64) ** 2) == pytest.approx(1e-3, rel=1e-3)
