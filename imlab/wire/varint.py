"""Numbers and tags as protobuf writes them, for those who put a large field behind a head without copying it twice."""

from __future__ import annotations


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag_of(number: int) -> bytes:
    """What stands before a field of bytes."""
    return varint(number << 3 | 2)
