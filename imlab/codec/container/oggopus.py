"""Opus in Ogg (RFC 7845): a coded clip as a file that players open, and back.

    page 0: OpusHead   channels, pre-skip, rate of the original      page 1...: OpusTags   who wrote it
    then pages of packets. A granule position counts samples at 48 kHz, whatever the rate, the pre-skip included;
    the last one says where the sound really ends, which may be inside the last packet.

A file holds one stream. What could be read in two ways, or only in part, is refused with what was seen.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imlab.codec.container import ogg
from imlab.codec.container.ogg import FIRST, LAST, MOST_SEGMENTS, NO_PACKET_ENDS, Page
from imlab.codec.container.track import Track, hold, track_of
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


class OggOpusWriter:
    """Pages appear as they fill; serial: the stream's number, given and not drawn: equal clips make equal files."""

    def __init__(self, file: BinaryIO, track: Track, serial: int = 1) -> None:
        if track.rate not in RATES or not 0 <= track.delay * CLOCK <= MOST_SKIP * track.rate:
            raise CodecError(f"no Opus at {track.rate} Hz with a delay of {track.delay} samples")
        self._file, self._track, self._serial = file, track, serial
        self._tick = CLOCK // track.rate
        self._most = track.rate * PAGE_MS // 1000
        self._group: list[bytes] = []
        self._samples = self._segments = self._reach = 0  # samples and segments of the group; samples of all packets
        self._sequence = 2
        head = HEAD.pack(b"OpusHead", 1, 1, track.delay * self._tick, track.rate, 0, 0)
        file.write(ogg.paginate((head,), 0, serial, 0, FIRST) + ogg.paginate((TAGS,), 0, serial, 1))

    def add(self, packet: Packet) -> None:
        """The next packet; CodecError when it is not what it is said to be."""
        if packet_samples(packet.data, self._track.rate) != packet.samples:
            raise CodecError(f"an Opus packet said to last {packet.samples} samples: {packet.data[:16].hex()}")
        needed = len(packet.data) // 255 + 1
        if self._group and (self._samples + packet.samples > self._most or self._segments + needed > MOST_SEGMENTS):
            self._turn(self._reach * self._tick, 0)
        self._group.append(packet.data)
        self._samples += packet.samples
        self._segments += needed
        self._reach += packet.samples

    def finish(self, samples: int) -> None:
        """The last page; it says where the sound ends."""
        hold(self._track, self._reach, samples)
        if not self._group:
            raise CodecError("no packets: Ogg Opus has one at least")
        self._turn((self._track.delay + samples) * self._tick, LAST)

    def _turn(self, granule: int, flags: int) -> None:
        """The group as a page."""
        self._file.write(ogg.paginate(self._group, granule, self._serial, self._sequence, flags))
        self._group, self._samples, self._segments = [], 0, 0
        self._sequence += 1


class OggOpusReader:
    """A stream's packets one by one, to be decoded at ``rate`` Hz: by default the original's, where Opus has it."""

    def __init__(self, file: BinaryIO, rate: int | None = None) -> None:
        _refuse_rate(rate)
        self._stream = ogg.finished(_one_stream(file))
        self.head = parse_head(_header(self._stream, b"OpusHead"))
        _header(self._stream, b"OpusTags")
        rate = rate or natural_rate(self.head, 0)
        self.track = Track("opus", rate, round(self.head.skip * rate / CLOCK))
        self.samples = 0  # the sound's length, known when the last packet was read

    def __iter__(self) -> Iterator[Packet]:
        rate = self.track.rate
        sound = _sound(self._stream, self.head.skip)
        while True:
            try:
                packet, samples = next(sound)
            except StopIteration as end:
                self.samples = round((self.head.skip + end.value) * rate / CLOCK) - self.track.delay
                return
            yield Packet(packet, samples * rate // CLOCK)


def write(coded: Coded, serial: int = 1) -> bytes:
    """The clip as a file; CodecError where the packets are not what the clip says of them."""
    if coded.codec != "opus":
        raise UsageError(f"an Ogg Opus file holds no {coded.codec}")
    file = io.BytesIO()
    writer = OggOpusWriter(file, track_of(coded), serial)
    for packet in coded.packets:
        writer.add(packet)
    writer.finish(coded.samples)
    return file.getvalue()


def read(data: bytes, rate: int | None = None) -> Coded:
    """The clip in a file, to be decoded at ``rate`` Hz; CodecError for anything but one whole Ogg Opus stream.

    rate: by default that of the original sound, where Opus has it and lengths come out in whole samples, else 48 kHz.
    """
    _refuse_rate(rate)
    if not data:
        raise CodecError("not an Ogg file: no bytes")
    clock = OggOpusReader(io.BytesIO(data), CLOCK)
    packets = list(clock)
    rate = rate or natural_rate(clock.head, clock.samples)
    begin, end = (round(at * rate / CLOCK) for at in (clock.head.skip, clock.head.skip + clock.samples))
    scaled = tuple(Packet(packet.data, packet.samples * rate // CLOCK) for packet in packets)
    return Coded("opus", rate, end - begin, begin, scaled)


def _refuse_rate(rate: int | None) -> None:
    if rate is not None and rate not in RATES:
        raise UsageError(f"Opus has no rate {rate!r}: one of {', '.join(map(str, RATES))} Hz")


def _one_stream(file: BinaryIO) -> Iterator[Page]:
    """The pages, when they are those of one logical stream that begins and ends as it should."""
    serial = None
    ended = False
    for number, page in enumerate(ogg.pages(file)):
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


def parse_head(packet: bytes) -> Head:
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


def _sound(stream: Iterator[tuple[Page, list[bytes]]], skip: int) -> Generator[tuple[bytes, int], None, int]:
    """Packets with what each lasts, at last the sound's length after the pre-skip; samples at 48 kHz (section 4)."""
    reach = begin = end = 0
    first = True
    for page, ended in stream:
        lengths = [packet_samples(packet, CLOCK) for packet in ended]
        yield from zip(ended, lengths, strict=True)
        reach += sum(lengths)
        if page.granule == NO_PACKET_ENDS and not ended:
            continue
        end = page.granule
        if first and ended:  # a recording that was joined late begins later than 0; one page alone may be cut short
            begin = 0 if page.flags & LAST and end <= reach else end - reach
        first = first and not ended
        if begin < 0 or page.granule == NO_PACKET_ENDS:
            raise CodecError(f"Ogg page {page.sequence} ends at sample {end}, but {reach} have come so far")
    length = end - begin - skip
    if length < 0 or end - begin > reach:
        raise CodecError(f"the last Ogg page ends at sample {end - begin}, {skip} are skipped, {reach} are there")
    return length


def natural_rate(head: Head, length: int) -> int:
    """The original's rate, where Opus can decode to it and no length is split, in Hz."""
    whole = head.skip * head.rate % CLOCK == 0 == length * head.rate % CLOCK
    return head.rate if head.rate in RATES and whole else CLOCK
