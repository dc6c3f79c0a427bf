"""Sound out of an Ogg Opus file while it comes, from any moment on (RFC 7845; what is refused is oggopus.py's to say).

Times here count samples at 48 kHz from the first packet on, the pre-skip included. A seek begins 80 ms early: an Opus
decoder needs so long to forget that it did not hear what was before (RFC 7845, section 4.6).
"""

from __future__ import annotations

from collections import deque

import numpy as np

from imlab.audio.clip import Samples
from imlab.client.fetching.ranges import Need
from imlab.client.playing.bisection import PROBE, Anchor, Bisection, End
from imlab.client.playing.held import Held
from imlab.client.playing.pages import Found, page_at
from imlab.codec.container.ogg import CONTINUED, LARGEST, LAST, NO_PACKET_ENDS, Page
from imlab.codec.container.oggopus import CLOCK, Head, natural_rate, parse_head
from imlab.codec.contract import CodecError
from imlab.codec.opus import Opus
from imlab.codec.opus_packet import packet_samples

PRE_ROLL = CLOCK * 80 // 1000  # samples at 48 kHz
NOTHING: Samples = np.zeros(0, np.float32)


class OggSource:
    """duration: of the sound as somebody said, in seconds; a seek aims better with it."""

    def __init__(self, held: Held, size: int | None, duration: float | None = None) -> None:
        self._held, self._said = held, duration
        self.size = size
        self.rate = 0  # until OpusHead is here
        self.length: int | None = None
        self.cursor = 0
        self._head: Head | None = None
        self._tagged = False
        self._serial = 0
        self._begin: int | None = None  # granule position of the first sample
        self._first: int | None = None  # byte of the first page of sound
        self._anchors: list[Anchor] = []  # of pages that were read, in order
        self._rest: list[bytes] | None = None
        self._packets: deque[tuple[int, bytes]] = deque()  # begin of each
        self._reach = 0  # the end of all packets so far
        self._from = self._decode_from = 0  # heard from here on, decoded from there
        self._end: int | None = None
        self._seeking: Bisection | None = None
        self._landing: int | None = None  # the reach of the page where the seeking ended, to be read next
        self._moment: float | None = None  # in seconds, to be sought when the first page of sound is here

    def open(self) -> None:
        """See Source."""
        while not self.rate and self._next_page():
            continue

    def need(self) -> Need | None:
        """See Source."""
        while self._moment is not None and self._next_page():  # to where the sound begins
            continue
        if self._moment is not None:
            missing = self._held.gap(self.cursor)
            return Need(missing, missing + PROBE)
        return self._look()

    def pull(self) -> Samples | None:
        """See Source."""
        while True:
            while self._packets:
                if len(heard := self._decoded(*self._packets.popleft())):
                    return heard
            if self._end is not None and self._reach >= self._end and not self._seeking and self._moment is None:
                return None
            if self._look() or not self._next_page():
                return NOTHING

    def seek(self, seconds: float) -> None:
        """See Source."""
        self._moment = seconds
        if self._begin is not None:
            self._begin_seeking(self._begin)

    # Pages

    def _look(self) -> Need | None:
        """Find the place that is sought; what is missing to find it."""
        if not self._seeking:
            return None
        step = self._seeking.step(self._held)
        if isinstance(step, Need):
            return step
        self._seeking = self._rest = None
        self.cursor, self._reach, self._landing = step.at, step.reach or 0, step.reach
        return None

    def _next_page(self) -> bool:
        if self.cursor == self.size:
            raise CodecError("truncated: the Ogg stream stops before its last page")
        found = page_at(self._held, self.cursor, self.size)
        if isinstance(found, Need):
            return False
        self.cursor = found.end
        if found.page.serial != self._serial and found.at:
            raise CodecError(f"the Ogg page at byte {found.at} is of another stream")
        if self._landing is not None:  # this page's packets lie before the moment; what goes on behind it counts
            self._gather(found.page)
            self._place(found, self._landing)
            self._landing = None
        elif self._tagged:
            self._sound(found)
        else:
            self._header(found)
        return True

    def _header(self, found: Found) -> None:
        """OpusHead, then OpusTags, each on pages of its own."""
        packets = self._gather(found.page)
        if not packets:
            return
        if self._head is None:
            self._serial = found.page.serial
            if not packets[0].startswith(b"OpusHead"):
                raise CodecError(f"not Ogg Opus: OpusHead expected, {packets[0][:8]!r} seen")
            self._head = parse_head(packets[0])
            self.rate = natural_rate(self._head, 0)
            self._from = self._head.skip
            self._decoder = Opus(rate=self.rate).decoder()
        elif packets[0].startswith(b"OpusTags"):
            self._tagged = True
        else:
            raise CodecError(f"not Ogg Opus: OpusTags expected, {packets[0][:8]!r} seen")

    def _sound(self, found: Found) -> None:
        packets = self._gather(found.page)
        lengths = [packet_samples(packet, CLOCK) for packet in packets]
        granule, last = found.page.granule, bool(found.page.flags & LAST)
        self._first = found.at if self._first is None else self._first
        if self._begin is None and packets:  # one page alone may be cut short; a recording joined late begins later
            self._begin = 0 if last and granule <= sum(lengths) else granule - sum(lengths)
            if self._begin < 0 or granule == NO_PACKET_ENDS:
                raise CodecError(f"the Ogg page at byte {found.at} ends at sample {granule}, before {sum(lengths)}")
            self._anchors.append(Anchor(self._first))
        for packet, length in zip(packets, lengths, strict=True):
            self._packets.append((self._reach, packet))
            self._reach += length
        if self._begin is not None and granule != NO_PACKET_ENDS:
            self._place(found, granule - self._begin)
        if self._moment is not None and self._begin is not None:
            self._begin_seeking(self._begin)

    def _place(self, found: Found, reach: int) -> None:
        """What the page says of time."""
        if found.page.flags & LAST:
            self._end = min(reach, self._reach)
            begin, end = (round(at * self.rate / CLOCK) for at in (self._skip, self._end))
            self.length = max(0, end - begin)
        if (self._anchors[-1].reach or 0) < reach:
            self._anchors.append(Anchor(found.at, reach))

    def _gather(self, page: Page) -> list[bytes]:
        """The packets that end on a page; one whose begin is not here is dropped."""
        packets, at = [], 0
        rest = self._rest if page.flags & CONTINUED else []
        for size in page.sizes:
            piece = page.body[at : at + size]
            at += size
            if rest is not None:
                rest.append(piece)
                if len(rest) * 255 > LARGEST:
                    raise CodecError(f"an Ogg packet of over {LARGEST >> 20} MB")
            if size < 255:
                if rest is not None:
                    packets.append(b"".join(rest))
                rest = []
        self._rest = rest if page.sizes and page.sizes[-1] == 255 else None
        return packets

    # Samples

    @property
    def _skip(self) -> int:
        return self._head.skip if self._head else 0

    def _decoded(self, at: int, packet: bytes) -> Samples:
        """What is to be heard of a packet that begins ``at``."""
        length = packet_samples(packet, CLOCK)
        if at + length <= self._decode_from or (self._end is not None and at >= self._end):
            return NOTHING
        heard = self._decoder.decode(packet)
        start = at * self.rate // CLOCK
        first = max(0, round(self._from * self.rate / CLOCK) - start)
        stop = len(heard) if self._end is None else max(0, round(self._end * self.rate / CLOCK) - start)
        return heard[first:stop]

    def _begin_seeking(self, begin: int) -> None:
        """From the pages that were read, and the end of the file, to the moment."""
        moment, self._moment = self._moment or 0.0, None
        self._packets.clear()
        self._decoder = Opus(rate=self.rate).decoder()
        self._from = self._skip + round(moment * self.rate) * CLOCK // self.rate
        self._decode_from = max(0, self._from - PRE_ROLL)
        below = [each for each in self._anchors if (each.reach or 0) <= self._decode_from]
        above = [each for each in self._anchors if (each.reach or 0) > self._decode_from]
        self._seeking = Bisection(below[-1], self._high(above), self._decode_from, self._serial, begin)

    def _high(self, above: list[Anchor]) -> End:
        """A byte behind the moment, and its time as far as one knows."""
        if above:
            return End(above[0].at, above[0].reach)
        if self.size is None:
            return End(0, None)  # nowhere to probe: it is read through
        return End(self.size, None if self._said is None else round(self._said * CLOCK) + self._skip)
