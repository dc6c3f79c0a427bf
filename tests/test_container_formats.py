"""Every container: what is written is read back packet for packet, and another player hears the same sound."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from imlab.audio.clip import Clip, Samples
from imlab.audio.resample import resample
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.container.formats import FORMATS, recognise
from imlab.codec.container.overhead import framing, overheads
from imlab.codec.container.reading import by_suffix, from_file
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Codec, CodecError, Coded, Packet, decode, encode
from imlab.codec.g711 import G711
from imlab.codec.g722 import G722
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import UsageError

HEARD: list[tuple[Codec, str]] = [
    (Opus(complexity=3), "ogg"),
    (Opus(complexity=3), "webm"),
    (Opus(complexity=3, frame_ms=60), "mp4"),
    (Opus(complexity=3, rate=48_000), "webm"),
    (Pcm(), "wav"),
    (G711("a"), "wav"),
    (G711("mu"), "wav"),
    (Mp3(), "mp3"),
    (Mp3(64_000, 48_000), "mp3"),
    (Aac(), "m4a"),
    (Aac(64_000, 44_100), "mp4"),
    (Amr(), "amr"),
    (G722(), "g722"),
]


def invented(codec: str, rate: int, delay: int, samples: int, size: int, count: int = 12) -> Coded:
    """A note of packets that nobody decodes, for codecs whose library may be missing."""
    rng = np.random.default_rng(5)
    return Coded(
        codec, rate, samples * count - delay - 7, delay, tuple(Packet(rng.bytes(size), samples) for _ in range(count))
    )


INVENTED: list[tuple[Coded, str]] = [
    (invented("lc3", 16_000, 40, 160, 30), "lc3"),
    (invented("lc3", 48_000, 192, 360, 45), "lc3"),
    (invented("codec2-3200", 8_000, 160, 160, 8), "c2"),
    (invented("codec2-700c", 8_000, 240, 320, 4), "c2"),
    (
        replace(
            invented("amr-wb", 16_000, 95, 320, 0),
            packets=tuple(Packet(bytes((2 << 3 | 4,)) + bytes(32), 320) for _ in range(12)),
        ),
        "awb",
    ),
]


def foreign(data: bytes, container: str) -> tuple[Samples, int]:
    """A file's sound and rate by FFmpeg."""
    with av.open(io.BytesIO(data), "r", format="g722" if container == "g722" else None) as file:
        mono = av.AudioResampler(format="fltp", layout="mono")
        parts = [part.to_ndarray()[0] for frame in file.decode(audio=0) for part in mono.resample(frame)]
        return np.concatenate(parts), file.streams.audio[0].rate


def place(theirs: Samples, ours: Samples) -> int:
    """By how many samples the one lags the other, of a few that are tried."""
    inner = ours[100:-100]
    return max(range(-20, 21), key=lambda lag: float(np.dot(theirs[100 + lag : len(theirs) - 100 + lag], inner)))


@pytest.fixture
def clip(codec: Codec, speech: Clip) -> Clip:
    """A second and a bit of speech at the codec's rate."""
    whole = resample(Clip(speech.samples[8_000:28_321], speech.rate), codec.rate)
    return Clip(whole.samples[: codec.rate + 77], codec.rate)


@pytest.mark.parametrize(("codec", "container"), HEARD, ids=repr)
def test_a_file_holds_the_note_and_every_player_hears_it_in_its_place(
    codec: Codec, container: str, clip: Clip, tmp_path: Path
) -> None:
    coded = encode(codec, clip)
    extension, data = to_file(coded, container)
    path = tmp_path / f"note.{extension}"
    path.write_bytes(data)
    assert by_suffix(path) == container
    assert_same(from_file(path), coded, container)
    sound, rate = foreign(data, container)
    ours = resample(decode(codec, coded), rate).samples
    begin = 0 if FORMATS[container].exact else coded.delay
    theirs = sound[begin : begin + len(ours)]
    assert len(theirs) == len(ours)
    assert abs(place(theirs, ours)) <= rate // 16_000  # FFmpeg resamples the low half of Opus otherwise than libopus
    assert np.corrcoef(theirs, ours)[0, 1] > 0.95  # FFmpeg's Opus is not libopus
    ends_exactly = container in ("ogg", "webm", "wav", "mp3")  # FFmpeg plays an MP4's last packet to its end
    assert not ends_exactly or abs(len(sound) - len(ours)) <= rate // codec.rate


