"""Figures repeat to the byte, say what they show, and refuse what they cannot show honestly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from imlab.errors import UsageError
from imlab.lab.bars import stage_bars
from imlab.lab.curves import Panel, Point, curves
from imlab.lab.ecdf import ecdf
from imlab.lab.effect import paired
from imlab.lab.figure import Imprint, Plot
from imlab.lab.forest import forest
from imlab.lab.intervals import mean_interval

PRINT = Imprint("q99_sound, quick, 6 blocks\n2 cores", "SMOKE: not a measurement")
SVG = "{http://www.w3.org/2000/svg}"


def distribution() -> Plot:
    rng = np.random.default_rng(1)
    samples = {"opus": rng.lognormal(-5, 0.4, 2_000), "pcm": rng.lognormal(-4, 0.4, 50)}
    return ecdf(samples, "Stop to play", imprint=PRINT)


def stages() -> Plot:
    bars = {"3 s": {"upload": 0.02, "commit": 0.001}, "30 s": {"upload": 0.2, "commit": 0.001}}
    return stage_bars(bars, "Where the time goes", counts={"3 s": 40, "30 s": 40}, imprint=PRINT)


def effects() -> Plot:
    old = np.linspace(1.0, 1.1, 8)
    shown = {"half & half": paired(old, old / 2), "same": paired(old, old), "few": paired(old[:3], old[:3] * 1.1)}
    return forest(shown, "What each change did", imprint=PRINT)


def curve() -> Plot:
    """Two curves with intervals in one panel, one of them in the other too, a level and a mark."""
    opus = [Point(kbps, mean_interval(np.linspace(3, 4, 12) + kbps / 100)) for kbps in (24.0, 12.0)]
    upper = Panel("score", {"opus": opus, "mp3": opus[:1]}, {"original": 4.9}, {"the app's": opus[0]})
    return curves([upper, Panel("other score", {"opus": opus})], "Bits and quality", "kbit/s", imprint=PRINT)


FIGURES: list[tuple[Callable[[], Plot], list[str]]] = [
    (distribution, ["opus: p50", "p99 withheld: n too small (50, needs 1000)"]),
    (stages, ["3 s: 21 ms, of it upload 20, commit 1.", "30 s: 201 ms"]),
    (curve, ["score. opus: 3.62 [", "] at 12, 3.74 [", "the app's: 3.74", "level original: 4.9. other score"]),
    (effects, ["half & half: -50.0 % [-50.0, -50.0]: faster, 8 blocks", "same: +0.0 %", "(n=3: no interval)"]),
]


@pytest.mark.parametrize(("draw", "told"), FIGURES, ids=lambda case: getattr(case, "__name__", ""))
def test_a_figure_repeats_to_the_byte_and_tells_what_it_shows(
    draw: Callable[[], Plot], told: list[str], tmp_path: Path
) -> None:
    first = draw()
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": None, "lines.linewidth": 9}):
        again = draw().svg()
    text = first.save(tmp_path / "figure.svg").read_text()
    assert text == again, "what the reader has set elsewhere must not show"
    tree = ElementTree.fromstring(text)
    described = tree.findtext(f"{SVG}desc") or ""
    assert tree.get("role") == "img" and tree.findtext(f"{SVG}title") == first.title
    assert described == first.alt and described.startswith(PRINT.watermark)
    assert [text for text in told if text not in described] == []
    assert len(text) < 200_000 and "<dc:date>" not in text
    assert first.save(tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_long_sample_is_thinned_but_keeps_its_tails() -> None:
    values = np.concatenate([np.random.default_rng(1).lognormal(-5, 0.3, 100_000), [9.0]])
    shown = ecdf({"all": values}, "Tails")
    assert np.asarray(shown.figure.axes[0].get_lines()[0].get_xdata()).max() == 9_000.0
    assert len(shown.svg()) < 100_000


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ecdf({}, "none"),
        lambda: curves([], "none", "x"),
        lambda: curves([Panel("y", {})], "none", "x"),
        lambda: ecdf({str(name): [1.0] for name in range(9)}, "too many to tell apart"),
        lambda: stage_bars({}, "none"),
        lambda: forest({}, "none"),
        lambda: forest({"a": paired([1.0], [1.0], 0.03), "b": paired([1.0], [1.0], 0.1)}, "two margins"),
        lambda: effects().save(Path("figure.pdf")),
    ],
)
def test_what_cannot_be_shown_is_refused(draw: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        draw()
