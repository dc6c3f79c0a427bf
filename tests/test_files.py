"""Sound files: what is written is read again; what is not whole sound is refused by name."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from imlab.audio.blocks import blocks
from imlab.audio.clip import Clip
from imlab.audio.files import decode_clip, encode_clip, read_clip, write_clip
from imlab.audio.resample import resample
from imlab.errors import DoorError, PeerError, UsageError

SIXTEEN_BIT = st.lists(st.integers(-32768, 32767), min_size=1, max_size=300)
RATES = st.sampled_from([8000, 11_025, 16_000, 44_100, 48_000])


def noise(length: int = 4000, rate: int = 16_000) -> Clip:
    return Clip(np.random.default_rng(1).uniform(-1, 1, length).astype(np.float32), rate)


def encoded(sound: np.ndarray, format: str, subtype: str, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=format, subtype=subtype)
    return file.getvalue()


@given(values=SIXTEEN_BIT, rate=RATES, suffix=st.sampled_from([".wav", ".flac", ".WAV"]))
def test_sixteen_bits_come_back_to_the_bit(values: list[int], rate: int, suffix: str) -> None:
    clip = Clip((np.array(values) / 32768).astype(np.float32), rate)
    back = decode_clip(encode_clip(clip, suffix), "round trip")
    assert back.rate == rate
    assert np.array_equal(back.samples, clip.samples)


def test_exact_keeps_every_float_even_beyond_full_scale() -> None:
    clip = Clip(np.array([0.1, -3.5, 1e-20, 1.0], np.float32), 16_000)
    assert np.array_equal(decode_clip(encode_clip(clip, ".wav", exact=True), "exact").samples, clip.samples)


def test_beyond_full_scale_sixteen_bits_are_clipped_not_wrapped() -> None:
    clip = Clip(np.array([1.0, 1.5, 100.0, -1.0, -1.5], np.float32), 16_000)
    back = decode_clip(encode_clip(clip, ".wav"), "loud").samples
    assert back.tolist() == [32767 / 32768] * 3 + [-1.0] * 2


def test_channels_are_averaged() -> None:
    left, right = noise().samples, np.zeros(4000, np.float32)
    data = encoded(np.stack([left, right], axis=1), "WAV", "FLOAT")
    assert np.allclose(decode_clip(data, "stereo").samples, left / 2)


@pytest.mark.parametrize(
    "format, subtype", [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16")]
)
def test_other_formats_are_read(format: str, subtype: str, speech: Clip) -> None:
    back = decode_clip(encoded(speech.samples, format, subtype), format)
    assert back.seconds == pytest.approx(speech.seconds, abs=0.1)
    assert np.corrcoef(back.samples[: len(speech.samples)], speech.samples[: len(back.samples)])[0, 1] > 0.8


def _with_nan() -> bytes:
    return encoded(np.array([0.0, np.nan, 0.0], np.float32), "WAV", "FLOAT")


def _promising(frames: int) -> bytes:
    """A FLAC whose header promises this many frames."""
    data = bytearray(encoded(noise().samples, "FLAC", "PCM_16"))
    data[21] = data[21] & 0xF0 | frames >> 32
    data[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(data)


WAV = encoded(noise().samples, "WAV", "PCM_16")
AIFF = encoded(noise().samples, "AIFF", "PCM_16")
FLAC = encoded(noise().samples, "FLAC", "PCM_16")
DAMAGED = [
    pytest.param(b"", r"is empty \(0 bytes\)", id="no bytes"),
    pytest.param(b"hello, this is a letter", r"not a sound file.*23 bytes, beginning 68656c6c6f", id="text"),
    pytest.param(bytes(1000), "not a sound file", id="zeros"),
    pytest.param(WAV[:20], "cut short|not a sound file", id="half a header"),
    pytest.param(
        WAV[:-1000], f"cut short: its header promises {len(WAV)} bytes, {len(WAV) - 1000} are here", id="cut WAV"
    ),
    pytest.param(WAV[:-1], f"promises {len(WAV)} bytes, {len(WAV) - 1} are here", id="one byte less"),
    pytest.param(AIFF[:-1000], "cut short: its header promises", id="cut AIFF"),
    pytest.param(FLAC[:-2000], "damaged after|cut short|not a sound file", id="cut FLAC"),
    pytest.param(encoded(np.zeros(0, np.float32), "WAV", "PCM_16"), "without sound", id="no frames"),
    pytest.param(_with_nan(), "not finite", id="not a number"),
    pytest.param(_promising(2**35), "promises 597 hours", id="forged length"),
    pytest.param(_promising(5000), "damaged after|cut short", id="promises a little more"),
]


@pytest.mark.parametrize(("data", "seen"), DAMAGED)
def test_damaged_files_say_what_was_seen(data: bytes, seen: str, tmp_path: Path) -> None:
    file = tmp_path / "note.wav"
    file.write_bytes(data)
    with pytest.raises(PeerError, match=seen) as caught:
        read_clip(file)
    assert str(caught.value).startswith("note.wav ")


def test_a_wav_from_a_pipe_promises_nothing_and_is_read() -> None:
    for promise in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"):
        assert len(decode_clip(WAV[:4] + promise + WAV[8:], "pipe").samples) == 4000


@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=100).map(lambda tail: WAV[:60] + tail),
        st.binary(max_size=100).map(lambda tail: FLAC[:60] + tail),
    )
)
def test_any_bytes_are_a_clip_or_a_peer_error(data: bytes) -> None:
    try:
        clip = decode_clip(data, "bytes")
    except PeerError:
        return
    assert np.isfinite(clip.samples).all()


def test_whose_fault_a_path_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        read_clip(tmp_path / "missing.wav")
    with pytest.raises(UsageError, match="is a directory"):
        read_clip(tmp_path)
    with pytest.raises(DoorError, match="cannot read"):
        read_clip(tmp_path / ("long" * 100))
    with pytest.raises(DoorError, match="cannot write"):
        write_clip(tmp_path / "no" / "folder.wav", noise())


REFUSED = [
    pytest.param(".mp3", False, "we write .wav and .flac", id="mp3"),
    pytest.param("", False, "name without suffix", id="no suffix"),
    pytest.param(".flac", True, "float samples go into .wav", id="float FLAC"),
]


@pytest.mark.parametrize(("suffix", "exact", "seen"), REFUSED)
def test_what_cannot_be_written_is_refused(suffix: str, exact: bool, seen: str) -> None:
    with pytest.raises(UsageError, match=seen):
        encode_clip(noise(), suffix, exact=exact)


def test_samples_that_are_not_numbers_are_not_written() -> None:
    with pytest.raises(UsageError, match="finite"):
        encode_clip(Clip(np.array([np.inf], np.float32), 8000), ".wav")


def test_nothing_is_overwritten_in_silence(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    write_clip(file, noise(100))
    before = file.read_bytes()
    with pytest.raises(UsageError, match="already there"):
        write_clip(file, noise(200))
    assert file.read_bytes() == before
    write_clip(file, noise(200), overwrite=True)
    assert len(read_clip(file).samples) == 200
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"], "nothing is left beside it"


OTHER_FORMATS = [
    pytest.param("mp4", "aac", 44_100, "stereo", id="M4A, 44.1 kHz stereo"),
    pytest.param("matroska", "libopus", 48_000, "mono", id="Matroska"),
    pytest.param("webm", "libopus", 48_000, "stereo", id="WebM"),
    pytest.param("amr", "libopencore_amrnb", 8_000, "mono", id="AMR"),
    pytest.param("adts", "aac", 16_000, "mono", id="AAC"),
    pytest.param("caf", "pcm_s16be", 48_000, "stereo", id="CAF"),
    pytest.param("mov", "pcm_s24le", 48_000, "mono", id="MOV of 24 bit"),
    pytest.param("avi", "pcm_u8", 11_025, "mono", id="AVI of 8 bit"),
    pytest.param("wav", "adpcm_ima_wav", 22_050, "mono", id="WAV of ADPCM"),
]


def by_ffmpeg(format: str, codec: str, rate: int, layout: str, clip: Clip) -> bytes:
    """A file that FFmpeg wrote."""
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        samples = np.repeat(resample(clip, rate).samples[None], 2 if layout == "stereo" else 1, axis=0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


@pytest.mark.parametrize(("format", "codec", "rate", "layout"), OTHER_FORMATS)
def test_what_libsndfile_does_not_read_ffmpeg_does(
    format: str, codec: str, rate: int, layout: str, speech: Clip, tmp_path: Path
) -> None:
    said = Clip(speech.samples[:24_000], speech.rate)
    file = tmp_path / "note"
    file.write_bytes(by_ffmpeg(format, codec, rate, layout, said))
    clip = read_clip(file)
    assert clip.rate == rate
    assert clip.seconds == pytest.approx(said.seconds, abs=0.12)
    heard = resample(clip, 16_000).samples
    late = 1024 * 16_000 // rate if format == "adts" else 0  # nothing in it says when the sound begins
    loud, meant = (np.abs(sound[:22_400]).reshape(14, -1).mean(axis=1) for sound in (heard[late:], said.samples))
    assert np.corrcoef(loud, meant)[0, 1] > 0.9
    streamed = np.concatenate(list(blocks(file, 16_000)))
    assert np.allclose(streamed, heard, atol=1e-6)


def _film() -> bytes:
    """A Matroska file of pictures without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("rawvideo", rate=5, width=16, height=16, pix_fmt="yuv420p")
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
    return file.getvalue()