@pytest.mark.parametrize(("coded", "container"), INVENTED, ids=lambda value: getattr(value, "codec", value))
def test_packets_that_are_only_carried_come_back(coded: Coded, container: str) -> None:
    name, data = to_file(coded)
    assert (name, recognise(data[:12])) == (container, container)
    assert_same(from_file(data), coded, container)


def assert_same(back: Coded, coded: Coded, container: str) -> None:
    """The same note; where the format does not say where it ends, its whole last packet."""
    if not FORMATS[container].exact:
        assert coded.samples <= back.samples < coded.samples + coded.packets[0].samples
        back = replace(back, samples=coded.samples)
    assert back == coded


@pytest.mark.parametrize("codec", [Opus(complexity=3), Aac(), Mp3()], ids=repr)
def test_the_same_note_makes_the_same_bytes(codec: Codec, clip: Clip) -> None:
    coded = encode(codec, clip)
    assert all(to_file(coded, one.container)[1] == to_file(coded, one.container)[1] for one in overheads(coded))


@pytest.mark.parametrize("codec", [Opus(complexity=3)], ids=repr)
def test_overhead_is_what_is_not_payload(codec: Codec, clip: Clip) -> None:
    coded = encode(codec, clip)
    split = {one.container: one for one in overheads(coded)}
    assert list(split) == ["ogg", "mp4", "webm"]
    for name, one in split.items():
        assert one.file == len(to_file(coded, name)[1])
        assert one.share == (one.file - coded.size) / coded.size
    assert split["ogg"].around < min(split["mp4"].around, split["webm"].around)
    assert framing(coded) == len(coded.packets)


@pytest.mark.parametrize("samples", [-1, 0, 1])
@pytest.mark.parametrize(("coded", "container"), INVENTED, ids=lambda value: getattr(value, "codec", value))
def test_a_note_that_holds_less_than_it_says_is_no_file(coded: Coded, container: str, samples: int) -> None:
    held = sum(packet.samples for packet in coded.packets) - coded.delay
    wrong = replace(coded, samples=held + samples if samples else -1)
    if samples < 0:
        to_file(wrong, container)
        return
    with pytest.raises(CodecError, match="samples hold no"):
        to_file(wrong, container)


ODD = [
    (replace(INVENTED[0][0], rate=16_001), "no LC3 at 16001 Hz"),
    (replace(INVENTED[2][0], rate=16_000), "Codec 2 has 8000 Hz"),
    (replace(INVENTED[2][0], packets=INVENTED[3][0].packets), "no codec2-3200 packet"),
    (replace(INVENTED[4][0], packets=INVENTED[0][0].packets), "AMR packet"),
    (Coded("g722", 16_000, 100, 22, (Packet(b"abc", 320),)), "3 bytes of G.722 do not last 320"),
    (Coded("mp3", 16_000, 100, 1_105, (Packet(b"abcd", 576),) * 4), "no MP3 frame begins with 61626364"),
    (Coded("mp3", 16_000, 100, 100, ()), "no MP3 has a delay of 100"),
    (Coded("mp3", 16_000, 0, 1_105, ()), "packets of 0 samples hold no"),
    (Coded("aac", 16_000, 0, 0, ()), "no packets"),
    (Coded("aac", 16_001, 0, 1_024, ()), "no AAC at 16001 Hz"),
    (Coded("aac", 16_000, 0, 0, (Packet(b"", 1_024),)), "no AAC packet"),
    (Coded("pcma", 8_000, 100, 0, (Packet(bytes(159), 160),)), "are not 159 bytes"),
]


@pytest.mark.parametrize(("coded", "seen"), ODD, ids=lambda value: getattr(value, "codec", value))
def test_packets_that_are_none_are_refused(coded: Coded, seen: str) -> None:
    with pytest.raises(CodecError, match=seen):
        to_file(coded)


def test_whose_fault_a_path_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        from_file(tmp_path / "missing.ogg")
    (tmp_path / "empty.ogg").touch()
    with pytest.raises(CodecError, match="empty file"):
        from_file(tmp_path / "empty.ogg")
    with pytest.raises(CodecError, match="not a file of ogg, wav"):
        from_file(b"hello, this is a letter")
