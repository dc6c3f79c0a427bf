"""PCM: every 16-bit step comes back exactly."""

from __future__ import annotations

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.codec.contract import CodecError, decode, encode
from imlab.codec.pcm import Pcm
from imlab.errors import UsageError


def test_every_step_comes_back_exactly() -> None:
    steps = (np.arange(-32_768, 32_768) / 32_768).astype(np.float32)
    np.testing.assert_array_equal(decode(Pcm(), encode(Pcm(), Clip(steps, 16_000))).samples, steps)


def test_the_error_is_at_most_half_a_step() -> None:
    samples = np.random.default_rng(1).uniform(-0.99, 0.99, 16_000).astype(np.float32)
    heard = decode(Pcm(), encode(Pcm(), Clip(samples, 16_000))).samples
    assert np.abs(heard - samples).max() <= 0.5 / 32_768


@pytest.mark.parametrize(("value", "step"), [(1.0, 32_767), (7.5, 32_767), (-1.0, -32_768), (-7.5, -32_768)])
def test_what_is_too_loud_is_clipped_and_does_not_wrap(value: float, step: int) -> None:
    packet = Pcm().encoder().encode(np.full(320, value, np.float32))
    assert packet == step.to_bytes(2, "little", signed=True) * 320


@pytest.mark.parametrize("size", [0, 1, 639, 641, 642])
def test_a_packet_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(CodecError, match=f"has 640 bytes, not {size}"):
        Pcm().decoder().decode(bytes(size))


@pytest.mark.parametrize(("rate", "frame_ms"), [(0, 20), (-8_000, 20), (16_000, 0), (16_000, 0.01), (22_050, 2.5)])
def test_impossible_settings_are_refused(rate: int, frame_ms: float) -> None:
    with pytest.raises(UsageError):
        Pcm(rate, frame_ms)
