"""Figures repeat to the byte, say what they show, and refuse what they cannot show honestly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text

from imlab.errors import UsageError
from imlab.lab.attribution.shares import Attribution, Waterfall
from imlab.lab.plots.bars import stage_bars
from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.ecdf import ecdf
from imlab.lab.plots.figure import Imprint, Plot, style
from imlab.lab.plots.forest import forest
from imlab.lab.plots.heat import heat
from imlab.lab.plots.load_curve import Capacity, Offered, load_curve
from imlab.lab.plots.percentiles import order_interval, percentiles
from imlab.lab.plots.plane import Map, Move, Spot, plane
from imlab.lab.plots.timeline import Moment, moments, timeline
from imlab.lab.plots.waterfall import waterfall
from imlab.lab.plots.window import Requests, window
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.intervals import mean_interval
from tests.test_reading import stored

pytestmark = pytest.mark.slow

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


def tail() -> Plot:
    """A curve with a tail, one with too few for it, one that failed, and one for which the generator was late."""
    rng = np.random.default_rng(1)
    many = rng.lognormal(-5, 0.4, 2_000)
    samples = {"opus": many, "few": many[:60], "none": many[:8], "lost": np.where(many > 0.01, np.nan, many)}
    return percentiles(samples | {"late": many}, "The tail", lags={"late": many}, imprint=PRINT)


def theory() -> Plot:
    """A curve beside what is expected of it."""
    values = np.random.default_rng(1).exponential(0.01, 2_000)
    return percentiles({"M/M/1": values}, "A queue", expected={"M/M/1": lambda q: -0.01 * np.log(1 - q)}, imprint=PRINT)


def requests_of_a_window() -> Plot:
    """A load with a failure beside one that asks less."""
    loads = {"open": Requests([0.1, 0.2, 0.3], [0.01, np.nan, 0.5]), "closed": Requests([0.1], [0.02])}
    return window(loads, "A stall", "every request", (0.2, 0.7, "the door is shut"), imprint=PRINT)


def two_moves() -> Plot:
    """One load with intervals, one without."""
    spread = np.linspace(0.9, 1.1, 8)
    slow, quick = (Spot(mean_interval(100 * n * spread), mean_interval(0.2 / n * spread)) for n in (1, 2))
    few = Spot(mean_interval([100.0]), mean_interval([0.2]))
    known = Map({"Little's law": [(100.0, 0.2), (200.0, 0.1)]}, {"published": (200.0, 0.1)})
    return plane({"open": Move(few, few), "closed": Move(slow, quick)}, "Rate and response", known, imprint=PRINT)


def load() -> Plot:
    """One system that is lost at the last rate, one that the generator could not bring there."""
    spread = np.linspace(0.9, 1.1, 8)
    one = [Offered(200.0, None, "no steady state"), Offered(100.0, mean_interval(0.01 * spread))]
    two = [Offered(200.0, mean_interval(0.02 * spread)), Offered(100.0, mean_interval([0.01, 0.02]))]
    known = {"one": Capacity(mean_interval(150 * spread)), "two": Capacity(mean_interval([200.0]), censored=True)}
    return load_curve({"one": one, "two": two}, "Latency and load", 0.05, known, imprint=PRINT)


def run_as_it_went() -> Plot:
    blocks = [Moment(0, {"a": 0.001, "b": 0.002}), Moment(2, {"a": 0.003}), Moment(1, {"a": 0.009}, "steal over 0.02")]
    return timeline(blocks, "A run", imprint=PRINT)


def map_of_two() -> Plot:
    """Three cells of four, one of them without interval."""
    cells = {("8 kB/s", "0 %"): mean_interval(np.linspace(7, 8, 6)), ("8 kB/s", "30 %"): mean_interval([14.0, 15.0])}
    cells |= {("64 kB/s", "0 %"): mean_interval(np.linspace(0.7, 0.8, 6))}
    return heat(cells, "Wait", "uplink", "loss", "time to upload", "s", log=True, imprint=PRINT)


def falls() -> Plot:
    """Two changes that meddle, and one that does nothing but noise."""
    old, cache, pool, both = np.log([0.2, 0.1, 0.16, 0.09])
    logs = np.repeat([old, pool, cache, both], 2) + np.random.default_rng(2).normal(0, 0.02, (8, 8))
    fall = Attribution(dict.fromkeys(("cache", "pool", "idle"), (0, 1)), logs).waterfall()
    return waterfall(fall, "Which change made it faster?", "median latency", imprint=PRINT)


FIGURES: list[tuple[Callable[[], Plot], list[str]]] = [
    (distribution, ["opus: p50", "p99 withheld: n too small (50, needs 1000)"]),
    (stages, ["3 s: 21 ms, of it upload 20, commit 1.", "30 s: 201 ms"]),
    (curve, ["score. opus: 3.62 [", "] at 12, 3.74 [", "the app's: 3.74", "level original: 4.9. other score"]),
    (
        tail,
        [
            "opus (n = 2,000): p50 6.",
            "p99.9 withheld: n too small (2000, needs 10000)",
            "few (n = 60): p50 ",
            "none (n = 8: too few)",
            "% failed",
            "p50 withheld: generator late by ",
        ],
    ),
    (
        load,
        [
            "objective: p99 at most 50 ms",
            "one: 10 [9.",
            " ms at 100, no steady state at 200; capacity 150 [",
            "two: 15 ms (n=2: no interval) at 100",
            "capacity at least 200 (n=1: no interval) requests/s",
        ],
    ),
    (
        run_as_it_went,
        [
            "3 blocks in the order they ran, 1 rejected",
            "a: 1 to 3 in 2 kept blocks. b: 2 to 2 in 1 kept",
            "Block 2 rejected: steal over 0.02.",
        ],
    ),
    (theory, ["M/M/1 (n = 2,000): p50 ", "; expected p50 6.93 ms, p90 23 ms, p99 46.1 ms"]),
    (
        requests_of_a_window,
        [
            "Shaded: the door is shut, 0.2 to 0.7 s.",
            "open: 3 requests, median 255, longest 500, 1 never ended.",
            "closed: 1 requests, median 20",
        ],
    ),
    (
        two_moves,
        [
            "closed: from 200 [188, 212] ms at 100 [",
            "] requests/s to 100 [",
            "open: from 200 ms (n=1: no interval) at 100 (n=1",
            "published: 100 ms at 200 requests/s",
        ],
    ),
    (map_of_two, ["8 kB/s, 0 %: 7.5 [7", "8 kB/s, 30 %: 14.5 s (n=2: no interval)", "64 kB/s, 30 %: not measured"]),
    (effects, ["half & half: -50.0 % [-50.0, -50.0]: faster, 8 blocks", "same: +0.0 %", "(n=3: no interval)"]),
    (falls, ["from 2", " ms: each step is the factor's mean over all", "cache: -4", " % of the change [", "Whole: -5"]),
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
    assert len(text) < 200_000 and "<dc:date>" not in text and "<image" not in text


def test_a_figure_is_saved_to_look_at(tmp_path: Path) -> None:
    assert stages().save(tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_forest_says_what_is_better() -> None:
    errors = {"error": paired([1.0, 1.1], [1.0, 1.2])}
    assert "latency (less is better)" in forest(errors, "Times").figure.axes[0].get_xlabel()
    assert forest(errors, "Errors", "error", wanted="none is best").figure.axes[0].get_xlabel() == (
        "change of error (none is best)"
    )


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
        lambda: waterfall(Waterfall(1.0, 1.0, {}, mean_interval([1.0]), "none"), "no step"),
        lambda: forest({"a": paired([1.0], [1.0], 0.03), "b": paired([1.0], [1.0], 0.1)}, "two margins"),
        lambda: percentiles({}, "none"),
        lambda: percentiles({str(name): [1.0] for name in range(9)}, "too many to tell apart"),
        lambda: percentiles({"a": [1.0]}, "lags of another", lags={"b": [1.0]}),
        lambda: percentiles({"a": [1.0]}, "theory of another", expected={"b": lambda q: q}),
        lambda: window({}, "none"),
        lambda: window({"a": Requests([0.1], [])}, "moments without times"),
        lambda: window({"a": Requests(np.zeros(7_000), np.zeros(7_000))}, "more than a page can hold"),
        lambda: plane({}, "none"),
        lambda: load_curve({}, "none", 0.05),
        lambda: load_curve({"a": []}, "a curve without a rate", 0.05),
        lambda: load_curve({"a": [Offered(1, None)]}, "capacity of another", 0.05, {"b": Capacity(mean_interval([1]))}),
        lambda: timeline([], "none"),
        lambda: timeline([Moment(0, {})], "no cells"),
        lambda: timeline([Moment(0, {"a": 1.0}), Moment(0, {"a": 2.0})], "one block twice"),
        lambda: heat({}, "none", "x", "y", "time", "s"),
        lambda: heat({(str(x), "y"): mean_interval([1.0]) for x in range(17)}, "too high", "x", "y", "time", "s"),
        lambda: heat({("x", "y"): mean_interval([0.0])}, "ratios of zero", "x", "y", "time", "s", log=True),
        lambda: effects().save(Path("figure.pdf")),
    ],
)
def test_what_cannot_be_shown_is_refused(draw: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        draw()


LONG = "What is told at great length, because somebody thought that a title can hardly say too much: does it fit?"
WORDS: dict[str, Callable[[str], Plot]] = {
    "curves": lambda words: curves(
        [Panel(words, {f"{words} {n}": [Point(n, mean_interval([1.0 + n]))] for n in range(8)}, {words: 1.0},
               {words: Point(7, mean_interval([1.0]))})],
        words, words, words, log=False, imprint=Imprint(" ".join([words] * 9), "VOID: too many blocks rejected")),
    "bars": lambda words: stage_bars({words: {f"{words} {n}": 1.0 for n in range(8)}}, words, words, imprint=PRINT),
    "forest": lambda words: forest({words: paired([1.0, 1.1], [1.0, 1.2])}, words, words, imprint=PRINT),
    "ecdf": lambda words: ecdf({words: [1.0, 2.0]}, words, words, imprint=PRINT),
    "percentiles": lambda words: percentiles({words: [1.0] * 20}, words, words, imprint=PRINT),
    "load_curve": lambda words: load_curve({words: [Offered(1.0, mean_interval([1.0]))]}, words, 1.0, imprint=PRINT),
    "timeline": lambda words: timeline([Moment(0, {words: 1.0}, words)], words, words, imprint=PRINT),
    "window": lambda words: window(
        {words: Requests([0.1], [0.1])}, words, words, (0.0, 1.0, words), words, imprint=PRINT),
    "plane": lambda words: plane(
        {words: Move(*[Spot(mean_interval([1.0]), mean_interval([1.0]))] * 2)}, words,
        Map({words: [(1.0, 1.0), (2.0, 2.0)]}), words, imprint=PRINT),
    "waterfall": lambda words: waterfall(
        Attribution({words: (0, 1)}, np.log([[2.0, 1.0]] * 7)).waterfall(), words, words, imprint=PRINT),
    "heat": lambda words: heat({(words, words): mean_interval([1.0])}, words, words, words, words, "s", imprint=PRINT),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draw", WORDS.values(), ids=WORDS)
def test_long_words_stay_on_the_sheet_and_leave_the_panel_its_room(draw: Callable[[str], Plot]) -> None:
    figure = draw(LONG).figure
    with style():
        engine = figure.get_layout_engine()
        assert engine is not None
        engine.execute(figure)
        sheet = figure.bbox
        for axes in figure.axes:
            told = [text for text in axes.findobj(Text) if text.get_text().startswith(LONG[:9])]
            assert [text for text in told if text.get_window_extent().x1 > sheet.x1 + 12] == []
        panel = figure.axes[0].get_window_extent()
        assert panel.width > 0.3 * sheet.width and panel.height > 30


def test_words_that_fit_are_left_alone() -> None:
    figure = stage_bars({"3 s": {"upload": 1.0}}, "Where the time goes", "a short line").figure
    axes = figure.axes[0]
    assert axes.get_title("left") == "Where the time goes" and axes.texts[0].get_text() == "a short line"
    assert figure.get_size_inches().tolist() == [7.2, 1.8 + 0.46 + 0.19]


@pytest.mark.parametrize(("n", "q"), [(40, 0.5), (400, 0.9), (2_000, 0.99)])
def test_order_statistics_hold_the_quantile_as_often_as_they_say(n: int, q: float) -> None:
    drawn = np.sort(np.random.default_rng(1).random((1_000, n)), axis=1)
    low, high = np.array([order_interval(sample, q) for sample in drawn]).T
    held = np.mean((low <= q) & (q <= high))
    assert 0.945 <= held <= 0.99, "at least the level, and not much wider: ranks are whole numbers"


def test_an_interval_without_a_value_beyond_is_none() -> None:
    assert np.isnan(order_interval(np.arange(20.0), 0.9)[1])


def test_a_run_tells_its_blocks_with_the_reasons_of_the_rejected(tmp_path: Path) -> None:
    why = ["steal share 0.051 > 0.02", "CPU pressure share 0.41 > 0.25"]
    path = stored(tmp_path, "run", blocks=4, rejected={"1": why})
    told = moments(Run(path, read_manifest(path)), "time_s", "size")
    assert [moment.reason for moment in told] == ["", "steal share over 0.02; CPU pressure share over 0.25", "", ""]
    values = np.array([[moment.values[size] for size in ("1", "2")] for moment in told])
    right = np.array([[1, 2], [9, np.nan], [np.nan, 4], [np.nan, np.nan]])
    assert np.array_equal(values, right, equal_nan=True), "warm-up and failures out"
    assert "2: 2,000 to 4,000 in 2 kept blocks" in timeline(told, "A run").alt


def test_marks_at_one_place_are_all_named_and_there_is_an_end() -> None:
    spot = Point(64.0, mean_interval(np.full(12, 3.0)))
    ends = Point(3.0, mean_interval(np.full(12, 1.0)))
    marks = {f"app {number}": spot for number in range(40)} | {"lone": ends}
    panels = [Panel(name, {"opus": [ends, spot]}, marks=marks) for name in ("one", "two")]
    assert "app 39: 3" in curves(panels, "Crowd", "kbit/s").alt
