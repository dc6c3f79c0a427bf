"""A long note cut into slices that each play alone, and joined again to the very packets that were cut.

All slices are cut from one continuous encoding. A decoder that begins in the middle of it has to converge first, so
a slice also carries the packets of the 240 ms before it, and says by its delay (pre-skip in Ogg) that they are not
to be heard (RFC 7845, sections 4.2 and 4.3):

    packets of the note   0   1   2   3   4   5   6   7   8   9 ...
    slice 0               [   sound       ]
    slice 1                   ( 240 ms )  [   sound       ]

Joining drops what was carried twice. The packets, and so every sample, are those of the note in one piece; encoding
each slice anew instead costs a seam at every joint (tests/test_slices.py measures both).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from imlab.codec.contract import CodecError, Coded, Packet
from imlab.errors import PeerError, UsageError

# RFC 7845 asks for at least 80 ms. The first 100 ms of 239 slices of speech (24 kbit/s, 16 kHz), heard alone, against
# the note in one piece: worst 8 dB and median 51 dB with 80 ms, 13 and 53 with 160, 38 and 53 with 240, no more after.
PREROLL_MS = 240
MOST = 9_999  # slices of one note: names and tags keep four digits


@dataclass(frozen=True, slots=True)
class Label:
    """Where a slice belongs. source: what was cut, such as its sha256; start, samples, total in samples at rate Hz.

    index counts from 0 to count - 1; total is how long the source is.
    """

    source: str
    index: int
    count: int
    start: int
    samples: int
    total: int
    rate: int

    @property
    def seconds(self) -> float:
        """When it starts."""
        return self.start / self.rate


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a note that plays alone: its delay covers the packets that only make a decoder converge."""

    label: Label
    coded: Coded


def labels(source: str, total: int, rate: int, every: int) -> tuple[Label, ...]:
    """The slices of a source of ``total`` samples at ``rate`` Hz: ``every`` samples each, the last what is left."""
    if every <= 0 or total <= 0:
        raise UsageError(f"slices of {every} samples cannot be cut from {total}")
    count = -(-total // every)
    if count > MOST:
        raise UsageError(f"{count} slices of {every / rate:g} s are too many: up to {MOST}; make them longer")
    sizes = (min(every, total - start) for start in range(0, total, every))
    return tuple(Label(source, index, count, index * every, size, total, rate) for index, size in enumerate(sizes))


def cut(
    packets: Iterable[Packet], wanted: Iterable[Label], codec: str, delay: int, preroll_ms: float = PREROLL_MS
) -> Iterator[Slice]:
    """Slices as their packets come by; no more of them is held than one slice needs.

    delay: of the whole encoding, in samples; wanted: labels in order. CodecError when the packets end too early.
    """
    coming = iter(packets)
    held: deque[Packet] = deque()
    begin = end = 0  # of the held packets, in samples that a decoder of the whole would have given
    for label in wanted:
        sound = delay + label.start
        while held and begin + held[0].samples <= sound - preroll_ms * label.rate / 1000:
            begin += held.popleft().samples
        while end < sound + label.samples:
            end += _take(coming, held, label)
        yield Slice(label, Coded(codec, label.rate, label.samples, sound - begin, tuple(held)))


def _take(coming: Iterator[Packet], held: deque[Packet], label: Label) -> int:
    """One packet more; what it lasts."""
    packet = next(coming, None)
    if packet is None:
        raise CodecError(f"the packets end before slice {label.index + 1} of {label.count} does")
    held.append(packet)
    return packet.samples


def join(slices: Mapping[str, Slice]) -> Coded:
    """The note again, from all its slices by name (of a file), in any order.

    PeerError when one is missing, foreign, there twice, or not cut from the same encoding; the message names it.
    """
    ordered = in_order({name: part.label for name, part in slices.items()})
    first = slices[ordered[0]].coded
    packets: list[Packet] = []
    reach = 0
    for name in ordered:
        part = slices[name]
        if (part.coded.codec, part.coded.rate) != (first.codec, first.rate):
            raise PeerError(f"{name} is {part.coded.codec} at {part.coded.rate} Hz, {ordered[0]} is not")
        new = _continuing(name, part, first.delay, packets, reach)
        packets += new
        reach += sum(packet.samples for packet in new)
    total = slices[ordered[0]].label.total
    if reach < first.delay + total:
        raise PeerError(f"the slices hold {reach} samples of {first.delay} + {total}")
    return Coded(first.codec, first.rate, total, first.delay, tuple(packets))


def _continuing(name: str, part: Slice, delay: int, packets: list[Packet], reach: int) -> tuple[Packet, ...]:
    """The packets of a slice after those that the ones before it have brought; what both carry must be equal."""
    at = delay + part.label.start - part.coded.delay
    twice = 0
    for packet in part.coded.packets:
        if at >= reach:
            break
        at += packet.samples
        twice += 1
    same = not twice or list(part.coded.packets[:twice]) == packets[-twice:]
    if at != reach or not same:
        raise PeerError(f"{name} does not continue the slice before it: it is cut from another encoding")
    return part.coded.packets[twice:]


def in_order(labels: Mapping[str, Label]) -> list[str]:
    """The names of all slices of one source, sorted by index; PeerError names what is missing or does not belong."""
    if not labels:
        raise UsageError("no slices to join")
    _same(labels, "source", "of source")
    _same(labels, "rate", "at a rate of")
    _same(labels, "count", "of a set of")
    _same(labels, "total", "of a note of so many samples:")
    ordered = sorted(labels, key=lambda name: (labels[name].index, name))
    for one, two in pairwise(ordered):
        if labels[one].index == labels[two].index:
            raise PeerError(f"{one} and {two} are both slice {labels[one].index + 1}")
    _all_there(labels, labels[ordered[0]].count)
    at = 0
    for name in ordered:
        if labels[name].start != at:
            how = "overlaps" if labels[name].start < at else "leaves a gap after"
            raise PeerError(f"{name} {how} the slice before it: it starts at sample {labels[name].start}, not {at}")
        at += labels[name].samples
    if at != labels[ordered[-1]].total:
        raise PeerError(f"the slices end at sample {at}, their source at {labels[ordered[-1]].total}")
    return ordered


def _same(labels: Mapping[str, Label], field: str, words: str) -> None:
    """Every label says the same here; the odd one is named."""
    said: dict[object, list[str]] = {}
    for name, label in labels.items():
        said.setdefault(getattr(label, field), []).append(name)
    if len(said) > 1:
        few, many = sorted(said, key=lambda value: len(said[value]))[:: len(said) - 1]
        raise PeerError(f"{said[few][0]} is {words} {few}, {said[many][0]} is {words} {many}: not one recording")


def _all_there(labels: Mapping[str, Label], count: int) -> None:
    missing = sorted(set(range(count)) - {label.index for label in labels.values()})
    if missing:
        named = ", ".join(str(index + 1) for index in missing[:10]) + (" ..." if len(missing) > 10 else "")
        raise PeerError(f"of {count} slices {len(missing)} are missing: {named}")
    if len(labels) != count:
        odd = next(name for name, label in labels.items() if not 0 <= label.index < count)
        raise PeerError(f"{odd} calls itself slice {labels[odd].index + 1} of {count}")
