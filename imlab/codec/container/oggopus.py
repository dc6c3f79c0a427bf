"""Opus in Ogg (RFC 7845): a coded clip as a file that players open, and back.

    page 0: OpusHead   channels, pre-skip, rate of the original      page 1...: OpusTags   who wrote it
    then pages of packets. A granule position counts samples at 48 kHz, whatever the rate, the pre-skip included;
    the last one says where the sound really ends, which may be inside the last packet.

A file holds one stream. What could be read in two ways, or only in part, is refused with what was seen.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imlab.codec.container import ogg
from imlab.codec.container.ogg import FIRST, LAST, MOST_SEGMENTS, NO_PACKET_ENDS, Page
from imlab.codec.contract import CodecError, Coded, Packet
from imlab.codec.opus import RATES
from imlab.codec.opus_packet import packet_samples
from imlab.errors import UsageError

CLOCK = 48_000  # Hz, of granule positions and pre-skip
HEAD = struct.Struct("<8sBBHIhB")  # magic, version, channels, pre-skip, rate, gain in dB/256, mapping family
TAGS = b"OpusTags" + struct.pack("<I5sI", 5, b"imlab", 0)  # vendor, no comments: the same clip makes the same bytes
MOST_SKIP = 65_535  # samples at 48 kHz, 16 bits
PAGE_MS = 1000  # of sound in a page: a listener may begin after the first, and the overhead stays under 1 %


@dataclass(frozen=True, slots=True)
class Head:
    """The first packet. skip: samples at 48 kHz to drop; rate: of the original sound in Hz, 0 when unknown."""

    skip: int
    rate: int


def write(coded: Coded, serial: int = 1) -> bytes:
    """The clip as a file; CodecError where the packets are not what the clip says of them.

    serial: the stream's number, given and not drawn, so that equal clips make equal files.
    """
    _check(coded)
    tick = CLOCK // coded.rate
    head = HEAD.pack(b"OpusHead", 1, 1, coded.delay * tick, coded.rate, 0, 0)
    whole = [ogg.paginate((head,), 0, serial, 0, FIRST), ogg.paginate((TAGS,), 0, serial, 1)]
    groups = list(_gather(coded.packets, coded.rate * PAGE_MS // 1000))
    reach = 0
    for number, group in enumerate(groups, 1):
        reach += sum(packet.samples for packet in group)
        last = number == len(groups)
        granule = (coded.delay + coded.samples if last else reach) * tick
        whole.append(ogg.paginate([packet.data for packet in group], granule, serial, number + 1, LAST if last else 0))
    return b"".join(whole)


def _check(coded: Coded) -> None:
    """A clip may come from a peer: what would make a file that nobody can read is refused here."""
    if coded.codec != "opus":
        raise UsageError(f"an Ogg Opus file holds no {coded.codec}")
    if coded.rate not in RATES or not 0 <= coded.delay * CLOCK <= MOST_SKIP * coded.rate:
        raise CodecError(f"no Opus at {coded.rate} Hz with a delay of {coded.delay} samples")
    for packet in coded.packets:
        if packet_samples(packet.data, coded.rate) != packet.samples:
            raise CodecError(f"an Opus packet said to last {packet.samples} samples: {packet.data[:16].hex()}")
    reach = sum(packet.samples for packet in coded.packets)
    if not coded.packets or not 0 <= coded.samples <= reach - coded.delay:
        raise CodecError(f"{len(coded.packets)} packets of {reach} samples hold no {coded.delay} + {coded.samples}")


def _gather(packets: Sequence[Packet], most: int) -> Iterator[list[Packet]]:
    """Packets by page: up to ``most`` samples, and what a segment table can hold."""
    group: list[Packet] = []
    samples = segments = 0
    for packet in packets:
        needed = len(packet.data) // 255 + 1
        if group and (samples + packet.samples > most or segments + needed > MOST_SEGMENTS):
            yield group
            group, samples, segments = [], 0, 0
        group.append(packet)
        samples += packet.samples
        segments += needed
    yield group


def read(data: bytes, rate: int | None = None) -> Coded:
    """The clip in a file, to be decoded at ``rate`` Hz; CodecError for anything but one whole Ogg Opus stream.

    rate: by default that of the original sound, where Opus has it and lengths come out in whole samples, else 48 kHz.
    """
    if rate is not None and rate not in RATES:
        raise UsageError(f"Opus has no rate {rate!r}: one of {', '.join(map(str, RATES))} Hz")
    stream = ogg.finished(_one_stream(data))
    head = _head(_header(stream, b"OpusHead"))
    _header(stream, b"OpusTags")
    packets, length = _sound(stream, head.skip)
    rate = rate or _natural_rate(head, length)
    begin, end = (round(at * rate / CLOCK) for at in (head.skip, head.skip + length))
    scaled = tuple(Packet(packet, samples * rate // CLOCK) for packet, samples in packets)
    return Coded("opus", rate, end - begin, begin, scaled)


def _one_stream(data: bytes) -> Iterator[Page]:
    """The pages, when they are those of one logical stream that begins and ends as it should."""
    if not data:
        raise CodecError("not an Ogg file: no bytes")
    serial = None
    ended = False
    for number, page in enumerate(ogg.pages(data)):
        serial = page.serial if serial is None else serial
        if page.serial != serial or bool(page.flags & FIRST) != (number == 0):
            raise CodecError(f"page {number} is not of the one Ogg stream {serial:08x} that a voice note has")
        if ended:
            raise CodecError(f"page {number} follows the last page of its Ogg stream")
        ended = bool(page.flags & LAST)
        yield page
    if not ended:
        raise CodecError("truncated: the Ogg stream stops before its last page")


def _header(stream: Iterator[tuple[Page, list[bytes]]], magic: bytes) -> bytes:
    """The next packet, which has the pages it is on to itself (section 3)."""
    for page, packets in stream:
        if not packets:
            continue
        if not packets[0].startswith(magic):
            raise CodecError(f"not Ogg Opus: {magic.decode()} expected, {packets[0][:8]!r} seen")
        if len(packets) > 1 or page.sizes[-1] == 255:
            raise CodecError(f"{magic.decode()} shares its Ogg page with other packets")
        return packets[0]
    raise CodecError(f"not Ogg Opus: no {magic.decode()}")


def _head(packet: bytes) -> Head:
    """OpusHead, section 5.1: versions 0 to 15 are alike."""
    if len(packet) < HEAD.size:
        raise CodecError(f"truncated: OpusHead has {len(packet)} of {HEAD.size} bytes")
    _, version, channels, skip, rate, gain, family = HEAD.unpack_from(packet)
    if version > 15:
        raise CodecError(f"OpusHead has version {version}, up to 15 are known")
    if family != 0 or channels not in (1, 2):
        raise CodecError(f"{channels} channels in mapping family {family}: only mono and stereo of family 0 are read")
    if gain != 0:
        raise CodecError(f"an output gain of {gain / 256:g} dB: only 0 is read")
    return Head(skip, rate)


def _sound(stream: Iterator[tuple[Page, list[bytes]]], skip: int) -> tuple[list[tuple[bytes, int]], int]:
    """The packets with what each lasts, and the sound's length after the pre-skip; samples at 48 kHz (section 4)."""
    packets: list[tuple[bytes, int]] = []
    reach = begin = end = 0
    for page, ended in stream:
        first = not packets
        lengths = [packet_samples(packet, CLOCK) for packet in ended]
        packets += zip(ended, lengths, strict=True)
        reach += sum(lengths)
        if page.granule == NO_PACKET_ENDS and not ended:
            continue
        end = page.granule
        if first and ended:  # a recording that was joined late begins later than 0; one page alone may be cut short
            begin = 0 if page.flags & LAST and end <= reach else end - reach
        if begin < 0 or page.granule == NO_PACKET_ENDS:
            raise CodecError(f"Ogg page {page.sequence} ends at sample {end}, but {reach} have come so far")
    length = end - begin - skip
    if length < 0 or end - begin > reach:
        raise CodecError(f"the last Ogg page ends at sample {end - begin}, {skip} are skipped, {reach} are there")
    return packets, length


def _natural_rate(head: Head, length: int) -> int:
    """The original's rate, where Opus can decode to it and no length is split, in Hz."""
    whole = head.skip * head.rate % CLOCK == 0 == length * head.rate % CLOCK
    return head.rate if head.rate in RATES and whole else CLOCK
