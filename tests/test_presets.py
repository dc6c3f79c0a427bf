"""What messengers ship: every preset runs, says where it was read, and stands on the page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.client.preset import Preset
from imlab.client.preset_table import page
from imlab.client.presets import PRESETS, preset
from imlab.codec.contract import decode, encode
from imlab.codec.opus import Opus
from imlab.errors import UsageError
from imlab.wire import limits

every_preset = pytest.mark.parametrize("shipped", PRESETS, ids=lambda shipped: shipped.name)
STRAY = {
    "opus": 0.15,
    "mp3": 0.01,
    "aac": 0.35,
}  # how far speech may stray from the bitrate that was asked for


def test_the_page_is_made_of_the_values() -> None:
    assert (Path(__file__).parents[1] / "docs" / "presets.md").read_text() == page()


def test_names_are_unlike_and_found() -> None:
    assert len({each.name for each in PRESETS}) == len(PRESETS)
    assert all(preset(each.name) is each for each in PRESETS)
    with pytest.raises(UsageError, match="no preset is called 'icq'"):
        preset("icq")


def test_all_seven_apps_are_there() -> None:
    wanted = {"Telegram", "Signal", "Element", "WhatsApp", "Rocket.Chat", "Discord", "Tinode"}
    assert {each.app for each in PRESETS} == wanted


@every_preset
def test_a_fact_says_where_it_was_read(shipped: Preset) -> None:
    assert shipped.sources
    for source in shipped.sources:
        assert re.match(r"[\w.-]+/[\w.-]+ \S", source.where), (
            "owner/repository, then a file, an issue or a pull request"
        )
        assert source.says
    assert re.search(r"20\d\d|commit [0-9a-f]{8}", shipped.as_of), "a year, or the commit that was read"


@every_preset
def test_it_fits_the_wire(shipped: Preset) -> None:
    assert (shipped.waveform or 0) <= limits.WAVEFORM
    assert 1000 * (shipped.longest_s or 0) <= limits.DURATION_MS


@every_preset
def test_it_runs_at_about_the_bitrate_that_it_names(shipped: Preset, speech: Clip) -> None:
    clip = resample(speech, shipped.codec.rate)
    coded = encode(shipped.codec, clip)
    heard = decode(shipped.codec, coded)
    assert np.corrcoef(heard.samples, clip.samples)[0, 1] > 0.8
    asked = shipped.codec.bitrate  # type: ignore[attr-defined]  # every codec that an app ships has one
    assert 8 * coded.size / clip.seconds == pytest.approx(asked, rel=STRAY[shipped.codec.name])


def test_telegram_for_android_fills_every_packet(speech: Clip) -> None:
    shipped = preset("telegram-android")
    assert isinstance(shipped.codec, Opus)
    coded = encode(shipped.codec, resample(speech, 48_000))
    assert {len(packet.data) for packet in coded.packets} == {(1275 * 3 + 7) // 10}, "max_frame_bytes / 10"
