"""What a coder with discontinuous transmission takes for speech: it sends a packet of sound, or next to nothing.

Each coder decides in its own way and says so in its packets. Opus (RFC 6716, 2.1.9) sends a packet of one byte, or two
with a padding, for a frame that it leaves out; every 400 ms a whole packet stands alone among those and renews the
noise. Nothing else stands alone: libopus goes on for 200 ms after a voice before it leaves out a frame. AMR (3GPP TS
26.093) names the kind in the header: a description of the noise, or nothing; it goes on for 140 ms. Until it has
heard something much louder, libopus seems to take a noise for sound: a note that begins with a pause is sent whole up
to its first word, unless the pause is digital silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.audio.voice.activity import Activity, Flags, spread, steps
from imlab.codec.amr import Amr
from imlab.codec.amr_packet import NARROW, kind
from imlab.codec.contract import Coded, Packet, encode
from imlab.codec.opus import Opus
from imlab.errors import UsageError

EMPTY = 2  # bytes, or fewer: a frame that Opus left out
SID = 8  # the AMR type that describes the noise; the modes of speech lie below it, no data at all above

USUAL = Opus(dtx=True)


@dataclass(frozen=True, slots=True)
class Dtx:
    """A voice is where ``codec``, which leaves out silence, sends sound; frames are longer than the steps."""

    codec: Opus | Amr = USUAL

    def __post_init__(self) -> None:
        if not self.codec.dtx:
            raise UsageError(f"{self.codec!r} sends silence like sound: it needs dtx=True")

    def __call__(self, clip: Clip) -> Activity:
        """One flag per step."""
        return self.told(self.coded(clip), steps(clip))

    def coded(self, clip: Clip) -> Coded:
        """The packets that it would send."""
        return encode(self.codec, resample(clip, self.codec.rate))

    def told(self, coded: Coded, count: int) -> Activity:
        """What these packets say of the first ``count`` steps; a packet tells of the frame that went in with it."""
        return spread(sounding(coded), self.codec.frame, self.codec.rate, count)


def sounding(coded: Coded) -> Flags:
    """Which packets carry sound; shape (packets,)."""
    if coded.codec not in SOUNDING:
        raise UsageError(f"packets of {coded.codec} do not tell silence: those of {', '.join(SOUNDING)} do")
    return SOUNDING[coded.codec](coded.packets)


def _opus(packets: Sequence[Packet]) -> Flags:
    full = np.array([len(packet.data) > EMPTY for packet in packets], np.bool_)
    alone = np.zeros_like(full)
    alone[1:-1] = full[1:-1] & ~full[:-2] & ~full[2:]
    return full & ~alone


def _amr(packets: Sequence[Packet]) -> Flags:
    return np.array([kind(packet.data, NARROW) < SID for packet in packets], np.bool_)


SOUNDING: Mapping[str, Callable[[Sequence[Packet]], Flags]] = {"opus": _opus, "amr": _amr}
