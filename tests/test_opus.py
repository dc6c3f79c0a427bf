"""Opus: settings that can be, sound in its place, packets of the size that was asked for."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imlab.audio.clip import Clip, Samples
from imlab.audio.resample import resample
from imlab.codec.contract import CodecError, Coded, decode, encode
from imlab.codec.libopus import load
from imlab.codec.opus import APPLICATIONS, FRAMES_MS, RATES, Opus
from imlab.codec.opus_packet import packet_samples
from imlab.errors import UsageError

IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"rate": 44_100}, "one of 8000, 12000, 16000, 24000, 48000 Hz"),
    ({"frame_ms": 30}, "one of 2.5, 5, 10, 20, 40, 60, 80, 100, 120 ms"),
    ({"bitrate": 5_999}, "from 6000 to 510000 bit/s"),
    ({"bitrate": 510_001}, "from 6000 to 510000 bit/s"),
    ({"complexity": 11}, "from 0 to 10"),
    ({"complexity": -1}, "from 0 to 10"),
    ({"application": "music"}, "one of voip, audio, lowdelay"),
    ({"vbr": False, "constrained": True}, "needs vbr=True"),
]
NEAR = 10_000  # a tenth of a millisecond: the high-pass filter of voip makes low voices a little early
EXTREMES = [
    Opus(bitrate=6_000),
    Opus(bitrate=510_000, rate=48_000),
    Opus(bitrate=510_000, rate=48_000, frame_ms=120, vbr=False),
    Opus(bitrate=510_000, rate=48_000, frame_ms=2.5),
    Opus(bitrate=6_000, frame_ms=2.5, rate=8_000),
    Opus(complexity=0),
    Opus(vbr=False),
    Opus(constrained=True),
    Opus(application="audio"),
    Opus(application="lowdelay", frame_ms=5),
    Opus(dtx=True),
]


def tone(hertz: float, seconds: float, rate: int, level: float = 0.5) -> Clip:
    at = np.arange(round(seconds * rate)) / rate
    return Clip((level * np.sin(2 * np.pi * hertz * at)).astype(np.float32), rate)


def snr(sound: Samples, reference: Samples) -> float:
    """dB, of the part that the reference explains; without the first and last 50 ms of ramps."""
    inside = slice(len(reference) // 20, -len(reference) // 20)
    x, y = reference[inside].astype(float), sound[inside].astype(float)
    explained = x * (x @ y) / (x @ x)
    return float(10 * np.log10((explained @ explained) / ((y - explained) @ (y - explained))))


def lag(sound: Samples, reference: Samples, most: int) -> int:
    """Samples by which the sound comes late, -most..most, at the peak of the cross-correlation."""
    middle = reference[most:-most]
    scores = [float(middle @ sound[most + by : len(sound) - most + by]) for by in range(-most, most + 1)]
    return int(np.argmax(scores)) - most


@pytest.fixture(scope="session")
def sentence(speech: Clip) -> Clip:
    """Four seconds of speech at 16 kHz."""
    return Clip(resample(speech, 16_000).samples[: 4 * 16_000], 16_000)


@pytest.mark.parametrize(("wrong", "possible"), IMPOSSIBLE, ids=str)
def test_impossible_settings_are_refused_with_the_possible_ones(wrong: dict[str, Any], possible: str) -> None:
    with pytest.raises(UsageError) as error:
        Opus(**wrong)
    assert possible in str(error.value)


@pytest.mark.parametrize("codec", EXTREMES, ids=repr)
def test_extreme_settings_code_speech_of_its_own_length(codec: Opus, sentence: Clip) -> None:
    clip = resample(sentence, codec.rate)
    coded = encode(codec, clip)
    assert {packet_samples(packet.data, codec.rate) for packet in coded.packets} == {codec.frame}
    assert len(decode(codec, coded).samples) == len(clip.samples)


@pytest.mark.parametrize("codec", EXTREMES, ids=repr)
def test_the_label_is_the_call_that_makes_it(codec: Opus) -> None:
    assert eval(repr(codec)) == codec
    assert len(repr(codec)) < 100


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("frame_ms", [2.5, 10, 20, 60, 120])
def test_speech_comes_back_in_its_place(rate: int, application: str, frame_ms: float, sentence: Clip) -> None:
    codec = Opus(32_000, frame_ms, 5, rate, application=application)
    clip = resample(Clip(sentence.samples[: 2 * 16_000], 16_000), rate)
    heard = decode(codec, encode(codec, clip)).samples
    assert len(heard) == len(clip.samples)
    assert abs(lag(heard, clip.samples, most=40)) <= max(1, rate // NEAR), codec


@pytest.mark.parametrize("complexity", [0, 3, 10])
@pytest.mark.parametrize("frame_ms", FRAMES_MS)
def test_speech_comes_back_in_its_place_at_any_effort(complexity: int, frame_ms: float, sentence: Clip) -> None:
    codec = Opus(frame_ms=frame_ms, complexity=complexity)
    clip = Clip(sentence.samples[:16_000], 16_000)
    assert abs(lag(decode(codec, encode(codec, clip)).samples, clip.samples, most=20)) <= 1, codec


@pytest.mark.parametrize("length", [0, 1, 216, 217, 319, 320, 321, 16_000])
def test_every_length_comes_back(length: int) -> None:
    clip = Clip(tone(440, 2, 16_000).samples[:length], 16_000)
    coded = encode(Opus(), clip)
    assert len(coded.packets) == math.ceil((length + Opus().delay) / 320)
    assert len(decode(Opus(), coded).samples) == length


@pytest.mark.parametrize(("bitrate", "least"), [(16_000, 14), (32_000, 25), (64_000, 30), (128_000, 35)])
def test_a_tone_survives(bitrate: int, least: float) -> None:
    codec = Opus(bitrate=bitrate, application="audio")
    clip = tone(997, 1.0, 16_000)
    assert snr(decode(codec, encode(codec, clip)).samples, clip.samples) > least


@pytest.mark.parametrize("bitrate", [12_000, 24_000, 64_000])
@pytest.mark.parametrize("constrained", [False, True])
def test_speech_costs_about_what_was_asked_for(bitrate: int, constrained: bool, sentence: Clip) -> None:
    coded = encode(Opus(bitrate=bitrate, constrained=constrained), sentence)
    assert 0.75 < coded.size * 8 / sentence.seconds / bitrate < 1.25


@pytest.mark.parametrize("bitrate", [8_000, 24_000, 64_000])
@pytest.mark.parametrize("frame_ms", FRAMES_MS[2:])
def test_constant_bitrate_is_constant(bitrate: int, frame_ms: float, sentence: Clip) -> None:
    coded = encode(Opus(bitrate=bitrate, frame_ms=frame_ms, vbr=False), Clip(sentence.samples[:16_000], 16_000))
    asked = bitrate * frame_ms / 8000
    assert {len(packet.data) for packet in coded.packets} <= {math.floor(asked), round(asked), math.ceil(asked)}


def test_silence_is_nearly_free_with_dtx() -> None:
    silence = Clip(np.zeros(5 * 16_000, np.float32), 16_000)
    sizes = {dtx: [len(packet.data) for packet in encode(Opus(dtx=dtx), silence).packets] for dtx in (False, True)}
    assert sorted(sizes[True])[len(sizes[True]) // 2] <= 2
    assert sum(sizes[True]) < sum(sizes[False])


def test_speech_survives_dtx(sentence: Clip) -> None:
    codec = Opus(dtx=True)
    padded = Clip(np.concatenate([sentence.samples, np.zeros(3 * 16_000, np.float32), sentence.samples]), 16_000)
    heard = decode(codec, encode(codec, padded)).samples
    assert abs(lag(heard, padded.samples, most=20)) <= 1


def test_the_same_sound_makes_the_same_packets(sentence: Clip) -> None:
    assert encode(Opus(), sentence) == encode(Opus(), sentence)


def test_any_decoder_reads_any_setting(sentence: Clip) -> None:
    coded = encode(Opus(bitrate=64_000, frame_ms=60, rate=16_000), sentence)
    decoder = Opus(rate=48_000).decoder()
    assert sum(len(decoder.decode(packet.data)) for packet in coded.packets) == 3 * 960 * len(coded.packets)


def test_stereo_becomes_mono() -> None:
    stereo = bytes((0b01001_1_00,)) + bytes(20)  # SILK wide band, 20 ms, two channels
    assert Opus().decoder().decode(stereo).shape == (320,)


@pytest.mark.parametrize("lost", [2.5, 20, 60, 120])
def test_a_lost_packet_is_concealed_with_something_like_it(lost: float) -> None:
    codec = Opus(application="audio")
    decoder = codec.decoder()
    for packet in encode(codec, tone(440, 0.5, 16_000)).packets[:20]:  # in the middle of the tone
        before = decoder.decode(packet.data)
    guess = decoder.conceal(round(lost * 16))
    assert guess.shape == (round(lost * 16),)
    assert np.isfinite(guess).all()
    assert np.abs(guess[:40]).max() > 0.2 * np.abs(before).max()


@pytest.mark.parametrize("samples", [0, -40, 1, 41, 1_960])
def test_no_other_loss_is_concealed(samples: int) -> None:
    with pytest.raises(UsageError, match="multiple of 40 samples"):
        Opus().decoder().conceal(samples)


@pytest.mark.parametrize("data", [b"", b"\x0b", b"RIFF\x24\x00\x00\x00WAVE", bytes(1277)], ids=bytes.hex)
def test_bytes_that_are_no_packet_are_a_codec_error(data: bytes) -> None:
    with pytest.raises(CodecError, match="Opus packet"):
        Opus().decoder().decode(data)


def test_a_decoder_goes_on_after_a_broken_packet(sentence: Clip) -> None:
    coded = encode(Opus(), sentence)
    decoder = Opus().decoder()
    for packet in coded.packets:
        with pytest.raises(CodecError):
            decoder.decode(b"")
        assert len(decoder.decode(packet.data)) == 320


@pytest.mark.parametrize("shape", [(319,), (321,), (1,), (320, 1), ()])
def test_a_frame_has_one_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"a frame has shape \(320,\)"):
        Opus().encoder().encode(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 1e-40])
def test_wild_samples_make_a_packet_that_decodes(value: float) -> None:
    encoder, decoder = Opus().encoder(), Opus().decoder()
    packets = [encoder.encode(np.full(320, value, np.float32)), encoder.encode(np.zeros(320, np.float32))]
    assert [len(decoder.decode(packet)) for packet in packets] == [320, 320]


def test_what_was_decoded_is_the_callers_own(sentence: Clip) -> None:
    first, second = encode(Opus(), sentence).packets[20:22]
    decoder = Opus().decoder()
    kept = decoder.decode(first.data)
    copy = kept.copy()
    decoder.decode(second.data)
    np.testing.assert_array_equal(kept, copy)


def test_streams_give_their_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[object] = []
    for module in (load().encoder, load().decoder):

        def destroy(state: object, real: Callable[[object], None] = module.destroy) -> None:
            gone.append(state)
            real(state)

        monkeypatch.setattr(module, "destroy", destroy)
    streams = [Opus().encoder(), Opus().decoder()]
    assert not gone
    streams.clear()
    gc.collect()
    assert len(gone) == 2


def test_a_clip_that_is_shorter_than_it_says_is_a_codec_error(sentence: Clip) -> None:
    coded = encode(Opus(), sentence)
    for lie in (replace(coded, packets=coded.packets[:-2]), replace(coded, samples=10**15), replace(coded, delay=-1)):
        with pytest.raises(CodecError, match="came out of the packets"):
            decode(Opus(), lie)


def test_a_codec_decodes_only_its_own() -> None:
    with pytest.raises(UsageError, match="does not decode pcm at 16000 Hz"):
        decode(Opus(), Coded("pcm", 16_000, 0, 0, ()))
