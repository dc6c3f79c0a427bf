"""What every measure of quality is: a function of two clips that knows its unit, its scale and when it is silent.

A metric compares what was ``heard`` with its ``reference``, both at one rate, of one length and already in one place
(``delay``), at the level at which they are given. It answers with a finite number or raises ``NoScore``: there is no
NaN to be averaged away. What is brought to one rate, level and place before, and why, is said in ``panels``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import numpy as np

from imlab.audio.clip import Clip
from imlab.errors import InvalidRun


class NoScore(InvalidRun):
    """Why a metric has no number for these two clips."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of quality.

    unit: "" where it is a plain number. lowest and highest: the ends of its scale. ceiling: what a clip scores
    against itself, None where that depends on the clip. rising: whether more is better. rates: Hz at which it is
    defined, none for any. shortest: seconds it needs. package: the distribution that computes it, "" for our own;
    mode: which of its ways, and for our own its version. install: what to do where the package is missing.
    """

    name: str
    unit: str
    lowest: float
    highest: float
    ceiling: float | None
    rising: bool
    measure: Callable[[Clip, Clip], float] = field(repr=False)
    rates: tuple[int, ...] = ()
    shortest: float = 0.0
    package: str = ""
    mode: str = ""
    install: str = ""

    @property
    def version(self) -> str:
        """All that a stored score depends on besides the samples: package, its version, mode."""
        return f"{self.package} {_installed(self.package)}, {self.mode}" if self.package else f"imlab {self.mode}"

    def __call__(self, reference: Clip, heard: Clip) -> float:
        """How near ``heard`` is to ``reference``; NoScore says why there is no number."""
        if self.package and not _installed(self.package):
            raise NoScore(f"{self.package} is not installed: {self.install}")
        self._refuse(reference, heard)
        value = float(self.measure(reference, heard))
        if not math.isfinite(value):
            raise NoScore(f"{self.name} came out as {value}")
        return value

    def _refuse(self, reference: Clip, heard: Clip) -> None:
        if reference.rate != heard.rate or len(reference.samples) != len(heard.samples):
            raise NoScore(
                f"{self.name} compares clips of one rate and length, not {len(reference.samples)} at "
                f"{reference.rate} Hz with {len(heard.samples)} at {heard.rate} Hz"
            )
        if self.rates and reference.rate not in self.rates:
            raise NoScore(f"{self.name} is defined at {self.rates} Hz, not at {reference.rate}")
        if reference.seconds < self.shortest:
            raise NoScore(f"{self.name} needs {self.shortest:g} s, the clip has {reference.seconds:.3g} s")
        for side, clip in (("reference", reference), ("heard clip", heard)):
            refuse_nothing(side, clip)


def refuse_nothing(side: str, clip: Clip) -> None:
    """A clip without a sound in it, or with numbers that are none, has no quality."""
    if not len(clip.samples):
        raise NoScore(f"the {side} has no samples")
    if not np.isfinite(clip.samples).all():
        raise NoScore(f"the {side} holds samples that are not finite numbers")
    if not clip.samples.any():
        raise NoScore(f"the {side} is silent")
    if np.ptp(clip.samples) == 0:
        raise NoScore(f"the {side} is constant: there is nothing to hear")


@cache
def _installed(package: str) -> str:
    """The version of a package that is here, "" where it is not."""
    try:
        return installed(package)
    except PackageNotFoundError:
        return ""