NO_SOUND = [
    pytest.param(_film(), "no sound track that can be decoded here: video in it", id="film"),
    pytest.param(WAV[:24] + b"\xff\xff\xff\x7f" + WAV[28:], "promises 2147483647 Hz", id="forged rate"),
    pytest.param(b"#EXTM3U\nhttp://127.0.0.1:9/a.ts\n", "not a sound file", id="play list"),
    pytest.param(b"ffconcat version 1.0\nfile note.wav\n", "not a sound file", id="list of files"),
    pytest.param(b"hello, this is a letter\n" * 50, "not a sound file", id="letter"),
    pytest.param(b"", "is empty", id="empty"),
]


@pytest.mark.parametrize(("data", "seen"), NO_SOUND)
def test_what_holds_no_sound_is_refused_as_a_stream_too(data: bytes, seen: str, tmp_path: Path) -> None:
    file = tmp_path / "note.m4a"
    file.write_bytes(data)
    with pytest.raises(PeerError, match=seen) as caught:
        list(blocks(file, 16_000))
    assert str(caught.value).startswith("note.m4a ")
    with pytest.raises(PeerError, match=seen):
        read_clip(file)


def test_a_film_cut_short_says_how_much_is_here(speech: Clip, tmp_path: Path) -> None:
    data = by_ffmpeg("webm", "libopus", 48_000, "mono", Clip(speech.samples[:48_000], speech.rate))
    file = tmp_path / "note.webm"
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(PeerError, match=r"note\.webm is cut short: its header promises 3\.0. s, 1\."):
        list(blocks(file, 16_000))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_blocks_joined_are_the_clip(rate: int, tmp_path: Path) -> None:
    file = tmp_path / "note.wav"
    write_clip(file, noise(150_001, 44_100))
    pieces = list(blocks(file, rate))
    assert len(pieces) > 2
    assert np.allclose(np.concatenate(pieces), resample(read_clip(file), rate).samples, atol=1e-6)


def test_a_wav_is_read_without_ffmpeg(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.wav", noise())
    code = "import sys, pathlib; from imlab.audio.files import read_clip as read\n"
    code += "read(pathlib.Path(sys.argv[1])); print('av' in sys.modules)"
    command = [sys.executable, "-c", code, str(tmp_path / "a.wav")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("format, codec", [("mp4", "aac"), ("webm", "libopus"), ("amr", "libopencore_amrnb")])
def test_damage_of_foreign_files_is_a_clip_or_a_peer_error(format: str, codec: str) -> None:
    rate = {"amr": 8_000}.get(format, 48_000)
    data = by_ffmpeg(format, codec, rate, "mono", noise(8_000))
    rng = np.random.default_rng(4)
    refused = 0
    for at, value, cut in rng.integers(0, 1 << 20, (100, 3)).tolist():
        changed = bytearray(data)
        changed[at % len(data)] = value & 255
        changed[at * 7 % len(data)] = value >> 8 & 255
        try:
            clip = decode_clip(bytes(changed[: 1 + cut % len(data)] if cut % 3 == 0 else changed), "damaged")
        except PeerError:
            refused += 1
            continue
        assert np.isfinite(clip.samples).all() and clip.seconds < 60
    assert refused
