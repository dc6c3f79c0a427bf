"""The options that choose a codec: the words fit the settings, and what does not fit is said."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import pytest

from imlab.client.presets import PRESETS
from imlab.codec.contract import Codec
from imlab.codec.g711 import G711
from imlab.codec.mp3 import Mp3
from imlab.codec.named import CODECS
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.desk.calls.codec_options import FIELDS, KINDS, add_codec_options, codec_of
from imlab.errors import UsageError


def chosen(words: str) -> Codec:
    """What these words choose."""
    parser = argparse.ArgumentParser()
    add_codec_options(parser)
    return codec_of(parser.parse_args(words.split()))


def test_every_codec_that_a_receiver_opens_can_be_asked_for() -> None:
    assert set(KINDS) == set(CODECS)


@pytest.mark.parametrize("name", KINDS)
def test_the_words_fit_the_settings(name: str) -> None:
    codec: Any = chosen(f"--codec {name}")
    assert codec.name == name
    assert codec == type(codec)(**KINDS[name].fixed), "what is not asked for is the codec's usual"
    settable = {FIELDS[option] for option in KINDS[name].takes}
    assert settable == {field.name for field in fields(codec)} & set(FIELDS.values())


@pytest.mark.parametrize(
    ("words", "codec"),
    [
        ("", Opus()),
        ("--bitrate 16000 --frame 60 --complexity 3", Opus(16_000, 60, 3)),
        ("--fullband --dtx", Opus(rate=48_000, dtx=True)),
        ("--codec pcm --fullband --frame 10", Pcm(48_000, 10)),
        ("--codec pcmu --frame 30", G711("mu", 30)),
        ("--codec mp3 --rate 44100 --bitrate 64000", Mp3(64_000, 44_100)),
        ("--preset element-web --complexity 10", Opus(24_000, 20, 10, 48_000, constrained=True)),
    ],
)
def test_what_is_asked_for_is_what_it_is(words: str, codec: Codec) -> None:
    assert chosen(words) == codec


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_can_be_asked_for(preset: Any) -> None:
    assert chosen(f"--preset {preset.name}") == preset.codec


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("--codec pcm --bitrate 16000", "pcm has no --bitrate; it takes --frame, --rate"),
        ("--codec codec2-700c --frame 20", "codec2-700c has no --frame; it takes no settings"),
        ("--codec amr --fullband", "amr has no --rate; it takes --bitrate, --dtx"),
        ("--preset signal-ios --complexity 3", "aac has no --complexity; it takes --bitrate, --rate"),
        ("--codec amr --bitrate 13000", "AMR has no bitrate 13000"),
        ("--frame 7", "frame_ms"),
        ("--preset msn", "no preset is called 'msn'; there are telegram-android-2019, "),
    ],
)
def test_what_cannot_be_is_said(words: str, seen: str) -> None:
    with pytest.raises(UsageError, match=seen):
        chosen(words)


@pytest.mark.parametrize("words", ["--codec mp4", "--codec opus --preset discord"])
def test_a_word_that_is_no_codec_and_two_wishes_at_once_are_misuse(words: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        chosen(words)
