"""Ogg pages (RFC 3533): packets of any size cut into segments, segments gathered in pages with a checksum.

A page is 27 bytes of header, a table of up to 255 segment sizes, and the segments. A segment of 255 bytes says that
its packet goes on; a smaller one (0 too) ends it. A packet may go on in the next page, which is then "continued".
The granule position of a page says how far its last finished packet reaches; what it counts is the codec's affair.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from imlab.codec.contract import CodecError
from imlab.errors import UsageError

CAPTURE = b"OggS"
CONTINUED, FIRST, LAST = 1, 2, 4  # header flags
NO_PACKET_ENDS = 2**64 - 1  # the granule of a page on which no packet ends
MOST_SEGMENTS = 255
LARGEST = 16 << 20  # bytes of a packet over many pages: tags may hold a picture, sound is a thousandth of it
HEADER = struct.Struct("<4sBBQIIIB")  # capture, version, flags, granule, serial, sequence, checksum, segments
CHECKSUM = struct.Struct("<I")
CHECKSUM_AT = 22

MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Page:
    """One page. sizes: the segment table; body: the segments, end to end; sequence: its number in the stream."""

    flags: int
    granule: int
    serial: int
    sequence: int
    sizes: bytes
    body: bytes


def checksum(data: bytes | bytearray) -> int:
    """Ogg's CRC-32 at zlib's speed.

    Both have the polynomial 0x04c11db7, but zlib takes the bits of a byte from the other end and inverts the register
    before and after. So: mirror every byte, undo both inversions, mirror the result.
    """
    register = zlib.crc32(data.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(register.to_bytes(4, "little").translate(MIRRORED), "big")


def build(page: Page) -> bytes:
    """The page's bytes, checksum included."""
    if len(page.sizes) > MOST_SEGMENTS:
        raise UsageError(f"an Ogg page has at most {MOST_SEGMENTS} segments, not {len(page.sizes)}")
    if sum(page.sizes) != len(page.body):
        raise UsageError(f"a table of {sum(page.sizes)} bytes does not describe a body of {len(page.body)}")
    head = HEADER.pack(CAPTURE, 0, page.flags, page.granule, page.serial, page.sequence, 0, len(page.sizes))
    whole = bytearray(head + page.sizes + page.body)
    CHECKSUM.pack_into(whole, CHECKSUM_AT, checksum(whole))
    return bytes(whole)


def paginate(packets: Sequence[bytes], granule: int, serial: int, sequence: int, flags: int = 0) -> bytes:
    """One page of whole packets."""
    return build(Page(flags, granule, serial, sequence, b"".join(map(lacing, packets)), b"".join(packets)))


def lacing(packet: bytes) -> bytes:
    """The packet's entries in a segment table."""
    return b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))


def pages(data: bytes | BinaryIO) -> Iterator[Page]:
    """The pages of a whole file, one in memory at a time; CodecError at the first byte that is not of a sound page."""
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    at = 0
    while head := file.read(HEADER.size):
        page, size = _page(head, file, at)
        yield page
        at += size


def _page(head: bytes, file: BinaryIO, at: int) -> tuple[Page, int]:
    """The page that begins with a header, at an offset which errors name, and its size."""
    if head[:4] != CAPTURE:
        raise CodecError(f"no Ogg page at byte {at}: {head[:8].hex()}")
    if len(head) < HEADER.size:
        raise CodecError(f"truncated: the header of the Ogg page at byte {at} has {len(head)} of {HEADER.size} bytes")
    _, version, flags, granule, serial, sequence, expected, count = HEADER.unpack(head)
    if version != 0:
        raise CodecError(f"the Ogg page at byte {at} has version {version}, only 0 is known")
    sizes = file.read(count)
    body = file.read(sum(sizes))
    seen, size = HEADER.size + len(sizes) + len(body), HEADER.size + count + sum(sizes)
    if len(sizes) < count or seen < size:
        raise CodecError(f"truncated: the Ogg page at byte {at} ends at byte {at + size}, the data at {at + seen}")
    blank = b"".join((head[:CHECKSUM_AT], bytes(4), head[CHECKSUM_AT + 4 :], sizes, body))
    if checksum(blank) != expected:
        raise CodecError(f"the Ogg page at byte {at} is damaged: checksum {checksum(blank):08x}, not {expected:08x}")
    return Page(flags, granule, serial, sequence, sizes, body), size


def finished(stream: Iterable[Page]) -> Iterator[tuple[Page, list[bytes]]]:
    """Each page of one logical stream with the packets that end on it; CodecError when pages do not fit together."""
    rest: list[bytes] | None = None  # the segments of a packet that has begun and not ended
    for number, page in enumerate(stream):
        if page.sequence != number:
            raise CodecError(f"an Ogg page is missing: page {page.sequence} where {number} belongs")
        if bool(page.flags & CONTINUED) != (rest is not None):
            raise CodecError(f"Ogg page {number} and the one before it disagree whether a packet goes on")
        packets, rest = _packets(page, rest or [])
        if rest and len(rest) * 255 > LARGEST:
            raise CodecError(f"the Ogg packet that goes on behind page {number} has over {LARGEST >> 20} MB")
        yield page, packets
    if rest is not None:
        raise CodecError("truncated: the last Ogg packet does not end")


def _packets(page: Page, rest: list[bytes]) -> tuple[list[bytes], list[bytes] | None]:
    """The packets that end on a page, and the segments of the one that does not."""
    packets, at = [], 0
    for size in page.sizes:
        rest.append(page.body[at : at + size])
        at += size
        if size < 255:
            packets.append(b"".join(rest))
            rest = []
    open_ended = bool(page.sizes) and page.sizes[-1] == 255
    return packets, rest if open_ended else None
