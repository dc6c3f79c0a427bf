"""Where in a file is a moment of its sound? Asked of the pages themselves, for Ogg has no index (RFC 3533, section 6).

Known is a page that ends at or before the moment (low) and a byte from which all pages end after it (high). A probe
between them moves one of the two. Where: as if bytes and time went evenly between low and high, a page's time before
the moment; every fourth probe takes the middle, so that an uneven file costs a few probes more and not all of them.
When what is between them is little, it is read through.
"""

from __future__ import annotations

from dataclasses import dataclass

from imlab.client.fetching.ranges import Need
from imlab.client.playing.held import Held
from imlab.client.playing.pages import heading_from
from imlab.codec.container.ogg import NO_PACKET_ENDS

NEAR = 24 << 10  # bytes that are read through rather than probed: one round trip more costs a phone as much
PROBE = 8 << 10  # bytes asked for at once: the next page's header is among them up to 64 kbit/s
BEFORE = 72_000  # samples at 48 kHz: aim so far before the moment, for pages last a second, by us, opusenc and FFmpeg


@dataclass(frozen=True, slots=True)
class Anchor:
    """A page at byte ``at``; reach: the end of the packets that end on it, in samples at 48 kHz from the first on.

    None: the first page of sound, before any of it.
    """

    at: int
    reach: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    """A byte from which all pages end after the moment; time: when they do, in samples at 48 kHz, None: unknown."""

    at: int
    time: int | None


class Bisection:
    """moment in samples at 48 kHz; serial: of the stream; begin: the granule position of its first sample."""

    def __init__(self, low: Anchor, high: End, moment: int, serial: int, begin: int) -> None:
        self._low, self._high, self._moment = low, high, moment
        self._serial, self._begin = serial, begin
        self._probe: int | None = None
        self._probes = 0

    def step(self, held: Held) -> Anchor | Need:
        """The last page that ends at or before the moment, or bytes that are needed to find it."""
        while self._high.at - self._low.at > NEAR:
            place = self._aim() if self._probe is None else self._probe
            found = heading_from(held, place, self._high.at, self._serial)
            if isinstance(found, Need):
                self._probe = place
                return Need(found.start, min(found.start + PROBE, self._high.at))
            self._probe = None
            if found is None:
                self._high = End(place, self._high.time)
            elif found.granule == NO_PACKET_ENDS:
                self._probe = found.at + 1
            elif (reach := found.granule - self._begin) <= self._moment:
                self._low = Anchor(found.at, reach)
            else:
                self._high = End(place, reach)
        return self._low

    def _aim(self) -> int:
        """A byte between low and high."""
        self._probes += 1
        low, high, since, until = self._low.at, self._high.at, self._low.reach or 0, self._high.time
        if until is None:  # how long it is, its last page tells
            return max(low + 1, high - PROBE)
        if self._probes % 4 == 0 or until <= since:
            return (low + high) // 2
        share = (self._moment - BEFORE - since) / (until - since)
        return min(high - 1, max(low + 1, round(low + share * (high - low))))
