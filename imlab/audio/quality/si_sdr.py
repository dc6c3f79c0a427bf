"""SI-SDR, dB: how much of what is heard is the reference, at whatever gain (Le Roux et al., ICASSP 2019).

    a = <heard, reference> / |reference|^2        SI-SDR = 10 log10(|a reference|^2 / |a reference - heard|^2)

It compares waveforms, sample by sample: one sample of lag costs tens of dB, and a vocoder, which keeps the words but
not the wave, is below zero. Means are removed first, as in the paper's code.
"""

from __future__ import annotations

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.quality.metric import Metric, NoScore

CAP = 100.0  # dB; an identity would be infinite, 16 bit ends at 98


def _measure(reference: Clip, heard: Clip) -> float:
    true, seen = (np.asarray(clip.samples, np.float64) for clip in (reference, heard))
    true, seen = true - true.mean(), seen - seen.mean()
    target = true * (seen @ true) / (true @ true)
    noise = seen - target
    if not target.any():
        raise NoScore("nothing of the reference is in what is heard (SI-SDR is minus infinity)")
    power, rest = float(target @ target), float(noise @ noise)
    return float(np.clip(10 * np.log10(power / rest), -CAP, CAP)) if rest else CAP


SI_SDR = Metric(
    "si_sdr", "dB", -CAP, CAP, ceiling=CAP, rising=True, measure=_measure, mode="1, zero mean, capped at 100 dB"
)
