"""Two builds of libopus held against each other: ours with itself, and with the system's where there is one."""

from __future__ import annotations

import ctypes.util
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imlab.audio.clip import Clip
from imlab.codec.libopus import load
from imlab.codec.opus import Opus
from imlab.codec.opus_features import Features, features
from imlab.errors import DoorError
from imlab.studies.k02_two_libopus import EPILOG, main
from imlab.studies.two_libopus.build import Build, ask, open_build
from imlab.studies.two_libopus.comparison import Outcome, Way, difference, measure, ways
from imlab.studies.two_libopus.report import Found, plain, tables
from tests.tools import lacking

LIGHT, HEAVY = Way(0, Opus(12_000, complexity=3)), Way(0, Opus(12_000, complexity=10))


@pytest.fixture(scope="module")
def held(speech: Clip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Two clips of 0.8 s, and a cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMLAB_CACHE", str(tmp_path_factory.mktemp("scores")))
        yield Held([Clip(speech.samples[at * 16_000 :][:12_800], 16_000) for at in (1, 3)])


class Held:
    """The study without its command line: clips through our libopus and another."""

    def __init__(self, clips: list[Clip]) -> None:
        self.clips = clips
        self.steps = 0

    def against(self, other: str) -> Found:
        self.steps = 0
        with open_build() as ours, open_build(other) as theirs, ThreadPoolExecutor(1) as pool:
            builds = (ours, theirs)
            outcomes = measure(builds, ways(builds, [12_000]), self.clips, pool, self.tick)
        return Found(builds, outcomes, "speech", len(self.clips), 0.8, 16_000)

    def tick(self, count: int) -> None:
        self.steps += count


@pytest.mark.process
def test_a_libopus_differs_in_nothing_from_itself(held: Held) -> None:
    found = held.against(load().path)
    told = plain(found)
    assert held.steps == 2 * len(held.clips) * len(found.outcomes), "each is sent and scored"
    same = [each for each in told["differences"] if each["question"] == "builds"]
    assert [each["new"]["complexity"] for each in same] == [3, 10]
    for each in same:
        assert each["size"]["estimate"] == 0 and each["scores"]["visqol"]["estimate"] == 0
    keys = {*told, *told["builds"][0], *told["levels"][0], *told["differences"][0]}
    assert [key for key in keys if f'"{key}"' not in EPILOG] == [], "--help promises them all"


@pytest.mark.outside
def test_the_systems_libopus_is_named_with_its_version_wherever_it_is_compared(held: Held) -> None:
    system = ctypes.util.find_library("opus")
    if system is None:
        lacking("libopus beside the wheel's", "apt-get install libopus0")
    found = held.against(system)
    versions = [str(build.features) for build in found.builds]
    assert versions[0] == str(features())
    lines = list(tables(found))
    captions = [line for line in lines if line.startswith(("\nbuilds:", "\ncomplexity:", "\nnetworks:"))]
    assert len(captions) >= 2
    assert [line for line in captions if not all(f"libopus {version}" in line for version in versions)] == []
    told = json.loads(json.dumps(plain(found), allow_nan=False))
    assert [build["libopus"] for build in told["builds"]] == versions
    assert all(each["kbps"] > 5 and each["scores"]["visqol"] > 1 for each in told["levels"])


@pytest.mark.process
def test_a_file_that_is_no_libopus_is_one_clear_error() -> None:
    with pytest.raises(DoorError, match=r"nowhere\.so is not a usable libopus"), open_build("/nowhere.so"):
        raise AssertionError("there is nothing to be opened")


@pytest.mark.process
def test_a_library_that_crashes_is_one_clear_error() -> None:
    with open_build() as build, pytest.raises(DoorError, match="brought down the process"):
        ask(build.process, os._exit, 3)


def test_differences_are_taken_clip_by_clip() -> None:
    heavy = [Outcome(1500 + 10 * n, 0.01, 0.001, {"visqol": 3 + n / 10}, {}) for n in range(8)]
    light = [replace(each, encode=each.encode / 2, scores={"visqol": each.scores["visqol"] - 0.2}) for each in heavy]
    told = difference({HEAVY: heavy, LIGHT: light}, LIGHT, HEAVY)
    assert told.scores["visqol"].estimate == pytest.approx(-0.2) and told.scores["visqol"].given
    assert told.size.estimate == 0 and told.encode.estimate == pytest.approx(-0.5)
    assert "pesq_wb" not in told.scores, "nobody judged"


@pytest.mark.parametrize(("deep", "listening"), [((), {0}), (("LACE", "NoLACE"), {0, 6, 7})])
def test_networks_are_heard_where_they_are(deep: tuple[str, ...], listening: set[int]) -> None:
    with ThreadPoolExecutor(1) as nobody:
        build = Build(Features("1.6", True, deep), "here", "libopus.so", nobody)
    chosen = ways([build], [12_000])
    assert {way.codec.decoder_complexity for way in chosen if way.codec.complexity == 10} == listening
    assert {way.codec.decoder_complexity for way in chosen if way.codec.complexity == 3} == {0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("x --bitrates 5", "Opus has no bitrate 5"),
        ("x --clips 0", "one clip or more"),
        ("x --seconds 21", "1 to 20 s"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
