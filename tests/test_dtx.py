"""Discontinuous transmission read as voice activity: known packets, known sounds, libopus and opencore themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.join import cut
from imlab.audio.resample import resample
from imlab.audio.voice.activity import steps
from imlab.codec.amr import Amr
from imlab.codec.contract import CodecError, Coded, Packet, encode
from imlab.codec.dtx import EMPTY, Dtx, sounding
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import UsageError

CODERS = [Dtx(), Dtx(Opus(bitrate=16_000, frame_ms=60, dtx=True)), Dtx(Amr(dtx=True))]

everyone = pytest.mark.parametrize("coder", CODERS, ids=repr)


@pytest.fixture(scope="module")
def said(speech: Clip) -> Clip:
    """Three seconds of it."""
    return cut(speech, 3.0)


def coded(codec: str, *packets: bytes) -> Coded:
    return Coded(codec, 16_000, 0, 0, tuple(Packet(data, 320) for data in packets))


def between_silences(speech: Clip, seconds: float = 2.0) -> Clip:
    room = np.random.default_rng(1).normal(0, 1e-4, (2, round(seconds * speech.rate))).astype(np.float32)
    return Clip(np.concatenate([room[0], speech.samples, room[1]]), speech.rate)


def test_an_opus_packet_that_stands_alone_renews_the_noise() -> None:
    full, empty = bytes(40), bytes(EMPTY)
    told = sounding(coded("opus", full, full, empty, b"\x08", full, empty, empty, full, full, empty))
    assert told.tolist() == [True, True] + [False] * 5 + [True, True, False]
    assert sounding(coded("opus", full)).tolist() == [True]


def test_an_amr_packet_says_what_it_is() -> None:
    speech, noise, nothing = bytes([7 << 3 | 4]) + bytes(31), bytes([8 << 3 | 4]) + bytes(5), bytes([15 << 3 | 4])
    assert sounding(coded("amr", speech, noise, nothing)).tolist() == [True, False, False]
    with pytest.raises(CodecError):
        sounding(coded("amr", b""))


@everyone
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.0, 0.0001, 0.05, 1.005])
def test_a_flag_for_every_step_begun(coder: Dtx, rate: int, seconds: float) -> None:
    clip = Clip(np.zeros(round(seconds * rate), np.float32), rate)
    assert len(coder(clip).speech) == steps(clip)


@everyone
def test_silence_is_left_out_and_speech_is_sent(coder: Dtx, said: Clip) -> None:
    clip = between_silences(said)
    told = coder(clip).speech
    assert told[220:480].mean() > 0.6, "speech"
    assert told[550:].mean() < 0.1, "the pause, after the hangover"
    plain = replace(coder.codec, dtx=False)
    assert coder.coded(clip).size < encode(plain, resample(clip, plain.rate)).size


@everyone
def test_what_came_before_is_forgotten(coder: Dtx, said: Clip) -> None:
    alone = coder(said).speech
    coder(Clip(np.random.default_rng(2).normal(0, 0.3, 16_000).astype(np.float32), 16_000))
    assert (coder(said).speech == alone).all()


@everyone
def test_clipping_is_borne_and_the_repr_is_the_value(coder: Dtx, said: Clip) -> None:
    assert len(coder(Clip(said.samples * np.float32(1000), 16_000)).speech) == steps(said)
    assert eval(repr(coder)) == coder and hash(coder) == hash(eval(repr(coder)))


def test_libopus_goes_on_for_a_while_after_speech_so_nothing_but_a_renewal_stands_alone(said: Clip) -> None:
    """The reading of ``sounding`` rests on this: a run of whole packets is a renewal, or lasts 10 frames."""
    full = [len(packet.data) > EMPTY for packet in Dtx().coded(between_silences(said, 4.0)).packets]
    edges = np.flatnonzero(np.diff(full, prepend=False, append=False)).reshape(-1, 2)
    runs = (edges[:, 1] - edges[:, 0]).tolist()
    assert runs.count(1) >= 5 and all(run == 1 or run >= 10 for run in runs[:-1]), runs


@pytest.mark.parametrize("codec", [Opus(), Amr()], ids=repr)
def test_a_coder_that_leaves_nothing_out_is_no_detector(codec: Opus | Amr) -> None:
    with pytest.raises(UsageError, match="dtx=True"):
        Dtx(codec)


def test_packets_that_tell_nothing_are_refused(speech: Clip) -> None:
    with pytest.raises(UsageError, match="do not tell silence"):
        sounding(encode(Pcm(), speech))
