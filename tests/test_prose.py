"""A number between the cells is one that a cell printed, or that was decided before the data."""

from __future__ import annotations

from typing import Any

import pytest

from imlab.desk.report.printed import told
from imlab.desk.report.prose import measurements, opened, settings, unbound
from imlab.errors import UsageError
from imlab.lab.plan.design import Experiment

KNOWN = {
    name: Experiment(
        name=name,
        question="Does a note of 15 s fit 8 kB/s?",
        expectation="Within 20 ms, or 1 % of it.",
        attempt=lambda trial: iter(()),
        factors={"note_s": (3, 60), "codec": ("Opus(bitrate=24000, frame_ms=60)",), "link": ("10 dB", "loopback")},
        margin=0.05,
        warm_up_s=2.0,
    )
    for name in ("q01_stop_to_play", "q02_bitrate")
}

FOUND: list[tuple[str, list[tuple[float, str]]]] = [
    ("it took 4.93 ms", [(0.00493, "s")]),
    ("it took 1,200ms.", [(1.2, "s")]),
    ("from 16 to 160 kbit/s", [(16e3, "bit/s"), (160e3, "bit/s")]),
    ("3, 15 and 60 s", [(3.0, "s"), (15.0, "s"), (60.0, "s")]),
    ("4.93 [4.17, 5.43] ms", [(0.00493, "s"), (0.00417, "s"), (0.00543, "s")]),
    ("45% of it, or 45 per cent", [(0.45, ""), (0.45, "")]),
    ("**12 %** and -3 %", [(0.12, ""), (-0.03, "")]),
    ("3x faster, 2.5 × as much, ten times", [(3.0, "x"), (2.5, "x"), (10.0, "x")]),
    ("5,000 requests/s with 7 MB each", [(5000.0, "/s"), (7e6, "B")]),
    ("the first ten seconds", [(10.0, "s")]),
    ("an 8-second note of 16 kHz", [(8.0, "s"), (16e3, "Hz")]),
    ("in 2024, in the 1990s, section 3.1, C10, q01, H.264, a 2 x 2 design", []),
    ("three things, 60 notes, 4 clips, one second", []),
    ("3 studies say what 4 bytesmiths sigh", []),
]

QUOTED: list[tuple[str, str]] = [
    ("printed by a cell: 4.93 ms", ""),
    ("the same in another unit: 0.00493 s", ""),
    ("rounded: 4.9 ms", "4.9 ms"),
    ("another kind: 4.93 %", "4.93 %"),
    ("one of a list: 3, 15 and 61 s", "3, 15 and 61 s"),
    ("a level of the plan: 60 s and 3 s, 24 kbit/s, 60 ms, 10 dB", ""),
    ("its margin of 5 %, its warm-up of 2 s", ""),
    ("of the question and the expectation: 15 s, 8 kB/s, 20 ms, 1 %", ""),
    ("in a table with its unit above: 7.5 s and 1,120 ms", ""),
    ("in a table under another unit: 7.5 ms", "7.5 ms"),
    ("in the words of a figure: 21 ms", ""),
    ("in the strokes of a figure: 33 ms", "33 ms"),
    ("code: `--wait 99 s`, and\n```\nsleep 98 s\n```", ""),
    ("an address: [there](https://example.org/?wait=97%20s)", ""),
    ("the words of a link: [96 s](there.md)", "96 s"),
    ("a comment <!-- 95 s -->", ""),
]


def notebook(words: str, opens: str = "q01_stop_to_play") -> dict[str, Any]:
    """A letter that opens a study, prints a sentence, a table and a figure, and says ``words``."""
    table = "<table><tr><th>note (s)</th><th>p50, ms</th></tr><tr><td>7.5</td><td>1,120</td></tr></table>"
    figure = "<svg><title>Bars</title><desc>3 s: 21 ms.</desc><path d='M 33 ms'/></svg>"
    outputs = [
        {"output_type": "display_data", "data": {"text/markdown": ["**heard 4.93 ms after the tap**"]}},
        {"output_type": "display_data", "data": {"text/html": table}},
        {"output_type": "display_data", "data": {"image/svg+xml": figure}},
    ]
    return {
        "cells": [
            {"id": "open", "cell_type": "code", "source": f'study("{opens}", SCALE)', "outputs": outputs},
            {"id": "words", "cell_type": "markdown", "source": words},
        ]
    }


@pytest.mark.parametrize(("text", "found"), FOUND, ids=[text for text, _ in FOUND])
def test_a_measurement_is_a_number_with_a_unit(text: str, found: list[tuple[float, str]]) -> None:
    said = list(measurements(text))
    assert [one.kind for one in said] == [kind for _, kind in found]
    assert [one.value for one in said] == pytest.approx([value for value, _ in found])


@pytest.mark.parametrize(("words", "loose"), QUOTED, ids=[words for words, _ in QUOTED])
def test_prose_repeats_what_is_bound_and_no_more(words: str, loose: str) -> None:
    said = list(unbound(notebook(words), KNOWN))
    assert [f'"{loose}"' in line for line in said] == ([True] if loose else []), said


def test_a_breach_is_named_once_with_its_cell() -> None:
    (said,) = unbound(notebook("9 s, and again 9 s"), KNOWN)
    assert said == 'cell words says "9 s", which no cell prints and no plan, question or expectation holds'


def test_the_settings_of_a_study_bind_only_where_it_is_opened() -> None:
    assert opened(notebook("", "q02")) == ["q02"]
    assert not list(unbound(notebook("24 kbit/s", "q02"), KNOWN)), "by a word that begins its name"
    assert list(unbound({"cells": notebook("24 kbit/s")["cells"][1:]}, KNOWN))
    with pytest.raises(UsageError, match="no study 'q07'"):
        list(unbound(notebook("", "q07"), KNOWN))


def test_a_setting_has_the_unit_of_its_name() -> None:
    values = {one.words: one.value for one in settings(KNOWN["q02_bitrate"])}
    assert values["bitrate=24000"] == 24_000 and values["frame_ms=60"] == 0.06 and values["note_s=3"] == 3.0


def test_a_stream_is_printed_too() -> None:
    assert told({"output_type": "stream", "name": "stdout", "text": ["done in ", "5 ms"]}) == "done in 5 ms"


def test_a_page_of_numbers_is_read_at_once() -> None:
    page = ", ".join(map(str, range(4_000)))
    assert [one.value for one in measurements(f"{page} and 5 s")][-1] == 5.0
