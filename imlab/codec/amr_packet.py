"""An AMR packet, narrow or wide: one 20 ms frame as RFC 4867 (5.3) stores it.

A header byte, 0 TTTT Q 00, then the speech bits filled up to whole bytes. The type T is the encoder's mode, or a pause;
Q says that the frame is whole. The libraries read as many bytes as the type says and ask no question, so a packet is
held against its type before they see it.
"""

from __future__ import annotations

from imlab.codec.contract import CodecError

NARROW = {0: 13, 1: 14, 2: 16, 3: 18, 4: 20, 5: 21, 6: 27, 7: 32, 8: 6, 15: 1}  # bytes by type, header included
WIDE = {0: 18, 1: 24, 2: 33, 3: 37, 4: 41, 5: 47, 6: 51, 7: 59, 8: 61, 9: 6, 14: 1, 15: 1}
GOOD = 0x04  # Q
NO_DATA = 15  # the type of a frame that was not sent: in a pause more of the same noise, in speech a lost one
LOST = bytes([NO_DATA << 3 | GOOD])


def kind(packet: bytes, sizes: dict[int, int]) -> int:
    """The packet's type, 0 to 15; sizes: NARROW or WIDE. CodecError unless it is as long as its type says."""
    if not packet:
        raise CodecError("an AMR packet has at least its header byte, this one has nothing")
    found = packet[0] >> 3 & 15
    if packet[0] & 0x80 or found not in sizes:
        raise CodecError(f"not an AMR packet: header {packet[:1].hex()}, {len(packet)} bytes")
    if len(packet) != sizes[found]:
        raise CodecError(f"an AMR packet of type {found} has {sizes[found]} bytes, this one {len(packet)}")
    return found


def heard(packet: bytes, sizes: dict[int, int]) -> bytes:
    """What the decoder is given: the packet, or where its own header calls it damaged, a lost one."""
    kind(packet, sizes)
    return packet if packet[0] & GOOD else LOST
