"""The two scales on which codecs are compared, and what is done to a pair of clips before a metric sees it.

A score means nothing without the original it was taken against: one file of AMR-NB is 4.2 beside an 8 kHz original and
2.9 beside a 16 kHz one. NARROW brings both sides to 8 kHz, and so forgives what narrow band cannot carry; WIDE holds
everything against the 16 kHz original. Before any metric, in this order:

rate   both sides are resampled to the panel's rate; ViSQOL, which takes 16 kHz, gets the 8 kHz sound upsampled to it
place  the lag of what is heard is found, reported and taken back; the reference is never cut, what lacks is silence
level  the reference is brought to an active level of -26 dB of full scale (the level of P.830's tests, measured as
       P.56 does, nearly), the heard side to the same power. A codec's gain is reported, not punished: PESQ and ViSQOL
       would match the two themselves, but ViSQOL's answer also hangs on the absolute level, by up to 0.8, and a corpus
       recorded at -39 dB would not be comparable with one at -20
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.quality.delay import Delay, find_delay, put_in_place
from imlab.audio.quality.log_spectral import LSD
from imlab.audio.quality.metric import Metric, NoScore, refuse_nothing
from imlab.audio.quality.pesq import PESQ_NB, PESQ_WB
from imlab.audio.quality.si_sdr import SI_SDR
from imlab.audio.quality.stoi import ESTOI, STOI
from imlab.audio.quality.visqol import VISQOL
from imlab.audio.resample import resample

LEVEL = -26.0  # dB of full scale, active speech (ITU-T P.830, 8.1.2)
MARGIN = 15.9  # dB under the active level at which P.56 stops to count a frame as speech
FRAME = 0.02  # seconds
PREPARED = "2"  # counts the changes of what is done to a pair and of how Scores are stored; the cache asks


@dataclass(frozen=True, slots=True)
class Panel:
    """A scale. rate: Hz to which both sides are brought, and so the band of the original."""

    name: str
    rate: int
    metrics: tuple[Metric, ...]

    @property
    def against(self) -> str:
        """What a score is taken against; to be printed beside it."""
        return f"against {self.rate // 1000} kHz original"


NARROW = Panel("narrow", 8_000, (VISQOL, PESQ_NB, STOI, ESTOI, SI_SDR, LSD))
WIDE = Panel("wide", 16_000, (VISQOL, PESQ_WB, STOI, ESTOI, SI_SDR, LSD))
PANELS = {panel.name: panel for panel in (NARROW, WIDE)}


@dataclass(frozen=True, slots=True)
class Score:
    """What one metric said. value: None where it had no number; reason: why, "" where it had one."""

    metric: str
    version: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a panel's metrics said of one pair. gain_db: of heard over reference, None where one of them is silent."""

    panel: str
    against: str
    delay: Delay
    gain_db: float | None
    scores: tuple[Score, ...]

    def __getitem__(self, metric: str) -> Score:
        """What this metric said."""
        return {score.metric: score for score in self.scores}[metric]

    def values(self) -> dict[str, float]:
        """The numbers that there are, by metric."""
        return {score.metric: score.value for score in self.scores if score.value is not None}

    def reasons(self) -> dict[str, str]:
        """Why there is no number, by metric."""
        return {score.metric: score.reason for score in self.scores if score.value is None}


def score(reference: Clip, heard: Clip, panel: Panel) -> Scores:
    """Every metric of a panel, of clips at any rates and with any lag; a metric that cannot answer says why."""
    try:
        refuse_nothing("reference", reference)
        refuse_nothing("heard clip", heard)
        if reference.rate < panel.rate:
            raise NoScore(f"the reference has {reference.rate} Hz: it is no original for the {panel.name} scale")
    except NoScore as why:
        scores = tuple(Score(metric.name, metric.version, None, str(why)) for metric in panel.metrics)
        return Scores(panel.name, panel.against, Delay(0, panel.rate, "nothing", 0.0), None, scores)
    true, seen = resample(reference, panel.rate), resample(heard, panel.rate)
    delay = find_delay(true, seen)
    seen = put_in_place(true, seen, delay)
    gain = _gain_db(true, seen)
    pair = at_level(true), at_level(seen) if gain is None else _louder(seen, LEVEL - active_level(true) - gain)
    return Scores(panel.name, panel.against, delay, gain, tuple(_ask(panel, *pair)))


def active_level(clip: Clip) -> float:
    """The level of the frames that speak, in dB of full scale: those within 15.9 dB of it, as P.56 has it.

    A fixed point, found from above; minus infinity for silence.
    """
    size = max(1, min(round(FRAME * clip.rate), len(clip.samples)))
    whole = clip.samples[: len(clip.samples) // size * size].astype(np.float64)
    power = (whole.reshape(-1, size) ** 2).mean(axis=1) if len(whole) else np.zeros(1)
    level = float(power.mean())
    for _ in range(8):
        level = float(power[power >= level * 10 ** (-MARGIN / 10)].mean())
    return 10 * math.log10(level) if level else -math.inf


def at_level(clip: Clip) -> Clip:
    """The clip at the panel's active level; silence stays silence."""
    level = active_level(clip)
    return clip if level == -math.inf else _louder(clip, LEVEL - level)


def _louder(clip: Clip, gain_db: float) -> Clip:
    return Clip(clip.samples * np.float32(10 ** (gain_db / 20)), clip.rate)


def _gain_db(reference: Clip, heard: Clip) -> float | None:
    """The power of one over the power of the other."""
    sides = [float(np.square(clip.samples, dtype=np.float64).sum()) for clip in (heard, reference)]
    return 10 * math.log10(sides[0] / sides[1]) if all(sides) else None


def _ask(panel: Panel, reference: Clip, heard: Clip) -> Iterator[Score]:
    """One score per metric; a reason is as good an answer as a number."""
    for metric in panel.metrics:
        rate = panel.rate if panel.rate in metric.rates or not metric.rates else metric.rates[0]
        try:
            value = metric(resample(reference, rate), resample(heard, rate))
            yield Score(metric.name, metric.version, value)
        except NoScore as why:
            yield Score(metric.name, metric.version, None, str(why))
