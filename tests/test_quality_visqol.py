"""Our ViSQOL is visqol-python's, to the last bit of the score; only faster."""

from __future__ import annotations

import numpy as np
import pytest
from visqol import VisqolApi
from visqol.patch_selector import find_most_optimal_deg_patches

from imlab.audio.clip import Clip
from imlab.audio.quality.metric import NoScore
from imlab.audio.quality.panels import at_level
from imlab.audio.quality.patches import Floats, choose
from imlab.audio.quality.visqol import RATE, SHORTEST, VISQOL
from imlab.codec.contract import decode, encode
from imlab.codec.opus import Opus
from tests.spoken import spoken


@pytest.fixture(scope="module")
def plain() -> VisqolApi:
    """The package as it is."""
    api = VisqolApi()
    api.create(mode="speech", use_lattice_model=True)
    return api


def test_scores_are_those_of_the_plain_call(speech: Clip, plain: VisqolApi) -> None:
    """Twice each: the second time the reference is remembered."""
    original = at_level(spoken(speech, 0.8))
    noise = np.random.default_rng(0).normal(0, 0.02, len(original.samples)).astype(np.float32)
    heard = {
        "opus": decode(Opus(8_000), encode(Opus(8_000), original)),
        "noise": Clip(original.samples + noise, RATE),
        "late": Clip(np.roll(original.samples, 700), RATE),
    }
    for name, clip in heard.items():
        expected = plain.measure_from_arrays(original.samples, clip.samples, RATE).moslqo
        assert [VISQOL(original, clip), VISQOL(original, clip)] == [expected, expected], name


def random_case(seed: int) -> tuple[list[Floats], list[int], Floats, int]:
    """A spectrogram cut into patches, and the same after misfortune: shifted, noisy, with holes, cut short."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(3, 7))
    whole = np.abs(rng.normal(20, 10, (5, int(rng.integers(3, 7)) * width)))
    starts = list(range(1, whole.shape[1] - width + 1, width))
    heard = np.roll(whole, int(rng.integers(-4, 5)), axis=1) + rng.normal(0, rng.choice([0.0, 3.0]), whole.shape)
    heard[:, rng.random(whole.shape[1]) < 0.2] = 0.0
    keep = int(rng.integers(starts[-1] - width // 2, whole.shape[1] + 1))
    return [whole[:, start : start + width] for start in starts], starts, heard[:, :keep], int(rng.integers(1, 4))


@pytest.mark.parametrize("seed", range(12))
def test_the_search_finds_what_the_package_finds(seed: int) -> None:
    patches, starts, heard, reach = random_case(seed)
    found = find_most_optimal_deg_patches(patches, starts, heard, 1.0, reach)
    chosen = choose(patches[: len(found)], starts[: len(found)], heard, reach * patches[0].shape[1])
    expected = [(result.deg_patch_start_time, result.deg_patch_end_time == 0.0) for result in found]
    assert [(0.0 if lost else float(place), lost) for place, lost in chosen] == expected


def test_the_shortest_clip_has_a_score_and_a_shorter_one_a_reason(speech: Clip) -> None:
    assert 4 < VISQOL(*[spoken(speech, SHORTEST)] * 2) < 5
    with pytest.raises(NoScore, match="needs"):
        VISQOL(*[spoken(speech, SHORTEST - 0.01)] * 2)
