"""What was claimed against what was found: every disagreement is named, and what was not said is not held against."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.codec.container.writing import to_file
from imlab.codec.contract import encode
from imlab.codec.opus import Opus
from imlab.codec.walking.walked import Walked
from imlab.errors import DoorError
from imlab.net.web.downloads import kinds
from imlab.server.doors import Claimed, Unacceptable
from imlab.server.examination import TYPES, Limits, judged
from imlab.stack.structure import INLINE, Structure
from imlab.wire.limits import TYPE

OGG = Walked("ogg", "opus", 6.0, 16_000, 1, 301)
M4A = Walked("mp4", "aac", 6.0, 48_000, 1, 283)
WAV = Walked("wav", "pcm", 6.0, 16_000, 1, 300)
WEBM = Walked("webm", "opus", 6.0, 48_000, 1, 301)
LIMITS = Limits()

FITTING = [
    (OGG, Claimed()),
    (OGG, Claimed("audio/ogg", "note.ogg", "opus", 6_000)),
    (OGG, Claimed("audio/ogg; codecs=opus", "Voice 12.OGA", "Opus", 6_999)),
    (OGG, Claimed('AUDIO/OGG; codecs="opus"', "ogg", "", 5_001)),
    (OGG, Claimed("application/octet-stream", "blob", "")),
    (OGG, Claimed("application/x-www-form-urlencoded", "mp3", "")),
    (OGG, Claimed("audio/opus", "a.b.opus")),
    (M4A, Claimed("audio/mp4; codecs=mp4a.40.2", "REC.M4A", "mp4a.40.2")),
    (M4A, Claimed("audio/x-m4a", "note.mp4", "aac")),
    (M4A, Claimed("video/mp4", "note.m4a")),
    (WAV, Claimed("audio/vnd.wave; codec=1", "note.wave", "pcm")),
    (WEBM, Claimed("audio/webm;codecs=opus", "recording.webm")),
    (WEBM, Claimed("video/webm", "recording.mka")),
    (OGG, Claimed(filename="notes.txt")),  # an ending of no sound says nothing
]

UNFITTING = [
    (OGG, Claimed("audio/mpeg"), "said to be 'audio/mpeg' and is audio/ogg; codecs=opus"),
    (OGG, Claimed("text/html"), "said to be 'text/html'"),
    (OGG, Claimed("audio/" + "x" * 9_000), "said to be 'audio/x"),
    (OGG, Claimed("audio/ogg; codecs=vorbis"), "codec is said to be 'vorbis' and is opus"),
    (OGG, Claimed(codec="aac"), "codec is said to be 'aac' and is opus"),
    (OGG, Claimed(filename="note.m4a"), "ends in .m4a"),
    (M4A, Claimed(filename="note.mp3"), "ends in .mp3"),
    (M4A, Claimed("audio/mp4; codecs=opus"), "said to be 'opus' and is aac"),
    (WAV, Claimed("audio/wav", "note.ogg"), "ends in .ogg"),
    (OGG, Claimed(duration_ms=7_001), "said to last 7001 ms and lasts 6000"),
    (OGG, Claimed(duration_ms=0), "said to last 0 ms"),
    (OGG, Claimed(duration_ms=-(2**70)), "said to last -"),
    (Walked("ogg", "opus", 0.1999, 16_000, 1, 10), Claimed(), "0.200 s of sound: a voice note has 0.2 at least"),
    (Walked("ogg", "opus", 900.01, 16_000, 1, 10), Claimed(), "900.0 s of sound: a voice note has 900 at most"),
    (Walked("wav", "pcm", 6.0, 16_000, 6, 10), Claimed(), "6 channels: a voice note has 1 to 2"),
    (Walked("wav", "pcm", 6.0, 16_000, 0, 10), Claimed(), "0 channels"),
]


def note(seconds: float = 1.0, bitrate: int = 24_000) -> bytes:
    noise = np.random.default_rng(3).uniform(-0.3, 0.3, int(48_000 * seconds)).astype(np.float32)
    return to_file(encode(Opus(bitrate, complexity=0, rate=48_000), Clip(noise, 48_000)))[1]


@pytest.mark.parametrize(("walked", "claimed"), FITTING, ids=repr)
def test_what_fits_is_taken(walked: Walked, claimed: Claimed) -> None:
    found = judged(walked, claimed, LIMITS)
    assert (found.codec, found.type, found.duration_ms) == (walked.codec, TYPES[walked.container], 6_000)
    assert found.waveform == b""


@pytest.mark.parametrize(
    ("walked", "claimed", "seen"), UNFITTING, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_does_not_fit_is_refused_with_what_was_seen(walked: Walked, claimed: Claimed, seen: str) -> None:
    with pytest.raises(Unacceptable, match=seen) as refused:
        judged(walked, claimed, LIMITS)
    assert refused.value.kind == "content"
    assert len(str(refused.value)) < 200


def test_the_limits_themselves_are_taken() -> None:
    for seconds in (LIMITS.shortest, LIMITS.longest):
        assert judged(Walked("ogg", "opus", seconds, 16_000, 2, 1), Claimed(), LIMITS).duration_ms == round(
            seconds * 1000
        )


def test_types_fit_into_a_message_and_are_those_that_are_given_out() -> None:
    assert all(1 <= len(kind) <= TYPE for kind in TYPES.values())
    assert {container: kinds.TYPES[container] for container in TYPES} == TYPES
    assert all(kinds.is_sound(kind) for kind in TYPES.values())


@pytest.mark.parametrize("bitrate", [24_000, 400_000])
def test_a_file_in_memory_and_on_disk_are_one(bitrate: int, tmp_path: Path) -> None:
    data = note(bitrate=bitrate)
    assert (len(data) > INLINE) == (bitrate > 24_000)
    (tmp_path / "note").write_bytes(data)
    found = [asyncio.run(Structure()(body, Claimed("audio/ogg"))) for body in (data, tmp_path / "note")]
    assert found[0] == found[1]
    assert (found[0].codec, found[0].duration_ms) == ("opus", 1_000)


@pytest.mark.parametrize(
    ("body", "limits", "kind", "seen"),
    [
        (b"", LIMITS, "content", "0 bytes"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), LIMITS, "type", "begins with 89504e47"),
        (note()[:-1], LIMITS, "content", "truncated"),
        (note(), Limits(size=100), "content", "a voice note has 1 to 100"),
        (note(0.1), LIMITS, "content", "0.2 at least"),
        (note(), Limits(longest=0.5), "content", "0.5 at most"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_note_is_refused(body: bytes, limits: Limits, kind: str, seen: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(body)
    for given in (body, tmp_path / "file"):
        with pytest.raises(Unacceptable, match=seen) as refused:
            asyncio.run(Structure(limits)(given, Claimed()))
        assert refused.value.kind == kind


def test_a_file_that_is_gone_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(DoorError, match="cannot read gone"):
        asyncio.run(Structure()(tmp_path / "gone", Claimed()))
