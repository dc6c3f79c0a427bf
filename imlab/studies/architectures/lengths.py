"""How long voice notes are.

No operator has published a distribution that we know of. Phone calls, which are, are close to log-normal (Seshadri et
al., "Mobile Call Graphs: Beyond Power-Law and Lognormal Distributions", KDD 2008, whose tail is heavier than ours), and
WeChat ends a note at 60 s. The median and the spread are an assumption, chosen so that the mean of Opus at 24 kbit/s is
the 20 kB that all our comparisons use: whoever knows better changes two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Lengths:
    """Log-normal, in seconds. spread: standard deviation of the logarithm. Beyond least and most they are cut."""

    median_s: float = 5.0
    spread: float = 0.8
    least_s: float = 1.0
    most_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.least_s <= self.median_s <= self.most_s or self.spread <= 0:
            raise UsageError(f"lengths lie around their median, and spread: not {self!r}")

    def spaced(self, count: int) -> NDArray[np.float64]:
        """``count`` lengths in seconds, ascending, equally likely: the middles of as many parts of the distribution.

        Drawn at random, 48 lengths would miss the mean by a tenth; so they do by a hundredth.
        """
        normal = NormalDist()
        quantiles = np.array([normal.inv_cdf((k + 0.5) / count) for k in range(count)])
        return np.clip(self.median_s * np.exp(self.spread * quantiles), self.least_s, self.most_s)
