"""What programs that we did not write make of our files, and we of theirs."""

from __future__ import annotations

import io
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
import soundfile

from imlab.audio.clip import Clip, Samples
from imlab.audio.resample import resample
from imlab.codec.container import oggopus
from imlab.codec.contract import decode, encode
from imlab.codec.opus import RATES, Opus
from imlab.desk.environment.programs import find_program
from tests.tools import need

pytestmark = pytest.mark.outside

CODECS = [
    Opus(),
    Opus(6_000, 60),
    Opus(64_000, 2.5, 3, 48_000, application="lowdelay"),
    Opus(510_000, 120, rate=48_000, vbr=False),
    Opus(dtx=True, rate=8_000, bitrate=12_000, frame_ms=40),
]
LENGTHS_S = [0.05, 1.0, 4.321]
PAGE = """<!doctype html><script>
fetch("note").then(answer => answer.arrayBuffer())
  .then(bytes => new OfflineAudioContext(1, 48000, 48000).decodeAudioData(bytes))
  .then(sound => ({length: sound.length, rate: sound.sampleRate,
                   loudest: sound.getChannelData(0).reduce((a, b) => Math.max(a, b))}))
  .catch(error => ({error: String(error)}))
  .then(said => fetch("said", {method: "POST", body: JSON.stringify(said)}));
</script>"""


def run(*command: str | Path) -> str:
    """What a program says; it must be content."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def spoken(speech: Clip, rate: int, seconds: float = 3.3) -> Clip:
    """The beginning, at half of full scale: programs that give 16 bits need not clip what a codec overshoots."""
    samples = resample(speech, rate).samples[: round(seconds * rate)]
    return Clip(samples / (2 * np.abs(samples).max()), rate)


def saved(path: Path, codec: Opus, clip: Clip) -> Path:
    path.write_bytes(oggopus.write(encode(codec, clip)))
    return path


def samples_of(wav: Path) -> Samples:
    samples, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1), np.float32)


def alike(heard: Samples, theirs: Samples, codec: Opus | None = None) -> bool:
    """The same samples, but for ffmpeg's rounding to 16 bits, and what each libopus makes up where dtx sent nothing."""
    if heard.shape != theirs.shape:
        return False
    error, level = (float(np.sqrt(np.square(part).mean())) for part in (heard - theirs, theirs))
    return error <= 0.5 / 32_768 + (0.02 * level if codec and codec.dtx else 0)


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_opusinfo_has_nothing_to_say_against_us(codec: Opus, seconds: float, speech: Clip, tmp_path: Path) -> None:
    need("opusinfo")
    said = run("opusinfo", saved(tmp_path / "note.ogg", codec, spoken(speech, codec.rate, seconds)))
    assert "warning" not in said.lower(), said
    assert "error" not in said.lower(), said
    minutes, length = re.findall(r"Playback length: (\d+)m:([\d.]+)s", said)[0]
    assert abs(60 * int(minutes) + float(length) - seconds) < 0.001
    assert f"Original sample rate: {codec.rate} Hz" in said


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_ffmpeg_hears_every_sample(codec: Opus, seconds: float, speech: Clip, tmp_path: Path) -> None:
    need("ffmpeg", "ffprobe")
    clip = spoken(speech, codec.rate, seconds)
    note, wav = saved(tmp_path / "note.ogg", codec, clip), tmp_path / "heard.wav"
    probed = json.loads(run("ffprobe", "-v", "warning", "-print_format", "json", "-show_streams", note))["streams"]
    assert [(stream["codec_name"], stream["channels"]) for stream in probed] == [("opus", 1)]
    assert run("ffmpeg", "-v", "warning", "-c:a", "libopus", "-i", note, "-c:a", "pcm_f32le", wav) == ""
    whole = oggopus.read(note.read_bytes(), rate=48_000)
    assert alike(decode(Opus(rate=48_000), whole).samples, samples_of(wav), codec)
    assert whole.samples == len(clip.samples) * 48_000 // codec.rate


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_opusdec_hears_what_we_hear(codec: Opus, speech: Clip, tmp_path: Path) -> None:
    need("opusdec")
    note, wav = saved(tmp_path / "note.ogg", codec, spoken(speech, codec.rate)), tmp_path / "heard.wav"
    run("opusdec", "--quiet", "--float", "--rate", "48000", note, wav)
    whole = oggopus.read(note.read_bytes(), rate=48_000)
    assert alike(decode(Opus(rate=48_000), whole).samples, samples_of(wav), codec)


