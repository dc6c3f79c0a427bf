"""The synthesiser: seeded, and like speech in what codecs and meters react to."""

from __future__ import annotations

import numpy as np
import pytest

from imlab.audio.clip import Clip, Samples
from imlab.audio.speech.synth import MAN, WOMAN, Voice, synthesise
from imlab.errors import UsageError

pytestmark = pytest.mark.slow

VOICES = pytest.mark.parametrize("voice", [MAN, WOMAN], ids=["man", "woman"])


def levels(clip: Clip) -> Samples:
    """Decibels of full scale per 10 ms."""
    size = clip.rate // 100
    frames = clip.samples[: len(clip.samples) // size * size].reshape(-1, size)
    return np.asarray(20 * np.log10(frames.std(axis=1) + 1e-9))


def pitches(clip: Clip) -> Samples:
    """Hz, by autocorrelation, where a frame of 50 ms is loud and periodic."""
    size = clip.rate // 20
    low, high = clip.rate // 350, clip.rate // 60
    found = []
    for start in range(0, len(clip.samples) - size, size // 2):
        frame = clip.samples[start : start + size]
        again = np.correlate(frame, frame, "full")[size - 1 :]
        lag = int(np.argmax(again[low:high])) + low
        if frame.std() > clip.samples.std() and again[lag] > 0.4 * again[0]:
            found.append(clip.rate / lag)
    return np.asarray(found)


@pytest.mark.parametrize(("seconds", "rate"), [(0.01, 16_000), (3.0, 16_000), (2.5, 48_000), (1.0, 8000)])
def test_the_length_is_the_one_asked_for(seconds: float, rate: int) -> None:
    clip = synthesise(1, seconds, rate=rate)
    assert len(clip.samples) == round(seconds * rate)
    assert np.isfinite(clip.samples).all()
    assert np.abs(clip.samples).max() <= 0.91


def test_the_same_seed_is_the_same_clip_and_another_is_another() -> None:
    first, again, other = (synthesise(seed, 2.0).samples for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.2


@VOICES
def test_it_speaks_and_pauses(voice: Voice) -> None:
    level = levels(synthesise(2, 12.0, voice))
    assert 0.10 < np.mean(level < -55) < 0.45, "pauses"
    assert 0.40 < np.mean(level > -40) < 0.90, "speech"


@VOICES
def test_syllables_come_about_four_a_second(voice: Voice) -> None:
    envelope = 10 ** (levels(synthesise(3, 20.0, voice)) / 20)
    spectrum = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
    hz = np.fft.rfftfreq(len(envelope), 0.01)
    speech, flutter = spectrum[(hz > 1) & (hz < 8)].mean(), spectrum[(hz > 12) & (hz < 40)].mean()
    assert speech > 10 * flutter


@VOICES
def test_the_pitch_is_the_voice_s(voice: Voice) -> None:
    found = pitches(synthesise(4, 8.0, voice))
    assert len(found) > 40
    assert np.median(found) == pytest.approx(voice.pitch, rel=0.15)
    assert np.std(np.log(found)) > 0.02, "a melody, not a drone"


@VOICES
def test_the_spectrum_falls_as_speech_does(voice: Voice) -> None:
    """Long-term average speech (Byrne 1994) lies some 20 to 35 dB lower at 4-6 kHz than at 250-700 Hz."""
    clip = synthesise(5, 12.0, voice)
    power = np.abs(np.fft.rfft(clip.samples)) ** 2
    hz = np.fft.rfftfreq(len(clip.samples), 1 / clip.rate)
    low, high = power[(hz > 250) & (hz < 700)].mean(), power[(hz > 4000) & (hz < 6000)].mean()
    assert 15 < 10 * np.log10(low / high) < 45


def test_no_time_is_not_spoken() -> None:
    with pytest.raises(UsageError, match=r"0\.005 s or longer, not 0"):
        synthesise(1, 0)
