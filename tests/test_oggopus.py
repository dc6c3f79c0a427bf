"""Ogg Opus: a clip comes back from its file; other bytes are refused with what was seen."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.container import oggopus
from imlab.codec.container.ogg import CONTINUED, FIRST, LAST, NO_PACKET_ENDS, Page, build, lacing, pages, paginate
from imlab.codec.contract import CodecError, Coded, Packet, decode, encode
from imlab.codec.opus import FRAMES_MS, RATES, Opus
from imlab.codec.opus_packet import packet_samples
from imlab.errors import UsageError

NOTE = Coded("opus", 16_000, 1_000, 104, tuple(Packet(bytes((0x48, 1, 2, number)), 320) for number in range(4)))
FILE = oggopus.write(NOTE)


def spoken(speech: Clip, codec: Opus, seconds: float = 2.2) -> Clip:
    clip = resample(speech, codec.rate)
    return Clip(clip.samples[: round(seconds * codec.rate)], codec.rate)


def rebuilt(change: dict[int, dict[str, object]], data: bytes = FILE) -> bytes:
    """The file with fields of some pages changed and the checksums made good."""
    return b"".join(build(replace(page, **change.get(at, {}))) for at, page in enumerate(pages(data)))  # type: ignore[arg-type]


def head(**change: int) -> bytes:
    """The file with another OpusHead."""
    fields = {"version": 1, "channels": 1, "skip": 312, "rate": 16_000, "gain": 0, "family": 0} | change
    packet = struct.pack("<8sBBHIhB", b"OpusHead", *fields.values())
    return rebuilt({0: {"body": packet, "sizes": lacing(packet)}})


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frame_ms", FRAMES_MS)
def test_a_note_comes_back_from_its_file(rate: int, frame_ms: float, speech: Clip) -> None:
    codec = Opus(rate=rate, frame_ms=frame_ms, complexity=0)
    coded = encode(codec, spoken(speech, codec))
    assert oggopus.read(oggopus.write(coded)) == coded


@pytest.mark.parametrize("length", [0, 1, 215, 216, 217, 8_000, 15_896, 16_000, 16_001, 32_000])
def test_every_length_comes_back(length: int) -> None:
    coded = encode(Opus(complexity=0), Clip(np.zeros(length, np.float32), 16_000))
    assert oggopus.read(oggopus.write(coded)) == coded


@pytest.mark.parametrize("codec", [Opus(510_000, 120, 0, 48_000, vbr=False), Opus(64_000, 2.5), Opus()], ids=repr)
def test_a_listener_may_begin_after_a_second(codec: Opus, speech: Clip) -> None:
    coded = encode(codec, spoken(speech, codec, 4.4))
    audio = list(pages(oggopus.write(coded)))[2:]
    reaches = [0, *(page.granule for page in audio)]
    assert all(0 < after - before <= 48_000 for before, after in pairwise(reaches))
    assert reaches[-1] == (coded.delay + coded.samples) * 48_000 // codec.rate
    assert [page.flags for page in audio] == [0] * (len(audio) - 1) + [LAST]


def test_the_overhead_is_small(speech: Clip) -> None:
    coded = encode(Opus(), spoken(speech, Opus(), 5))
    assert len(oggopus.write(coded)) < 1.06 * coded.size


def test_equal_notes_make_equal_files_and_serials_differ_where_asked() -> None:
    assert oggopus.write(NOTE) == FILE
    assert {page.serial for page in pages(oggopus.write(NOTE, serial=0xDEADBEEF))} == {0xDEADBEEF}
    assert oggopus.read(oggopus.write(NOTE, serial=0xDEADBEEF)) == NOTE


@pytest.mark.parametrize("rate", RATES)
def test_another_library_hears_every_sample(rate: int, speech: Clip) -> None:
    codec = Opus(rate=rate)
    clip = spoken(speech, codec)
    with av.open(io.BytesIO(oggopus.write(encode(codec, clip))), "r") as container:
        assert container.streams.audio[0].codec_context.name in ("opus", "libopus")
        heard = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert len(heard) == len(clip.samples) * 48_000 // rate
    reference = resample(clip, 48_000).samples
    assert np.corrcoef(heard, reference)[0, 1] > 0.8
    assert np.corrcoef(heard[240:], reference[:-240])[0, 1] < 0.6  # 5 ms away: the pre-skip was not forgotten


def test_what_another_library_writes_is_read(speech: Clip) -> None:
    clip = spoken(speech, Opus(rate=48_000))
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(clip.samples.reshape(1, -1), "flt", "mono")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    coded = oggopus.read(file.getvalue())
    heard = decode(Opus(rate=48_000), coded).samples
    assert len(heard) == len(clip.samples)
    assert np.corrcoef(heard, clip.samples)[0, 1] > 0.9


def test_the_same_file_at_another_rate(speech: Clip) -> None:
    coded = encode(Opus(), spoken(speech, Opus()))
    other = oggopus.read(oggopus.write(coded), rate=48_000)
    assert (other.rate, other.samples, other.delay) == (48_000, 3 * coded.samples, 3 * coded.delay)
    assert [packet.samples for packet in other.packets] == [960] * len(coded.packets)
    with pytest.raises(UsageError, match="no rate 44100"):
        oggopus.read(FILE, rate=44_100)


@pytest.mark.parametrize(("declared", "rate"), [(16_000, 16_000), (8_000, 8_000), (44_100, 48_000), (0, 48_000)])
def test_a_file_is_read_at_its_own_rate_where_opus_has_it(declared: int, rate: int) -> None:
    coded = oggopus.read(head(rate=declared))
    assert (coded.rate, coded.samples * 48_000 // rate) == (rate, 3_000)


def test_a_length_that_16_khz_would_split_is_read_at_48() -> None:
    coded = oggopus.read(rebuilt({2: {"granule": 3_001 + 312}}))
    assert (coded.rate, coded.samples) == (48_000, 3_001)


def test_a_recording_that_was_joined_late_begins_at_its_first_page() -> None:
    long = replace(NOTE, samples=32_000, packets=NOTE.packets[:1] * 120)
    stream = list(pages(oggopus.write(long)))
    moved: dict[int, dict[str, object]] = {
        at: {"granule": page.granule + 10**9} for at, page in enumerate(stream) if at > 1
    }
    assert oggopus.read(rebuilt(moved, oggopus.write(long))) == long


def test_packets_over_pages_and_pages_without_an_end_are_read() -> None:
    packet = bytes((0x48,)) + bytes(1_000)
    first, second = list(pages(FILE))[:2]
    sizes = lacing(packet)
    stream = [first, second, Page(0, NO_PACKET_ENDS, 1, 2, sizes[:2], packet[:510])]
    stream += [Page(CONTINUED, NO_PACKET_ENDS, 1, 3, sizes[2:3], packet[510:765])]
    stream += [Page(CONTINUED | LAST, 900, 1, 4, sizes[3:], packet[765:])]
    assert oggopus.read(b"".join(map(build, stream))).packets == (Packet(packet, 320),)


def test_long_tags_are_read() -> None:
    tags = b"OpusTags" + bytes(100_000)
    first, _, last = pages(FILE)
    sizes = lacing(tags)
    stream = [first, Page(0, NO_PACKET_ENDS, 1, 1, sizes[:255], tags[: 255 * 255])]
    stream += [Page(CONTINUED, 0, 1, 2, sizes[255:], tags[255 * 255 :]), replace(last, sequence=3)]
    assert oggopus.read(b"".join(map(build, stream))) == NOTE


def refused() -> Iterator[tuple[str, bytes, str]]:
    """Name, bytes, what the error says."""
    first, second, last = pages(FILE)
    yield "nothing", b"", "no bytes"
    yield "a WAV", b"RIFF\x24\x00\x00\x00WAVEfmt ", "no Ogg page at byte 0: 5249464624000000"
    yield "an MP3", b"ID3\x04" + bytes(100), "no Ogg page at byte 0: 49443304"
    yield "Vorbis", rebuilt({0: {"body": b"\x01vorbis", "sizes": b"\x07"}}), r"OpusHead expected, b'\\x01vorbis' seen"
    yield "no tags", rebuilt({1: {"body": b"OpusTogs", "sizes": b"\x08"}}), "OpusTags expected, b'OpusTogs' seen"
    yield "only a head", build(replace(first, flags=FIRST | LAST)), "no OpusTags"
    yield "a short head", rebuilt({0: {"body": b"OpusHead\x01", "sizes": b"\x09"}}), "OpusHead has 9 of 19 bytes"
    yield "surround", head(channels=6, family=1), "6 channels in mapping family 1"
    yield "no channels", head(channels=0), "0 channels"
    yield "a newer version", head(version=16), "version 16"
    yield "a gain", head(gain=-768), "output gain of -3 dB"
    yield "no end", rebuilt({2: {"flags": 0, "granule": 3_840}}), "stops before its last page"
    yield "no sound", build(first) + build(replace(second, flags=LAST)), "312 are skipped, 0 are there"
    yield "an end before the skip", rebuilt({2: {"granule": 311}}), "312 are skipped"
    yield "an end of nowhere", rebuilt({2: {"granule": NO_PACKET_ENDS}}), "Ogg page 2 ends at sample"
    yield "a skip beyond the end", head(skip=65_535), "65535 are skipped, 3840 are there"
    yield "two chained", FILE + FILE, "page 3 is not of the one Ogg stream|page 3 follows the last"
    yield "two multiplexed", build(first) + build(replace(first, serial=9)), "page 1 is not of the one Ogg stream"
    yield "pages after the end", FILE + build(replace(last, sequence=3)), "page 3 follows the last"
    yield "junk after the end", FILE + b"junk", f"no Ogg page at byte {len(FILE)}: 6a756e6b"
    yield "a broken packet", rebuilt({2: {"body": b"\x0b\x00", "sizes": b"\x02"}}), "not an Opus packet"
    yield "an empty packet", rebuilt({2: {"body": b"", "sizes": b"\x00"}}), "at least one byte"
    yield (
        "headers on one page",
        paginate((b"OpusHead" + bytes(11), b"OpusTags"), 0, 1, 0, FIRST | LAST),
        "shares its Ogg",
    )


@pytest.mark.parametrize(("data", "seen"), [pytest.param(*case, id=name) for name, *case in refused()])
def test_what_is_not_one_whole_stream_is_refused_with_what_was_seen(data: bytes, seen: str) -> None:
    with pytest.raises(CodecError, match=seen) as error:
        oggopus.read(data)
    assert len(str(error.value)) < 200


def test_an_early_page_that_ends_before_its_packets_is_refused() -> None:
    first, second, last = pages(FILE)
    stream = [first, second, replace(last, flags=0, granule=10), replace(last, sequence=3, granule=3_312)]
    with pytest.raises(CodecError, match="ends at sample 10, but 3840 have come"):
        oggopus.read(b"".join(map(build, stream)))


def test_every_truncation_is_refused(speech: Clip) -> None:
    whole = oggopus.write(encode(Opus(6_000), spoken(speech, Opus())))
    for end in range(len(whole)):
        with pytest.raises(CodecError):
            oggopus.read(whole[:end])


def read_or_refuse(data: bytes) -> bool:
    """Was it read? Whatever was, is consistent and no larger than its bytes; nothing else may be raised."""
    try:
        coded = oggopus.read(data)
    except CodecError:
        return False
    assert coded.size <= len(data)
    assert coded.delay >= 0
    assert coded.delay + coded.samples <= sum(packet.samples for packet in coded.packets)
    assert all(packet.samples == packet_samples(packet.data, coded.rate) for packet in coded.packets)
    return True


@settings(max_examples=500)
@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda data: FILE[:27] + data))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refuse(data)


@settings(max_examples=300)
@given(
    st.lists(
        st.builds(
            lambda flags, granule, sequence, packets: paginate(packets, granule, 1, sequence, flags),
            st.integers(0, 7),
            st.integers(0, 10_000) | st.integers(0, 2**64 - 1),
            st.integers(0, 3),
            st.lists(st.sampled_from((b"OpusTags", b"H123", *(packet.data for packet in NOTE.packets)))),
        ),
        max_size=4,
    )
)
def test_any_sound_pages_are_read_or_refused(stream: list[bytes]) -> None:
    read_or_refuse(FILE[: 27 + 20] + b"".join(stream))


def test_ten_thousand_damaged_files_are_read_or_refused(speech: Clip) -> None:
    drawn = random.Random(7845)
    whole = oggopus.write(encode(Opus(6_000), spoken(speech, Opus())))
    stream = list(pages(whole))
    read = 0
    for number in range(10_000):
        if number % 2:  # bytes that were hit on their way: the checksum sees it
            damaged = bytearray(whole)
            for _ in range(drawn.randrange(1, 6)):
                damaged[drawn.randrange(len(damaged))] = drawn.randrange(256)
            data = bytes(damaged)
        else:  # a hostile writer, whose checksums are good
            data = b"".join(build(hostile(page, drawn)) if drawn.random() < 0.4 else build(page) for page in stream)
        read += read_or_refuse(data)
    assert 100 < read < 9_000  # both answers were given often


def hostile(page: Page, drawn: random.Random) -> Page:
    """The same page with something changed that its checksum does not tell."""
    body = bytearray(page.body)
    for _ in range(drawn.randrange(3)):
        body[drawn.randrange(len(body))] = drawn.randrange(256)
    granule = page.granule + drawn.choice((0, 0, 1, -1, 960, -(10**5), 2**40)) & 2**64 - 1
    flags = page.flags ^ drawn.choice((0, 0, 0, 0, 0, 0, 1, 2, 4))
    return replace(page, body=bytes(body), granule=granule, flags=flags)


@pytest.mark.parametrize(
    ("coded", "seen"),
    [
        (replace(NOTE, codec="pcm"), "holds no pcm"),
        (replace(NOTE, rate=44_100), "no Opus at 44100 Hz"),
        (replace(NOTE, delay=-1), "a delay of -1 samples"),
        (replace(NOTE, delay=21_846), "a delay of 21846 samples"),
        (replace(NOTE, samples=-1), "hold no 104 \\+ -1"),
        (replace(NOTE, packets=(Packet(b"\x48", 160),) * 9), "said to last 160 samples: 48"),
        (replace(NOTE, packets=(Packet(b"\x03\x00", 320),)), "not an Opus packet"),
        (replace(NOTE, packets=()), "packets of 0 samples"),
        (replace(NOTE, samples=1_177), "packets of 1280 samples hold no 104 \\+ 1177"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_file_can_hold_is_refused(coded: Coded, seen: str) -> None:
    with pytest.raises(UsageError if coded.codec == "pcm" else CodecError, match=seen):
        oggopus.write(coded)
