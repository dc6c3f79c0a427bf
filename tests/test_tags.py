"""Tags: what is written is read again in every format, the sound stays as it was, and damage is a named error."""

from __future__ import annotations

import io
import random
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.audio.files import decode_clip, encode_clip
from imlab.codec.container import oggopus
from imlab.codec.container.tags import read_tags, write_tags
from imlab.codec.contract import CodecError, encode
from imlab.codec.opus import Opus
from imlab.errors import UsageError
from tests.tools import need

CLIP = Clip(np.random.default_rng(1).uniform(-0.1, 0.1, 8000).astype(np.float32), 16_000)
TAGS = {"SLICE_INDEX": "3", "TITLE_2": "a note: тест, 语音, =\n\x01"}


def mp3() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, CLIP.samples, CLIP.rate, format="MP3")
    return file.getvalue()


def m4a() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="ipod") as box:
        stream = box.add_stream("aac", rate=CLIP.rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(CLIP.samples.reshape(1, -1), format="fltp", layout="mono")
        frame.rate = CLIP.rate
        box.mux(list(stream.encode(frame)) + list(stream.encode(None)))
    return file.getvalue()


FILES = {
    "Ogg Opus": oggopus.write(encode(Opus(), CLIP)),
    "FLAC": encode_clip(CLIP, ".flac"),
    "WAV": encode_clip(CLIP, ".wav"),
    "MP3": mp3(),
    "M4A": m4a(),
}
SUFFIXES = {"Ogg Opus": ".ogg", "FLAC": ".flac", "WAV": ".wav", "MP3": ".mp3", "M4A": ".m4a"}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_written_is_read_again(kind: str) -> None:
    once = write_tags(FILES[kind], TAGS)
    assert read_tags(once).items() >= TAGS.items()
    twice = write_tags(once, {"SLICE_INDEX": "4", "MORE": ""})
    assert read_tags(twice).items() >= {**TAGS, "SLICE_INDEX": "4"}.items(), "one is replaced, the others stay"
    assert write_tags(FILES[kind], TAGS) == once, "the same file and tags make the same bytes"


@settings(max_examples=15)
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
@pytest.mark.parametrize("kind", FILES)
def test_every_text_is_kept(kind: str, value: str) -> None:
    assert read_tags(write_tags(FILES[kind], {"A": value})).get("A", "") == value


@pytest.mark.parametrize("kind", ["FLAC", "WAV", "MP3"])
def test_the_sound_stays_as_it_was(kind: str) -> None:
    tagged = decode_clip(write_tags(FILES[kind], TAGS), kind)
    assert np.array_equal(tagged.samples, decode_clip(FILES[kind], kind).samples)


def test_the_packets_of_opus_stay_as_they_were() -> None:
    assert oggopus.read(write_tags(FILES["Ogg Opus"], TAGS)) == oggopus.read(FILES["Ogg Opus"])


@pytest.mark.parametrize("kind", FILES)
def test_a_file_without_tags_of_ours_has_none(kind: str) -> None:
    assert not read_tags(FILES[kind]).keys() & TAGS.keys()


@pytest.mark.parametrize("key", ["", "small", "WITH SPACE", "A=B", "Ä"])
def test_a_key_that_some_format_cannot_hold_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="capitals, digits and _"):
        write_tags(FILES["WAV"], {key: "x"})


@pytest.mark.parametrize("data", [b"", b"RIFF", b"OggS" + bytes(60), b"words, words, words"])
def test_what_takes_no_tags_is_named(data: bytes) -> None:
    with pytest.raises(CodecError, match="this begins"):
        read_tags(data)


@pytest.mark.parametrize("kind", FILES)
def test_damage_is_a_codec_error_or_read_as_it_is(kind: str) -> None:
    """Two hundred files of each kind, cut, spliced and with bytes changed."""
    rng = random.Random(kind)
    whole = write_tags(FILES[kind], TAGS)
    for _ in range(200):
        data = bytearray(whole[: rng.choice((len(whole), rng.randrange(8, len(whole))))])
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        data[rng.randrange(len(data)) :][:4] = rng.randbytes(4)
        try:
            assert isinstance(read_tags(bytes(data)), dict)
            write_tags(bytes(data), {"A": "b"})
        except CodecError:
            continue


@pytest.mark.outside
@pytest.mark.parametrize("kind", FILES)
def test_ffprobe_sees_the_tags(kind: str, tmp_path: Path) -> None:
    need("ffmpeg")
    path = tmp_path / f"note{SUFFIXES[kind]}"
    path.write_bytes(write_tags(FILES[kind], {"SLICE_INDEX": "3"}))
    probe = ["ffprobe", "-v", "error", "-export_all", "1", "-show_entries", "format_tags:stream_tags", str(path)]
    seen = subprocess.run(probe, capture_output=True, text=True, check=False).stdout
    assert "SLICE_INDEX=3" in seen
