"""Ogg pages: what is built is read back, what was touched is noticed."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.codec.container.ogg import (
    CONTINUED,
    NO_PACKET_ENDS,
    Page,
    build,
    checksum,
    finished,
    lacing,
    pages,
    paginate,
)
from imlab.codec.contract import CodecError
from imlab.errors import UsageError

PAGE = Page(flags=2, granule=960, serial=7, sequence=0, sizes=bytes((3, 0, 4)), body=b"abcdefg")


def slow_checksum(data: bytes) -> int:
    """The CRC of RFC 3533, bit by bit: polynomial 0x04c11db7, nothing mirrored, nothing inverted."""
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    return register


def cut(packets: list[bytes], segments: int) -> list[Page]:
    """Packets over pages of at most so many segments, wherever that cuts them."""
    sizes, body = b"".join(map(lacing, packets)), b"".join(packets)
    stream, at, flags = [], 0, 0
    for number, begin in enumerate(range(0, len(sizes), segments)):
        table = sizes[begin : begin + segments]
        granule = number if min(table) < 255 else NO_PACKET_ENDS
        stream.append(Page(flags, granule, 1, number, table, body[at : at + sum(table)]))
        at += sum(table)
        flags = CONTINUED if table[-1] == 255 else 0
    return stream


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_the_fast_checksum_is_the_slow_one(data: bytes) -> None:
    assert checksum(data) == slow_checksum(data)


def test_the_checksum_has_its_known_answer() -> None:
    assert checksum(b"123456789") == 0x89A1897F  # CRC-32/MPEG-2 with a register that begins at 0


@settings(max_examples=100)
@given(
    st.builds(
        lambda flags, granule, serial, sequence, packets: Page(
            flags, granule, serial, sequence, b"".join(map(lacing, packets)), b"".join(packets)
        ),
        st.integers(0, 255),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.lists(st.binary(max_size=600), max_size=60),
    )
)
def test_a_page_comes_back(page: Page) -> None:
    assert list(pages(build(page))) == [page]


@settings(max_examples=100)
@given(
    st.lists(st.integers(0, 1000).map(lambda size: bytes(i % 251 for i in range(size))), min_size=1, max_size=12),
    st.integers(1, 9),
)
def test_packets_come_back_however_they_are_cut_into_pages(packets: list[bytes], segments: int) -> None:
    stream = cut(packets, segments)
    data = b"".join(map(build, stream))
    assert [packet for _, ended in finished(pages(data)) for packet in ended] == packets


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 510, 64_769])
def test_a_packet_of_any_size_ends(size: int) -> None:
    packet = bytes(size)
    assert [ended for _, ended in finished(pages(paginate((packet, b"x"), 0, 1, 0)))] == [[packet, b"x"]]


def test_a_page_has_room_for_255_segments() -> None:
    with pytest.raises(UsageError, match="at most 255 segments, not 256"):
        paginate((bytes(255 * 255),), 0, 1, 0)


def test_a_table_describes_its_body() -> None:
    with pytest.raises(UsageError, match="a table of 7 bytes does not describe a body of 6"):
        build(replace(PAGE, body=b"abcdef"))


def test_every_flipped_bit_is_noticed() -> None:
    whole = build(PAGE)
    for bit in range(8 * len(whole)):
        touched = bytearray(whole)
        touched[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            list(pages(bytes(touched)))


def test_every_truncation_is_noticed() -> None:
    whole = build(PAGE)
    for end in range(1, len(whole)):
        with pytest.raises(CodecError, match=r"truncated|no Ogg page"):
            list(pages(whole[:end]))


@pytest.mark.parametrize(
    ("stream", "seen"),
    [
        (cut([bytes(600)] * 3, 2)[:-1], "does not end"),
        (cut([bytes(600)] * 3, 2)[1:], "page 1 where 0 belongs"),
        ([PAGE, replace(PAGE, sequence=2)], "page 2 where 1 belongs"),
        ([PAGE, replace(PAGE, sequence=1, flags=CONTINUED)], "disagree whether a packet goes on"),
        ([replace(page, flags=0) for page in cut([bytes(600)] * 3, 2)], "disagree whether a packet goes on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pages_that_do_not_fit_together_are_refused(stream: list[Page], seen: str) -> None:
    with pytest.raises(CodecError, match=seen):
        list(finished(stream))


def test_junk_between_pages_is_refused_and_named() -> None:
    first = build(PAGE)
    with pytest.raises(CodecError, match=f"no Ogg page at byte {len(first)}: 6a756e6b"):
        list(pages(first + b"junk" + build(replace(PAGE, sequence=1))))


def test_no_bytes_are_no_pages() -> None:
    assert list(pages(b"")) == []


def test_a_packet_without_end_does_not_fill_the_memory() -> None:
    page = Page(0, NO_PACKET_ENDS, 1, 0, b"\xff" * 255, bytes(255 * 255))
    endless = (replace(page, sequence=number, flags=CONTINUED if number else 0) for number in count())
    with pytest.raises(CodecError, match="goes on behind page 258 has over 16 MB"):
        list(finished(endless))
