"""Recordings as programs of others write them: every one is walked through to the length that was recorded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import soundfile

from imlab.audio.clip import Clip
from imlab.codec.contract import CodecError
from imlab.codec.hearing import hear
from imlab.codec.walking.walk import walk
from imlab.codec.walking.walked import Foreign
from imlab.stack.decoding import AGREE
from tests.tools import need

pytestmark = pytest.mark.outside

OPUS, AAC = ("-c:a", "libopus"), ("-c:a", "aac")
FRAGMENTED = ("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "300000")
FILES = [  # name, ffmpeg's arguments, seconds by which the length may be off
    ("a.ogg", OPUS, 0),
    ("stereo.opus", (*OPUS, "-ac", "2", "-b:a", "96k"), 0),
    ("tiny.ogg", (*OPUS, "-frame_duration", "2.5", "-b:a", "32k"), 0),
    ("large.ogg", (*OPUS, "-frame_duration", "60", "-b:a", "256k"), 0),
    ("pages.ogg", (*OPUS, "-page_duration", "20000"), 0),
    ("tagged.ogg", (*OPUS, "-metadata", "title=" + "la" * 40_000), 0),
    ("a.webm", OPUS, 0.01),
    ("live.webm", (*OPUS, "-live", "1"), 0.02),
    ("a.mka", OPUS, 0.01),
    ("a.mp4", OPUS, 0.01),
    ("a.m4a", AAC, 0.001),
    ("fast.m4a", (*AAC, "-movflags", "+faststart", "-ac", "2"), 0.001),
    ("fragments.mp4", (*AAC, *FRAGMENTED), 0.07),
    ("fragments-opus.mp4", (*OPUS, *FRAGMENTED), 0.02),
    ("v.mp3", ("-q:a", "6"), 0),
    ("c.mp3", ("-b:a", "48k", "-ac", "2", "-id3v2_version", "4", "-write_id3v1", "1"), 0),
    ("bare.mp3", ("-write_xing", "0", "-id3v2_version", "0"), 0.15),
    ("a.wav", (), 0),
    ("tagged.wav", ("-metadata", "title=la", "-ac", "2"), 0),
    ("law.wav", ("-c:a", "pcm_alaw"), 0),
    ("a.amr", ("-ar", "8000", "-c:a", "libopencore_amrnb"), 0.03),
]
FOREIGN = [
    ("vorbis.ogg", ("-c:a", "libvorbis")),
    ("flac.ogg", ("-c:a", "flac")),
    ("vorbis.webm", ("-c:a", "libvorbis")),
    ("alac.m4a", ("-c:a", "alac")),
    ("float.wav", ("-c:a", "pcm_f32le")),
    ("a.flac", ()),
    ("a.aac", AAC),
]


def made(clip: Clip, file: Path, arguments: tuple[str, ...]) -> Path:
    """A clip as ffmpeg writes it; skipped where this ffmpeg has no such encoder."""
    need("ffmpeg")
    soundfile.write(file.with_name("source.wav"), clip.samples, clip.rate)
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(file.with_name("source.wav")), *arguments, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Unknown encoder" in done.stderr:
        pytest.skip(f"this ffmpeg has no encoder for {file.name}")
    assert done.returncode == 0, done.stderr
    return file


@pytest.mark.parametrize(("name", "arguments", "off"), FILES, ids=lambda value: value if isinstance(value, str) else "")
def test_ffmpegs_files_last_as_long_as_they_were(
    name: str, arguments: tuple[str, ...], off: float, speech: Clip, tmp_path: Path
) -> None:
    clip = Clip(speech.samples[:52_345], speech.rate)
    file = made(clip, tmp_path / name, arguments)
    walked = walk(file)
    assert walk(file.read_bytes()) == walked
    assert walked.seconds == pytest.approx(clip.seconds, abs=off + 1e-3)
    with file.open("rb") as sound:
        assert hear(sound, walked.codec).seconds == pytest.approx(walked.seconds, abs=AGREE)
    with pytest.raises(CodecError):
        walk(file.read_bytes()[: -len(file.read_bytes()) // 20])


@pytest.mark.parametrize(("name", "arguments"), FOREIGN, ids=lambda value: value if isinstance(value, str) else "")
def test_ffmpegs_other_kinds_are_foreign(name: str, arguments: tuple[str, ...], speech: Clip, tmp_path: Path) -> None:
    with pytest.raises(Foreign):
        walk(made(Clip(speech.samples[:16_000], speech.rate), tmp_path / name, arguments))


OPUSENC = [(), ("--framesize", "2.5"), ("--bitrate", "256", "--max-delay", "1000")]


@pytest.mark.parametrize("arguments", OPUSENC, ids=str)
def test_opusencs_files_are_walked_through(arguments: tuple[str, ...], speech: Clip, tmp_path: Path) -> None:
    need("opusenc")
    soundfile.write(tmp_path / "source.wav", speech.samples, speech.rate)
    note = tmp_path / "note.opus"
    subprocess.run(["opusenc", "--quiet", *arguments, str(tmp_path / "source.wav"), str(note)], check=True)
    assert walk(note).seconds == pytest.approx(speech.seconds, abs=1e-4)
