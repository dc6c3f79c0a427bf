"""A clip: sound in memory, the one form in which it travels through the house."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Mono sound. samples: float32, shape (n,), full scale is -1..1; rate in Hz."""

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise UsageError(
                f"a clip is mono float32 of shape (n,), not {self.samples.dtype} of shape {self.samples.shape}"
            )
        if self.rate <= 0:
            raise UsageError(f"a clip's rate is in Hz and positive, not {self.rate}")

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate
