"""What is known of a file that was walked through."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec.contract import CodecError


@dataclass(frozen=True, slots=True)
class Walked:
    """container: a name of WALKS; codec: its name on the wire; seconds: of sound, without what a player drops.

    rate in Hz; packets: those that hold sound.
    """

    container: str
    codec: str
    seconds: float
    rate: int
    channels: int
    packets: int


class Foreign(CodecError):
    """A file of a kind that is not kept here, sound as it may be."""


MOST_PARTS = 180_000  # pages, frames, blocks or boxes of a file: an hour of 20 ms packets, as in wire/limits.py


def bounded(parts: int) -> int:
    """As many parts, when they are not too many: a walk may not take longer than a note can be long."""
    if parts > MOST_PARTS:
        raise CodecError(f"a file of over {MOST_PARTS} parts: no voice note has so many")
    return parts
