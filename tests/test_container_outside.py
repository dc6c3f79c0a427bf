"""Programs of others on our files: they find nothing to complain of, and hear the length that was written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Codec, decode, encode
from imlab.codec.g711 import G711
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from tests.tools import need

pytestmark = pytest.mark.outside

FILES: list[tuple[Codec, str, str]] = [
    (Opus(), "ogg", "opus"),
    (Opus(), "mp4", "opus"),
    (Opus(), "webm", "opus"),
    (Aac(), "m4a", "aac"),
    (Mp3(), "mp3", "mp3"),
    (G711("a"), "wav", "pcm_alaw"),
    (G711("mu"), "wav", "pcm_mulaw"),
    (Amr(), "amr", "amr_nb"),
]
CUTS_THE_END = {"ogg", "webm", "mp3", "wav"}  # ffmpeg plays the last packet of an MP4 to its end


def saved(path: Path, codec: Codec, clip: Clip, container: str) -> tuple[Path, Clip]:
    """A note as a file, and what our decoder hears of it."""
    coded = encode(codec, clip)
    file = path / f"note.{container}"
    file.write_bytes(to_file(coded, container)[1])
    return file, decode(codec, coded)


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), done.stderr
    return done.stdout


@pytest.mark.parametrize(("codec", "container", "called"), FILES, ids=repr)
def test_ffprobe_and_ffmpeg_agree(codec: Codec, container: str, called: str, speech: Clip, tmp_path: Path) -> None:
    need("ffmpeg", "ffprobe")
    clip = resample(Clip(speech.samples[:40_123], speech.rate), codec.rate)
    file, ours = saved(tmp_path, codec, clip, container)
    told = json.loads(run("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", file))
    assert [stream["codec_name"] for stream in told["streams"]] == [called]
    if container not in ("amr", "mp3"):  # there it counts bytes or whole frames
        assert float(told["format"]["duration"]) == pytest.approx(clip.seconds, abs=0.01)
    heard = tmp_path / "heard.wav"
    run("ffmpeg", "-v", "error", "-y", "-i", file, "-ac", "1", "-ar", str(codec.rate), "-c:a", "pcm_f32le", heard)
    samples, _ = soundfile.read(heard, dtype="float32")
    if container in CUTS_THE_END:
        assert abs(len(samples) - len(clip.samples)) <= 1
    begin = codec.delay if container == "amr" else 0
    count = len(ours.samples)
    assert np.corrcoef(samples[begin : begin + count], ours.samples)[0, 1] > 0.95


def test_opusinfo_reads_what_was_streamed(speech: Clip, tmp_path: Path) -> None:
    need("opusinfo")
    file, _ = saved(tmp_path, Opus(frame_ms=60), Clip(speech.samples[:40_123], speech.rate), "ogg")
    assert "WARNING" not in run("opusinfo", file)


@pytest.mark.parametrize("length", [1, 575, 576, 577, 16_000])
def test_mp3_is_gapless_to_players_that_are_not_ours(length: int, speech: Clip, tmp_path: Path) -> None:
    need("ffmpeg")
    file, _ = saved(tmp_path, Mp3(), Clip(speech.samples[4_000 : 4_000 + length], speech.rate), "mp3")
    run("ffmpeg", "-v", "error", "-y", "-i", file, tmp_path / "heard.wav")
    if length > 1:  # ffmpeg does not cut both ends of one frame
        assert soundfile.info(tmp_path / "heard.wav").frames == length
    assert soundfile.info(file).frames == length
