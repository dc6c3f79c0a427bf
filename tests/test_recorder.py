"""Recorder and player: what is recorded frame by frame is what is heard, whole or piece by piece."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.audio.join import cut
from imlab.audio.waveform import thumbnail
from imlab.client.player import Player, coded, sound
from imlab.client.recorder import Recorder
from imlab.codec.aac import Aac
from imlab.codec.contract import Codec, encode
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import PeerError, UsageError
from imlab.wire.messages import VoiceMessage

COPIED: tuple[Codec, ...] = (Pcm(), Opus(complexity=3), Opus(frame_ms=60, complexity=3))
CODECS: tuple[Codec, ...] = (*COPIED, Mp3(), Aac(24_000))  # the last two look ahead, and cannot be copied
ID = "0" * 32


def taken(codec: Codec, clip: Clip, step: int = 960) -> Recorder:
    """A recorder that has heard the clip, ``step`` samples at a time."""
    recorder = Recorder(codec)
    for start in range(0, len(clip.samples), step):
        recorder.add(clip.samples[start : start + step])
    return recorder


def ended(recorder: Recorder) -> VoiceMessage:
    return recorder.stop(ID, "ann", "tea", 1)


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_frame_by_frame_is_the_whole_clip(codec: Codec, speech: Clip) -> None:
    note = ended(taken(codec, speech))
    assert coded(note) == encode(codec, speech)
    assert note.whole
    assert note.duration_ms == round(speech.seconds * 1000)


@pytest.mark.parametrize("codec", COPIED, ids=repr)
def test_a_take_ended_twice_is_the_same_note_twice(codec: Codec, speech: Clip) -> None:
    take = taken(codec, speech)
    twin = take.copy()
    assert ended(take) == ended(twin)


def test_a_copy_goes_its_own_way(speech: Clip) -> None:
    take = taken(Opus(complexity=3), speech)
    twin = take.copy()
    twin.add(speech.samples)
    longer, shorter = ended(twin), ended(take)
    assert coded(shorter) == encode(Opus(complexity=3), speech)
    assert longer.duration_ms == 2 * shorter.duration_ms
    assert longer.audio[: shorter.layout.sizes[0]] == shorter.audio[: shorter.layout.sizes[0]]


def test_the_waveform_is_the_clips_loudness(speech: Clip) -> None:
    drawn = np.frombuffer(ended(taken(Pcm(), speech)).waveform, np.uint8).astype(int)
    direct = np.frombuffer(thumbnail(speech.samples, len(drawn)), np.uint8).astype(int)
    assert np.abs(drawn - direct).mean() < 6, "per frame and per sample differ only at the edges of a stretch"


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_the_player_begins_with_the_first_packet_that_has_sound(codec: Codec, speech: Clip) -> None:
    note = ended(taken(codec, cut(speech, 1.0)))
    silent = codec.delay // codec.frame  # packets that hold nothing but the codec's own delay
    first = sum(note.layout.sizes[: silent + 1])
    player = Player(note)
    player.feed(note.audio[: first - 1])
    assert len(player.take(note.layout.samples)) == 0, "nothing is made up"
    player.feed(note.audio[first - 1 : first])
    heard = player.take(note.layout.samples)
    assert len(heard) == (silent + 1) * codec.frame - codec.delay
    np.testing.assert_array_equal(heard, sound(note).samples[: len(heard)])


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@settings(max_examples=20)
@given(data=st.data())
def test_heard_in_pieces_is_heard_whole(codec: Codec, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    length = data.draw(st.integers(1, 6000))
    note = ended(taken(codec, Clip((0.1 * rng.standard_normal(length)).astype(np.float32), 16_000), 500))
    player, parts, start = Player(note), [], 0
    while start < note.size:
        step = data.draw(st.integers(1, note.size))
        player.feed(note.audio[start : start + step])
        start += step
        while len(heard := player.take(data.draw(st.integers(1, 700)))):
            parts.append(heard)
    heard = np.concatenate(parts)
    assert player.done
    assert len(heard) == length
    np.testing.assert_array_equal(heard, sound(note).samples)


def test_nothing_recorded_is_no_note() -> None:
    with pytest.raises(UsageError, match="at least one sample"):
        ended(Recorder(Pcm()))


def test_a_note_that_does_not_fit_its_layout_is_the_peers_fault(speech: Clip) -> None:
    note = ended(taken(Pcm(), speech))
    with pytest.raises(PeerError, match="in its layout"):
        sound(replace(note, audio=note.audio[:-2]))
