"""A clip is mono float32, or it is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.errors import UsageError

REFUSED = [
    pytest.param(np.zeros((2, 10), np.float32), 16_000, "float32 of shape", id="stereo"),
    pytest.param(np.zeros(10), 16_000, "float64", id="double"),
    pytest.param(np.zeros(10, np.int16), 16_000, "int16", id="whole numbers"),
    pytest.param(np.zeros(10, np.float32), 0, "positive, not 0", id="no rate"),
    pytest.param(np.zeros(10, np.float32), -8000, "positive, not -8000", id="negative rate"),
]


@pytest.mark.parametrize(("samples", "rate", "seen"), REFUSED)
def test_what_is_not_a_clip_is_refused(samples: Any, rate: int, seen: str) -> None:
    with pytest.raises(UsageError, match=seen):
        Clip(samples, rate)


def test_seconds_are_samples_over_rate() -> None:
    assert Clip(np.zeros(12_000, np.float32), 8000).seconds == 1.5