@pytest.mark.parametrize("rate", [*RATES, 44_100, 22_050])
@pytest.mark.parametrize("channels", [1, 2])
def test_we_read_what_opusenc_writes(rate: int, channels: int, speech: Clip, tmp_path: Path) -> None:
    need("opusenc", "opusdec")
    wav, note, heard = tmp_path / "said.wav", tmp_path / "note.opus", tmp_path / "heard.wav"
    clip = spoken(speech, rate)
    soundfile.write(wav, np.stack([clip.samples] * channels, 1), rate)
    run("opusenc", "--quiet", "--bitrate", "32", wav, note)
    run("opusdec", "--quiet", "--float", "--rate", "48000", note, heard)
    coded = oggopus.read(note.read_bytes(), rate=48_000)
    assert alike(decode(Opus(rate=48_000), coded).samples, samples_of(heard))
    natural = oggopus.read(note.read_bytes())
    assert abs(natural.samples / natural.rate - clip.seconds) < 1 / 20_000
    assert natural.rate == (rate if rate in RATES and natural.delay * 48_000 % rate == 0 else natural.rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frame_ms", ["2.5", "20", "60"])
def test_we_read_what_ffmpeg_writes(rate: int, channels: int, frame_ms: str, speech: Clip, tmp_path: Path) -> None:
    need("ffmpeg")
    wav, note, heard = tmp_path / "said.wav", tmp_path / "note.ogg", tmp_path / "heard.wav"
    clip = spoken(speech, rate)
    soundfile.write(wav, np.stack([clip.samples] * channels, 1), rate, "FLOAT")
    opus = ("-c:a", "libopus", "-b:a", "32k", "-frame_duration", frame_ms)
    run("ffmpeg", "-v", "warning", "-i", wav, *opus, note)
    run("ffmpeg", "-v", "warning", "-c:a", "libopus", "-i", note, "-c:a", "pcm_f32le", heard)
    coded = oggopus.read(note.read_bytes(), rate=48_000)
    assert alike(decode(Opus(rate=48_000), coded).samples, samples_of(heard))
    natural = oggopus.read(note.read_bytes())
    assert (natural.rate, natural.samples) == (rate, len(clip.samples))
    assert np.corrcoef(decode(Opus(rate=rate), natural).samples, clip.samples)[0, 1] > 0.8


@contextmanager
def listening(files: dict[str, tuple[str, bytes]]) -> Iterator[tuple[str, Queue[dict[str, object]]]]:
    """A server on loopback that hands out files and keeps what is posted: (address, what was posted)."""
    said: Queue[dict[str, object]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(self.path, ("", b""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Not on our terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", said
        finally:
            server.shutdown()
            thread.join()


def in_a_browser(note: bytes, profile: Path) -> dict[str, object]:
    """What Chromium's decodeAudioData makes of a file."""
    need("chromium")
    program = find_program("chromium").path() or ""
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
    with listening({"/": ("text/html", PAGE.encode()), "/note": ("audio/ogg", note)}) as (address, said):
        command = (program, *quiet, f"--user-data-dir={profile}", address)
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return said.get(timeout=60)
        finally:
            browser.terminate()
            browser.wait(30)


@pytest.mark.parametrize("codec", [CODECS[0], CODECS[2]], ids=repr)
def test_chromium_hears_every_sample(codec: Opus, speech: Clip, tmp_path: Path) -> None:
    clip = spoken(speech, codec.rate)
    said = in_a_browser(oggopus.write(encode(codec, clip)), tmp_path)
    assert "error" not in said
    assert said["rate"] == 48_000
    assert said["length"] == len(clip.samples) * 48_000 // codec.rate
    assert 0.3 < float(str(said["loudest"])) / float(clip.samples.max()) < 3


def test_chromium_would_tell_us(tmp_path: Path) -> None:
    coded = encode(Opus(), Clip(np.zeros(16_000, np.float32), 16_000))
    broken = bytearray(oggopus.write(coded))
    broken[:200] = bytes(200)
    assert "EncodingError" in str(in_a_browser(bytes(broken), tmp_path)["error"])


def test_a_saved_note_is_a_sound_file_to_others(speech: Clip) -> None:
    clip = spoken(speech, 16_000)
    heard, rate = soundfile.read(io.BytesIO(oggopus.write(encode(Opus(), clip))), dtype="float32")
    assert len(heard) * 16_000 == len(clip.samples) * rate
