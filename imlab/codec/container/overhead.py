"""What a note's bytes are spent on: packets, and what lies around them."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec.container.formats import FORMATS
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Coded


@dataclass(frozen=True, slots=True)
class Overhead:
    """Bytes of one note in one container. payload: its packets; around: headers, tables, and less where sound is cut.

    A WAV keeps no padding behind the clip's end, so that around may be negative.
    """

    container: str
    payload: int
    around: int

    @property
    def file(self) -> int:
        """Bytes of the file."""
        return self.payload + self.around

    @property
    def share(self) -> float:
        """Container bytes for each byte of payload."""
        return self.around / self.payload if self.payload else float("inf")


def overhead(coded: Coded, container: str | None = None) -> Overhead:
    """What a container costs this note: by default the container that its codec usually goes into."""
    name, data = to_file(coded, container)
    return Overhead(name, coded.size, len(data) - coded.size)


def overheads(coded: Coded) -> tuple[Overhead, ...]:
    """All containers that hold the note's codec, in the order of FORMATS."""
    return tuple(overhead(coded, name) for name, kind in FORMATS.items() if coded.codec in kind.codecs)


def framing(coded: Coded) -> int:
    """Bytes by which our wire marks the packets: their sizes as varints of 7 bits a byte, packed (protobuf)."""
    return sum(max(1, (len(packet.data).bit_length() + 6) // 7) for packet in coded.packets)
