"""How many more bits one codec needs than another for the same quality: the Bjontegaard delta rate (VCEG-M33, 2001).

Both curves are drawn as the logarithm of the rate over the quality, by a piecewise cubic that never overshoots (PCHIP,
as JVET does since the cubic through four points was found to swing), and the mean distance between them is taken over
the qualities which both reach, and no others: beyond its own points a curve says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.interpolate import PchipInterpolator

from imlab.errors import InvalidRun

FEWEST = 4  # points of a curve, by VCEG-M33


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of a codec. rate: bits per second, or any other price above zero; quality: more is better."""

    rate: float
    quality: float


@dataclass(frozen=True, slots=True)
class DeltaRate:
    """percent: what the other codec costs over the anchor, negative where it saves. low, high: the qualities compared.

    share: which part of the qualities that either reaches is reached by both, 0..1; where it is small, so is the news.
    """

    percent: float
    low: float
    high: float
    share: float


def bd_rate(anchor: Sequence[Point], other: Sequence[Point]) -> DeltaRate:
    """The mean price of ``other`` over ``anchor`` at equal quality; InvalidRun says why there is none."""
    curves = [_curve(name, points) for name, points in (("anchor", anchor), ("other", other))]
    ends = [(float(curve.x[0]), float(curve.x[-1])) for curve in curves]
    low, high = max(begin for begin, _ in ends), min(end for _, end in ends)
    if high <= low:
        (a, b), (c, d) = ends
        raise InvalidRun(f"the curves do not overlap: one reaches {a:g} to {b:g}, the other {c:g} to {d:g}")
    base, rival = (float(curve.integrate(low, high)) / (high - low) for curve in curves)
    widest = max(end for _, end in ends) - min(begin for begin, _ in ends)
    return DeltaRate(100 * math.expm1(rival - base), low, high, (high - low) / widest)


def front(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that no cheaper one equals, by rising rate: what is left when dominated settings are dropped."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (point.rate, -point.quality)):
        if not kept or point.quality > kept[-1].quality:
            kept.append(point)
    return tuple(kept)


def _curve(name: str, points: Sequence[Point]) -> PchipInterpolator:
    """The logarithm of the rate as a function of quality."""
    line = sorted(points, key=lambda point: point.rate)
    if len(line) < FEWEST:
        raise InvalidRun(f"a curve needs {FEWEST} points, the {name} has {len(line)}")
    if line[0].rate <= 0 or not all(math.isfinite(value) for point in line for value in (point.rate, point.quality)):
        raise InvalidRun(f"rates are above zero and all numbers finite, not so in the {name}")
    for one, next_one in pairwise(line):
        if next_one.rate == one.rate or next_one.quality <= one.quality:
            raise InvalidRun(
                f"the {name} does not rise from {one.rate:g} (quality {one.quality:g}) to {next_one.rate:g} "
                f"(quality {next_one.quality:g}): front() drops what is dominated"
            )
    return PchipInterpolator([point.quality for point in line], [math.log(point.rate) for point in line])
