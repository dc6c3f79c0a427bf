"""What was measured, clip by clip: the clip is the unit, and every interval is over clips."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from imlab.errors import InvalidRun
from imlab.lab.record.reading import trusted
from imlab.lab.statistics.intervals import SEED, Interval, mean_interval

USUAL = {"frame_ms": 20.0, "complexity": 10.0}  # the Opus curve that is drawn, compared and spoken of
ORIGINAL, TELEPHONE = "Pcm(rate=16000, frame_ms=20)", "Pcm(rate=8000, frame_ms=20)"  # the labels of two anchors
FEWEST = 10  # clips: under these every value is shown, and no interval
RESAMPLES = 2_000
GAIN = 0.2  # of ViSQOL's scale, that doubling the bits must bring to be worth them


def over_clips(values: np.ndarray | pd.Series) -> Interval:
    """The mean over clips, with its interval where there are enough of them."""
    seen = np.asarray(values, np.float64)
    if len(seen) < FEWEST:
        return Interval(float(seen.mean()), math.nan, math.nan, len(seen), f"n={len(seen)} clips: no interval")
    return mean_interval(seen)


def said(interval: Interval | None) -> str:
    """A mean as a table has it."""
    return interval.text() if interval else "not scored"


@dataclass(frozen=True)
class Clips:
    """The rows of one panel, each clip once for each setting."""

    rows: pd.DataFrame
    known: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, rows: pd.DataFrame, panel: str = "wide") -> Clips:
        """The rows of a run that may be counted; InvalidRun where there is none."""
        sound = trusted(rows)
        here = sound[(sound["panel"] == panel) & sound["visqol"].notna()]
        if here.empty:
            raise InvalidRun(f"no clip was scored on the {panel} panel")
        return cls(here)

    @cached_property
    def settings(self) -> pd.DataFrame:
        """One row per setting, by its label: what it is, and the means of all its numbers; curves by rising bitrate."""
        words = self.rows.groupby("codec", sort=False)[["curve", "name"]].first()
        numbers = self.rows.groupby("codec", sort=False).mean(numeric_only=True)
        return words.join(numbers).sort_values(["curve", "kbps"])

    def at(self, label: str, column: str) -> float:
        """A setting's mean, as a plain number."""
        return float(np.asarray(self.settings[column])[self.settings.index.get_loc(label)])

    def title(self, label: str) -> str:
        """A setting as a figure calls it: Opus 16 kbit/s, 60 ms."""
        row = {
            name: self.settings[name][label] for name in ("curve", "name", "rate", "bitrate", "frame_ms", "complexity")
        }
        return title(label, row)

    def values(self, column: str) -> pd.DataFrame:
        """Clip by setting, made once; what a metric did not answer is NaN."""
        if column not in self.known:
            self.known[column] = self._values(column)
        return self.known[column]

    def _values(self, column: str) -> pd.DataFrame:
        if column not in self.rows:
            return pd.DataFrame(index=self.rows["clip"].unique(), columns=self.settings.index, dtype=float)
        return self.rows.pivot_table(index="clip", columns="codec", values=column, aggfunc="mean", dropna=False)

    def mean(self, column: str, setting: str) -> Interval | None:
        """A setting's mean over the clips; None where no clip has it."""
        seen = self._column(column, setting).dropna()
        return over_clips(seen) if len(seen) else None

    def gain(self, column: str, setting: str, over: str) -> Interval | None:
        """How much more one setting has than another, clip by clip; None where they have no clip in common."""
        both = (self._column(column, setting) - self._column(column, over)).dropna()
        return over_clips(both) if len(both) else None

    def curve(self, name: str, **knobs: float) -> pd.DataFrame:
        """The settings of a curve, by rising bitrate; knobs: only those with these values."""
        found = self.settings[self.settings["curve"] == name]
        for knob, value in knobs.items():
            found = found[found[knob] == value]
        return found

    def find(self, name: str, bitrate: float, **knobs: float) -> str | None:
        """The label of one setting of a curve; None where this run has it not."""
        found = self.curve(name, bitrate=bitrate, **knobs)
        return str(found.index[0]) if len(found) else None

    def _column(self, column: str, setting: str) -> pd.Series:
        table = self.values(column)
        return table[setting] if setting in table else pd.Series(dtype=float)


NAMES = {"pcm": "PCM", "pcma": "G.711 A-law", "pcmu": "G.711 mu-law", "amr": "AMR-NB", "amr-wb": "AMR-WB",
         "g722": "G.722", "mp3": "MP3", "aac": "AAC-LC", "lc3": "LC3", "opus": "Opus"}  # fmt: skip
USUAL_RATE = 16_000
RIVAL = "Opus by PyAV"  # the same name on the wire


def title(label: str, row: Mapping[str, Any]) -> str:
    """A setting in a few words: what is usual is left out."""
    name = RIVAL if row["curve"] == RIVAL else NAMES.get(row["name"], row["name"].replace("codec2-", "Codec2 "))
    parts = [f"{name} {row['bitrate'] / 1000:g} kbit/s" if row["bitrate"] == row["bitrate"] else name]
    if row["name"] == "opus":
        parts += [f"{row['frame_ms']:g} ms"] if row["frame_ms"] != 20 else []
        parts += [f"complexity {row['complexity']:g}"] if row["complexity"] != 10 else []
    if row["name"] in ("opus", "mp3", "aac", "pcm") and row["rate"] != USUAL_RATE:
        parts.append(f"{row['rate'] / 1000:g} kHz")
    return label if label.startswith("low-pass") else ", ".join(parts)


def knee(clips: Clips, curve: Sequence[str]) -> Interval | None:
    """The lowest kbit/s from which doubling the bits brings less than ``GAIN``; the interval is over clips.

    Quality over the logarithm of the bits is interpolated monotonically between the settings (PCHIP). None where the
    settings span less than two doublings, or where quality still grows at their end.
    """
    quality, bits = clips.values("visqol")[list(curve)].dropna(), clips.values("kbps")[list(curve)].dropna()
    whole = _knee(bits.to_numpy().mean(axis=0), quality.to_numpy().mean(axis=0)) if len(curve) > 2 else None
    if whole is None or len(quality) < FEWEST:
        return None if whole is None else Interval(whole, math.nan, math.nan, len(quality), "no interval")
    picks = np.random.default_rng(SEED).integers(0, len(quality), (RESAMPLES, len(quality)))
    found = [_knee(b, q) for b, q in zip(bits.to_numpy()[picks].mean(axis=1), quality.to_numpy()[picks].mean(axis=1),
                                         strict=True)]  # fmt: skip
    told = [value for value in found if value is not None]
    low, high = np.quantile(told, [0.025, 0.975])
    return Interval(whole, float(low), float(high), len(quality), f"percentile bootstrap, {RESAMPLES:,}")


def _knee(bits: np.ndarray, quality: np.ndarray) -> float | None:
    """kbit/s."""
    octaves = np.log2(bits)
    if octaves[-1] - octaves[0] < 2:
        return None
    grid = np.arange(octaves[0], octaves[-1] - 1, 0.01)
    follow = PchipInterpolator(octaves, quality)
    enough = follow(grid + 1) - follow(grid) < GAIN
    return float(2 ** grid[int(enough.argmax())]) if enough.any() else None
