"""Scores are paid for once: by content, by version, whatever happens to the files and whoever else writes them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.quality.cache import ScoreCache, known, open_cache, remember
from imlab.audio.quality.log_spectral import LSD
from imlab.audio.quality.panels import Panel, score
from imlab.audio.quality.si_sdr import SI_SDR

CHEAP = Panel("cheap", 16_000, (SI_SDR, LSD))
CALLS: list[str] = []


def dear(reference: Clip, heard: Clip) -> float:
    """A measure that says when it was asked."""
    CALLS.append("asked")
    return 1.0


DEAR = replace(SI_SDR, name="dear", measure=dear)


def noise(seed: int, rate: int = 16_000) -> Clip:
    return Clip(np.random.default_rng(seed).normal(0, 0.1, 4_000).astype(np.float32), rate)


@pytest.fixture
def cache(tmp_path: Path) -> ScoreCache:
    CALLS.clear()
    return ScoreCache(tmp_path)


def test_what_is_remembered_is_what_was_scored(cache: ScoreCache) -> None:
    assert known(cache, noise(0), noise(1), CHEAP) is None
    first = remember(cache, noise(0), noise(1), CHEAP)
    assert first == score(noise(0), noise(1), CHEAP)
    assert remember(cache, noise(0), noise(1), CHEAP) == known(cache, noise(0), noise(1), CHEAP) == first


def test_reasons_are_remembered_too(cache: ScoreCache) -> None:
    silence = Clip(np.zeros(4_000, np.float32), 16_000)
    remember(cache, noise(0), silence, CHEAP)
    held = known(cache, noise(0), silence, CHEAP)
    assert held is not None and held.gain_db is None and set(held.reasons().values()) == {"the heard clip is silent"}


def test_a_second_time_nothing_is_computed(cache: ScoreCache) -> None:
    panel = replace(CHEAP, metrics=(DEAR,))
    for _ in range(3):
        remember(cache, noise(0), noise(1), panel)
    assert CALLS == ["asked"]


def test_only_the_metric_that_changed_is_computed_again(cache: ScoreCache) -> None:
    remember(cache, noise(0), noise(1), replace(CHEAP, metrics=(DEAR,)))
    both = remember(cache, noise(0), noise(1), replace(CHEAP, metrics=(LSD, DEAR)))
    assert [one.metric for one in both.scores] == ["lsd", "dear"] and len(CALLS) == 1
    newer = replace(DEAR, mode="2")
    assert known(cache, noise(0), noise(1), replace(CHEAP, metrics=(newer,))) is None
    remember(cache, noise(0), noise(1), replace(CHEAP, metrics=(newer, LSD)))
    assert len(CALLS) == 2
    assert known(cache, noise(0), noise(1), replace(CHEAP, metrics=(DEAR, LSD))) == replace(
        both, scores=both.scores[::-1]
    )


@pytest.mark.parametrize(
    "other",
    [
        (noise(1), noise(0), CHEAP),
        (noise(0), noise(2), CHEAP),
        (noise(0, 8_000), noise(1, 8_000), CHEAP),
        (noise(0), noise(1), replace(CHEAP, name="other")),
        (noise(0), noise(1), replace(CHEAP, rate=8_000)),
        (noise(0), Clip(noise(1).samples[:-1], 16_000), CHEAP),
    ],
    ids=["turned round", "heard", "rate of the clips", "panel", "rate of the panel", "length"],
)
def test_another_pair_is_another_entry(other: tuple[Clip, Clip, Panel], cache: ScoreCache) -> None:
    remember(cache, noise(0), noise(1), CHEAP)
    assert known(cache, *other) is None


def test_a_damaged_entry_is_computed_again(cache: ScoreCache) -> None:
    first = remember(cache, noise(0), noise(1), CHEAP)
    [path] = cache.directory.rglob("*.json")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        bad = bytearray(whole)
        bad[rng.integers(len(bad))] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(bad[: rng.integers(len(bad) + 1)]))
        assert known(cache, noise(0), noise(1), CHEAP) is None
    assert remember(cache, noise(0), noise(1), CHEAP) == first
    assert path.read_bytes() == whole and not list(cache.directory.rglob("*.part"))


def test_the_users_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path))
    assert open_cache().directory == tmp_path / "scores"


def ask(directory: Path, seed: int) -> float:
    """What one worker does."""
    return remember(ScoreCache(directory), noise(0), noise(seed % 5), CHEAP).values()["lsd"]


@pytest.mark.process
def test_many_processes_share_a_cache(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        answers = list(pool.map(ask, [tmp_path] * 200, range(200)))
    assert len(set(answers)) == 5 and len(list(tmp_path.rglob("*.json"))) == 5
    assert not list(tmp_path.rglob("*.part"))
