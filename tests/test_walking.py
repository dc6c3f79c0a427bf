"""Files walked through: what is taken is what readers read, what is cut or foreign is refused, memory is bounded."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.codec2 import Codec2
from imlab.codec.container import oggopus
from imlab.codec.container.ogg import CONTINUED, LAST, NO_PACKET_ENDS, Page, build, checksum, pages, paginate
from imlab.codec.container.reading import from_file
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Codec, CodecError, Coded, Packet, encode
from imlab.codec.g711 import G711
from imlab.codec.lc3 import Lc3
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.codec.walking import crc
from imlab.codec.walking.walk import walk
from imlab.codec.walking.walked import Foreign, Walked
from imlab.codec.walking.window import WIDTH, Window
from tests.tools import need_codec

FILES: list[tuple[Codec, str]] = [
    (Opus(complexity=0), "ogg"),
    (Opus(64_000, 60, 0, 48_000), "ogg"),
    (Opus(complexity=0), "mp4"),
    (Opus(complexity=0), "webm"),
    (Aac(), "m4a"),
    (Aac(64_000, 48_000), "mp4"),
    (Mp3(), "mp3"),
    (Pcm(), "wav"),
    (G711("mu"), "wav"),
    (Amr(), "amr"),
    (Lc3(), "lc3"),
    (Codec2("3200"), "c2"),
]
NOTE = Coded("opus", 16_000, 1_000, 104, tuple(Packet(bytes((0x48, 1, 2, number)), 320) for number in range(4)))
NOISE = np.random.default_rng(2).uniform(-0.3, 0.3, 12_000).astype(np.float32)
CUT_UNSEEN = {"amr", "c2"}  # a frame less is a shorter file, and nothing tells


def encoded(codec: Codec, clip: Clip, container: str | None = None) -> bytes:
    return to_file(encode(codec, clip), container)[1]


@pytest.mark.parametrize(("codec", "container"), FILES, ids=repr)
def test_what_is_walked_through_is_what_is_read(codec: Codec, container: str, speech: Clip, tmp_path: Path) -> None:
    need_codec(codec)
    clip = resample(Clip(speech.samples[:40_123], speech.rate), codec.rate)
    data = encoded(codec, clip, container)
    coded, walked = from_file(data), walk(data)
    assert (walked.codec, walked.rate, walked.packets) == (coded.codec, coded.rate, len(coded.packets))
    assert walked.seconds == pytest.approx(coded.samples / coded.rate, abs=1e-9)
    (tmp_path / "note").write_bytes(data)
    assert walk(tmp_path / "note") == walked


@pytest.mark.parametrize(("codec", "container"), FILES, ids=repr)
def test_a_file_that_was_cut_is_refused(codec: Codec, container: str) -> None:
    need_codec(codec)
    data = encoded(codec, Clip(NOISE[: codec.rate // 4], codec.rate), container)
    whole = walk(data)
    for end in range(0, len(data), max(1, len(data) // 300)):
        try:
            cut = walk(data[:end])
        except CodecError:
            continue
        assert container in CUT_UNSEEN and cut.packets < whole.packets, end


def outcome(data: bytes) -> Walked | None:
    try:
        return walk(data)
    except CodecError as error:
        assert 0 < len(str(error)) < 250
        return None


def agrees(data: bytes) -> bool:
    """The walk and the reader take the same Ogg Opus streams, and hear as many packets and samples in them."""
    walked = outcome(data)
    try:
        coded = oggopus.read(data, 48_000)
    except CodecError:
        assert walked is None
        return False
    assert walked == Walked("ogg", "opus", coded.samples / 48_000, walked.rate if walked else 0, 1, len(coded.packets))
    return True


def streams() -> st.SearchStrategy[bytes]:
    """Pages that are sound each for itself, behind a head."""
    packets = st.lists(
        st.sampled_from((b"OpusTags", *(packet.data for packet in NOTE.packets), b"\x03\x02\x01", bytes(300), b""))
    )
    page = st.builds(
        lambda flags, granule, sequence, inside: paginate(inside, granule, 1, sequence, flags),
        st.sampled_from((0, 0, 0, 1, 2, 4, 4, 7)),
        st.integers(0, 5_000) | st.integers(0, 2**64 - 1),
        st.integers(1, 4),
        packets,
    )
    return st.lists(page, max_size=4).map(lambda some: oggopus.write(NOTE)[:47] + b"".join(some))


@settings(max_examples=200)
@given(streams() | st.binary(max_size=300))
def test_any_pages_are_judged_as_the_reader_judges_them(data: bytes) -> None:
    agrees(data)


def hostile(page: Page, drawn: random.Random) -> Page:
    """A page with something changed that its checksum does not tell."""
    body = bytearray(page.body)
    for _ in range(drawn.randrange(3)):
        body[drawn.randrange(len(body))] = drawn.randrange(256)
    granule = page.granule + drawn.choice((0, 0, 1, -1, 960, -(10**5), 2**40)) & 2**64 - 1
    return replace(
        page, body=bytes(body), granule=granule, flags=page.flags ^ drawn.choice((0, 0, 0, 0, 0, 0, 1, 2, 4))
    )


def test_thousands_of_damaged_streams_are_judged_as_the_reader_judges_them(speech: Clip) -> None:
    drawn = random.Random(7845)
    data = encoded(Opus(8_000, complexity=0), Clip(speech.samples[:35_000], 16_000))
    stream, taken = list(pages(data)), 0
    for number in range(1_000):
        if number % 3:
            taken += agrees(b"".join(build(hostile(page, drawn) if drawn.random() < 0.3 else page) for page in stream))
        else:
            damaged = bytearray(data)
            damaged[drawn.randrange(len(damaged))] ^= 1 << drawn.randrange(8)
            assert not agrees(bytes(damaged))
    assert 50 < taken < 700


def test_packets_over_pages_and_long_tags_are_walked_through() -> None:
    packet = bytes((0x48,)) + bytes(1_000)
    tags = b"OpusTags" + bytes(100_000)
    first, _, last = pages(oggopus.write(NOTE))
    sizes = b"\xff" * (len(tags) // 255) + bytes((len(tags) % 255,))
    stream = [first, Page(0, NO_PACKET_ENDS, 1, 1, sizes[:255], tags[: 255 * 255])]
    stream += [Page(CONTINUED, 0, 1, 2, sizes[255:], tags[255 * 255 :])]
    stream += [Page(0, NO_PACKET_ENDS, 1, 3, b"\xff" * 2, packet[:510])]
    stream += [Page(CONTINUED | LAST, 900, 1, 4, b"\xff" + bytes((len(packet) - 765,)), packet[510:])]
    assert agrees(b"".join(map(build, stream)))
    assert walk(b"".join(map(build, [*stream[:3], replace(last, sequence=3)]))).packets == 4


def damaged(data: bytes, count: int) -> Iterator[bytes]:
    """Changed bytes, cuts, repeats and splices, the same ones each time."""
    drawn = random.Random(len(data))
    for number in range(count):
        at, other = drawn.randrange(len(data)), drawn.randrange(len(data))
        if number % 4 == 0:
            changed = bytearray(data)
            for _ in range(drawn.randrange(1, 5)):
                changed[drawn.randrange(min(len(data), drawn.choice((64, 1 << 20))))] = drawn.choice(
                    (0, 1, 0x7F, 0xFF, drawn.randrange(256))
                )
            yield bytes(changed)
        elif number % 4 == 1:
            yield data[:at]
        elif number % 4 == 2:
            yield data[:at] + data[other:]
        else:
            yield data[:at] + drawn.randbytes(drawn.randrange(1, 12)) + data[at:]


@pytest.mark.parametrize(("codec", "container"), FILES[2:], ids=repr)
def test_damage_is_refused_or_harmless(codec: Codec, container: str) -> None:
    need_codec(codec)
    data = encoded(codec, Clip(np.zeros(codec.rate // 10, np.float32), codec.rate), container)
    refused = 0
    for file in damaged(data, 800):
        walked = outcome(file)
        refused += walked is None
        assert walked is None or (walked.seconds >= 0 and walked.packets <= len(file))
    assert refused > 40


@pytest.mark.parametrize(
    "head",
    [
        b"OggS",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"ID3",
        b"\xff\xfb\x90\x00",
        b"\0\0\0\x18ftypM4A ",
        b"#!AMR\n",
        b"\x1a\x45\xdf\xa3",
        b"\x1c\xcc\x12\0",
        b"\xc0\xde\xc2",
        b"",
    ],
)
@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_any_bytes_are_walked_through_or_refused(head: bytes, rest: bytes) -> None:
    outcome(head + rest)


def by_av(clip: Clip, container: str, coder: str, options: dict[str, str], channels: int = 1) -> bytes:
    """What FFmpeg writes."""
    file, layout = io.BytesIO(), "mono" if channels == 1 else "stereo"
    with av.open(file, "w", format=container, options=options) as output:
        stream: Any = output.add_stream(coder, rate=clip.rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.repeat(clip.samples.reshape(1, -1), channels, axis=0), "fltp", layout)
        frame.sample_rate = clip.rate
        for part in av.AudioResampler(format=stream.format.name, layout=layout, rate=clip.rate).resample(frame):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+delay_moov", "frag_duration": "200000"}
OTHERS = [
    ("mp4", "aac", FRAGMENTS, 1, "aac", 0.07),  # no edit list: the priming of 1024 samples is part of it
    ("mp4", "libopus", FRAGMENTS, 1, "opus", 0.02),
    ("mp4", "aac", {}, 2, "aac", 0.03),  # PyAV writes no edit list, either
    ("webm", "libopus", {"live": "1"}, 1, "opus", 0.02),
    ("matroska", "libopus", {}, 2, "opus", 0.02),
    ("ogg", "libopus", {}, 2, "opus", 0.0),
    ("mp3", "libmp3lame", {}, 2, "mp3", 0.0),
    ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}, 1, "mp3", 0.15),
    ("wav", "pcm_s16le", {}, 2, "pcm", 0.0),
]


@pytest.mark.parametrize(("container", "coder", "options", "channels", "codec", "off"), OTHERS, ids=repr)
def test_what_another_library_writes_is_walked_through(
    container: str, coder: str, options: dict[str, str], channels: int, codec: str, off: float, speech: Clip
) -> None:
    clip = resample(Clip(speech.samples[:24_000], speech.rate), 48_000)
    walked = walk(by_av(clip, container, coder, options, channels))
    assert (walked.codec, walked.channels) == (codec, channels)
    assert walked.seconds == pytest.approx(1.5, abs=off + 1e-4)


FOREIGN: list[tuple[str, str, dict[str, str]]] = [
    ("matroska", "pcm_s16le", {}), ("matroska", "aac", {}), ("flac", "flac", {}), ("wav", "pcm_s24le", {}),
    ("mp4", "libmp3lame", {}), ("aiff", "pcm_s16be", {}), ("adts", "aac", {}),
]  # fmt: skip


@pytest.mark.parametrize(("container", "coder", "options"), FOREIGN, ids=repr)
def test_other_kinds_are_foreign(container: str, coder: str, options: dict[str, str], speech: Clip) -> None:
    with pytest.raises(Foreign):
        walk(by_av(Clip(speech.samples[:8_000], speech.rate), container, coder, options))


def test_pictures_and_pages_of_the_web_are_foreign() -> None:
    for data in (
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"<!doctype html><script>",
        b"%PDF-1.7",
        b"MZ" + bytes(60),
        b"GIF89a",
        bytes(100),
    ):
        with pytest.raises(Foreign, match="begins with"):
            walk(data)
    with pytest.raises(CodecError, match="0 bytes"):
        walk(b"")


def test_the_checksum_is_the_slow_one() -> None:
    data = bytearray(random.Random(1).randbytes(3_000))
    for part in (crc.over(data), crc.slow(data)):
        for begin, size in ((0, 0), (0, 3_000), (1, 26), (2_999, 1), (17, 1_024)):
            assert part(begin, size) == checksum(data[begin : begin + size]).to_bytes(4, "little")


def test_the_fast_checksum_is_here() -> None:
    assert crc.over(bytearray(1)).__qualname__ != crc.slow(bytearray(1)).__qualname__


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3 * WIDTH), st.integers(0, 2 * WIDTH)), max_size=6))
def test_a_window_shows_what_is_there(tmp_path_factory: pytest.TempPathFactory, looks: list[tuple[int, int]]) -> None:
    for at, need in looks:
        place = SEEN.look(at, need)
        assert bytes(SEEN.buffer[place : place + need]) == WHOLE[at : at + need]


WHOLE = random.Random(2).randbytes(2 * WIDTH + 5)
SEEN = Window(WHOLE)


def long_stream(count: int) -> Iterator[bytes]:
    """An Ogg Opus file of so many pages of 250 packets."""
    first, second, _ = pages(oggopus.write(NOTE))
    yield from (build(first), build(second))
    packets = [bytes((0x48, 1)) + bytes(190)] * 250
    for number in range(count):
        yield paginate(packets, 250 * 960 * (number + 1), 1, number + 2, LAST if number == count - 1 else 0)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "long.ogg"
    with file.open("wb") as out:
        out.writelines(long_stream(200))
    assert file.stat().st_size > 9_000_000
    tracemalloc.start()
    try:
        walked = walk(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert walked.packets == 50_000
    assert peak < 3 * WIDTH


def box(name: bytes, inside: bytes) -> bytes:
    return (8 + len(inside)).to_bytes(4, "big") + name + inside


MANY = {
    "codec2": bytes.fromhex("c0dec200080000") + bytes(8 * 180_001),
    "amr": b"#!AMR\n" + b"\x7c" * 600_000,
    "boxes": box(b"ftyp", b"M4A 0000") + box(b"free", b"") * 180_001,
    "elements": bytes.fromhex("1a45dfa380") + b"\xec\x80" * 180_001,
}


@pytest.mark.parametrize("data", MANY.values(), ids=MANY)
def test_a_file_of_too_many_parts_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError, match="over 180000 parts"):
        walk(data)


def test_boxes_are_counted_in_all_fragments_together(speech: Clip) -> None:
    whole = by_av(Clip(speech.samples[:8_000], speech.rate), "mp4", "aac", FRAGMENTS)
    more = box(b"moof", box(b"traf", box(b"tfhd", bytes(8)) + box(b"free", b"") * 5_000))
    assert walk(whole + more) == walk(whole)
    with pytest.raises(CodecError, match="over 180000 parts"):
        walk(whole + more * 40)
