"""A track: one coded sound on its way into a file, packet by packet, and out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from imlab.codec.contract import CodecError, Coded, Packet


@dataclass(frozen=True, slots=True)
class Track:
    """What is known before the first packet. rate in Hz; delay: samples to drop before the sound begins."""

    codec: str
    rate: int
    delay: int


class Writer(Protocol):
    """A file that grows by packets; memory does not grow with it."""

    def add(self, packet: Packet) -> None:
        """The next packet; CodecError when the file cannot hold it."""
        ...

    def finish(self, samples: int) -> None:
        """The end: the sound's true length, of which a file tells what its format can tell."""
        ...


class Reader(Protocol):
    """A file that gives packets; memory does not grow with it. It is read once."""

    track: Track
    samples: int  # the sound's true length, known when the last packet was read

    def __iter__(self) -> Iterator[Packet]: ...


def track_of(coded: Coded) -> Track:
    """What a coded clip says before its first packet."""
    return Track(coded.codec, coded.rate, coded.delay)


def hold(track: Track, reach: int, samples: int) -> None:
    """CodecError unless packets of ``reach`` samples hold the delay and so many samples after it."""
    if track.delay < 0 or not 0 <= samples <= reach - track.delay:
        raise CodecError(f"packets of {reach} samples hold no {track.delay} + {samples}")
