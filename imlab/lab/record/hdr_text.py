"""A histogram as the one line of text that every HdrHistogram program reads: format V2, compressed, base64.

    base64( cookie, length, zlib( cookie, length, 0, digits, lowest, highest, 1.0, counters ) )

Numbers are big endian. A counter is zigzag LEB128 of at most nine bytes, the ninth whole; a run of k zeros is the
one number -k; what follows the last counter in use is left out (Java's AbstractHistogram, encodeIntoByteBuffer).
The format has no place for what failed or lay outside: hist.csv keeps those, this is for others' tools.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from imlab.errors import DoorError, UsageError
from imlab.lab.record.histogram import Counts, Histogram

INNER, OUTER = 0x1C849313, 0x1C849314  # cookies of V2, plain and compressed
HEAD = struct.Struct(">IIIIqqd")
DIGITS, LOWEST = 3, 1
LARGEST = 1 << 20  # bytes: of the counters of any range that we offer, however full


def to_text(histogram: Histogram) -> str:
    """The histogram for other programs; one with values outside its range is refused."""
    counts = histogram.checked().counts
    body = b"".join(_varint(number) for number in _runs(np.trim_zeros(counts, "b")))
    head = HEAD.pack(INNER, len(body), 0, DIGITS, LOWEST, histogram.highest, 1.0)
    packed = zlib.compress(head + body)
    return base64.b64encode(struct.pack(">II", OUTER, len(packed)) + packed).decode()


def from_text(text: str, name: str = "") -> Histogram:
    """A histogram that we or another program wrote: three digits, in microseconds from 1."""
    try:
        data = base64.b64decode(text, validate=True)
        cookie, length = struct.unpack_from(">II", data)
        plain = zlib.decompressobj().decompress(data[8:], LARGEST)
        inner, size, offset, digits, lowest, highest, _ = HEAD.unpack_from(plain)
        if (cookie, inner) != (OUTER, INNER) or (len(data) - 8, len(plain) - HEAD.size) != (length, size):
            raise ValueError(f"cookies {cookie:x} and {inner:x}, {len(data)} bytes")
        if (offset, digits, lowest) != (0, DIGITS, LOWEST):
            raise ValueError(f"{digits} digits from {lowest}, offset {offset}")
        histogram = Histogram(name, highest)
        histogram.add(_counters(plain[HEAD.size :], len(histogram.counts)))
    except (ValueError, OverflowError, struct.error, zlib.error, UsageError) as error:
        raise DoorError(f"not a histogram of HdrHistogram V2: {error}") from error
    return histogram


def _runs(counts: Counts) -> Iterator[int]:
    """The numbers to write: a counter, or minus the length of a run of zeros."""
    zeros = 0
    for count in counts.tolist():
        if count == 0:
            zeros += 1
            continue
        if zeros:
            yield -zeros
        zeros = 0
        yield count


def _varint(number: int) -> bytes:
    """Zigzag, then seven bits a byte, lowest first; the ninth byte is whole."""
    left = (number << 1) ^ (number >> 63)
    parts = bytearray()
    while left > 0x7F and len(parts) < 8:
        parts.append(left & 0x7F | 0x80)
        left >>= 7
    parts.append(left)
    return bytes(parts)


def _counters(body: bytes, most: int) -> list[int]:
    """The counters that the bytes tell, at most so many."""
    counts: list[int] = []
    value = place = 0
    for byte in body:
        value |= (byte if place == 8 else byte & 0x7F) << 7 * place
        place += 1
        if byte & 0x80 and place < 9:
            continue
        number = (value >> 1) ^ -(value & 1)
        if len(counts) + max(1, -number) > most:
            raise ValueError(f"more than {most} counters")
        counts.extend([0] * -number if number < 0 else [number])
        value = place = 0
    if place:
        raise ValueError("the last counter is cut off")
    return counts
