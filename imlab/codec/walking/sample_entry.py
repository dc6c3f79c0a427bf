"""What an MP4 says of its sound: a sample entry of AAC (ISO/IEC 14496-14) or Opus (opus-codec.org's mapping)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imlab.codec.aac import RATES as AAC_RATES
from imlab.codec.container.oggopus import CLOCK
from imlab.codec.contract import CodecError
from imlab.codec.walking.boxes import Box, boxes, only
from imlab.codec.walking.walked import Foreign
from imlab.codec.walking.window import Window

FULL, COUNT = 4, 4  # bytes of version and flags, and of the number of entries
FIELDS = 28  # bytes of an entry before its boxes; QuickTime's first version has 16 more
QUICKTIME = 16
OPUS = struct.Struct(">BBHIhB")  # version, channels, pre-skip, rate, gain, family
ES, DECODER, SPECIFIC = 3, 4, 5  # tags of descriptors (ISO/IEC 14496-1)
HEADS = {ES: 3, DECODER: 13}  # bytes before the descriptors within
AAC_TYPES = (0x40, 0x66, 0x67, 0x68)  # MPEG-4, and MPEG-2's three profiles
LOW_COMPLEXITY, HIGH_EFFICIENCY, WITH_STEREO = 2, 5, 29  # audio object types
MOST_OF_CONFIG = 256  # bytes


@dataclass(frozen=True, slots=True)
class Sound:
    """rate in Hz; skip_s: seconds to drop at the beginning, where no edit list says so."""

    codec: str
    rate: int
    channels: int
    skip_s: float = 0.0


def sound(window: Window, stsd: Box) -> Sound:
    """The one codec of a track; Foreign when it is none that is kept."""
    entries = list(boxes(window, stsd.at + FULL + COUNT, stsd.end))
    names = [entry.name for entry in entries]
    if names == [b"Opus"]:
        return _opus(window, only(window, entries[0], b"dOps", FIELDS))
    if names == [b"mp4a"]:
        version = int.from_bytes(window.take(entries[0].at + 8, 2), "big")
        return _aac(window, only(window, entries[0], b"esds", FIELDS + QUICKTIME * (version == 1)))
    raise Foreign(f"an MP4 of {', '.join(map(repr, names)) or 'no codec'}: AAC and Opus are kept")


def _opus(window: Window, box: Box) -> Sound:
    version, channels, skip, rate, gain, family = OPUS.unpack(window.take(box.at, OPUS.size))
    if version or family or channels not in (1, 2) or gain:
        raise CodecError(f"Opus of version {version}, {channels} channels in family {family}, gain {gain / 256:g} dB")
    return Sound("opus", int(rate) or CLOCK, channels, skip / CLOCK)


def _aac(window: Window, esds: Box) -> Sound:
    """The decoder's configuration, at the bottom of nested descriptors."""
    data = window.take(esds.at + FULL, min(esds.size - FULL, MOST_OF_CONFIG) if esds.size > FULL else 1)
    kind, config = _descend(data)
    if kind not in AAC_TYPES:
        raise Foreign(f"an MP4 of MPEG's object type {kind:#x}: AAC and Opus are kept")
    if len(config) < 2:
        raise CodecError(f"an MP4 whose AAC is not described: {data[:32].hex()}")
    bits = int.from_bytes(config[:8].ljust(8, b"\0"), "big")
    profile, index = bits >> 59, bits >> 55 & 15
    if profile not in (LOW_COMPLEXITY, HIGH_EFFICIENCY, WITH_STEREO):
        raise Foreign(f"AAC of object type {profile}: low complexity and high efficiency are kept")
    rate = bits >> 31 & 0xFFFFFF if index == 15 else (*AAC_RATES, 8_000, 7_350, 0, 0)[index]
    channels = bits >> (27 if index == 15 else 51) & 15
    if not rate:
        raise CodecError(f"AAC with the rate of no index: {config.hex()}")
    return Sound("aac", rate, channels)


def _descend(data: bytes) -> tuple[int, bytes]:
    """MPEG's object type, and the configuration; 0 and nothing where they are not told."""
    kind, at = 0, 0
    while at + 2 <= len(data):
        tag, size, at = data[at], 0, at + 1
        while at < len(data):  # seven bits a byte, the high one says that more follow
            size = size << 7 | data[at] & 0x7F
            at += 1
            if not data[at - 1] & 0x80:
                break
        if tag == SPECIFIC:
            return kind, data[at : at + size]
        if tag == DECODER and at < len(data):
            kind = data[at]
        at += HEADS.get(tag, size)
    return kind, b""
