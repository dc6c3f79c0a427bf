"""What leaving out the pauses of a note saves, and what of its speech goes with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.audio.voice.activity import PER_SECOND, Activity
from imlab.audio.voice.cutting import Cut
from imlab.codec.contract import Coded
from imlab.codec.opus import Opus
from imlab.errors import UsageError

CUT = Cut()


@dataclass(frozen=True, slots=True)
class Saving:
    """Shares: of the note's payload bytes, of its listening time; speech_cut: of the speech, what nobody will hear."""

    bytes_saved: float
    time_saved: float
    speech_cut: float


def by_coder(coded: Coded, whole: int, told: Activity, truth: Activity) -> Saving:
    """A coder that leaves out silence, against ``whole`` bytes of the same coder without; the time stays."""
    return Saving(1 - coded.size / whole, 0.0, _lost(told, truth))


def by_cutting(told: Activity, truth: Activity, codec: Opus, plain: Coded) -> Saving:
    """Pauses cut out before coding: the packets of the plain note that hold something kept, against all of them."""
    kept = CUT.keeps(told)
    each = steps_in(codec)
    padded = np.pad(kept.speech, (0, len(plain.packets) * each - len(kept.speech)), mode="edge")
    sizes = np.array([len(packet.data) for packet in plain.packets])
    left = int(sizes[padded.reshape(-1, each).any(axis=1)].sum())
    return Saving(1 - left / plain.size, 1 - kept.share, _lost(kept, truth))


def constant(coded: Coded) -> int:
    """The bytes of a coder of constant rate that left nothing out: every packet as large as its largest."""
    return max(len(packet.data) for packet in coded.packets) * len(coded.packets)


def steps_in(codec: Opus) -> int:
    """Whole steps in a frame."""
    each, rest = divmod(codec.frame * PER_SECOND, codec.rate)
    if rest:
        raise UsageError(f"a frame of {codec.frame_ms:g} ms is no whole number of steps of 10 ms")
    return each


def _lost(kept: Activity, truth: Activity) -> float:
    return float(1 - kept.speech[truth.speech].mean())
