"""Words find room on a sheet: what is too long is broken into lines, and the sheet grows by them.

Titles, the line under a title, names of axes and legends hang on panels, and a layout engine that counts them gives
up a panel for a long sentence. So they are measured against the panels first, as these lie without them. What fits
is left alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation

INCH = 72.0  # points
SUBTITLE, WATERMARK = "_subtitle", "_watermark"  # labels of texts that no layout counts (and, for the _, no legend)
EDGE = 4.0  # points kept free at the right
LINE = 1.25  # of the size of its type
TIDY = 0.95  # a line is counted by its mean letter, and letters differ


def broken(name: str, most: int = 34) -> str:
    """A name of a bar, a row or a column, in lines of at most so many letters; its own lines stay."""
    return "\n".join(textwrap.fill(line, most) for line in name.split("\n"))


def lines(name: str) -> int:
    """How many lines it has."""
    return name.count("\n") + 1


def digits(value: float) -> str:
    """Three digits, never in powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def span(blocks: Sequence[int]) -> str:
    """``1 block``, ``12 blocks``, or ``6 to 12 blocks`` where they differ."""
    least, most = min(blocks), max(blocks)
    return f"{most} block{'s' if most != 1 else ''}" if least == most else f"{least} to {most} blocks"


def grow(figure: Figure, points: float) -> None:
    """Make the sheet higher."""
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + points / INCH)


def legend_below(figure: Figure, axes: Axes, columns: int) -> Legend:
    """Name the looks under the axis, where no curve can pass through the names."""
    below = axes.transAxes + ScaledTranslation(0, -36 / INCH, figure.dpi_scale_trans)
    return axes.legend(
        loc="upper left", bbox_to_anchor=(-0.01, 0), bbox_transform=below, ncols=columns, borderaxespad=0
    )


def fit(figure: Figure) -> None:
    """Break what is wider than the room it has, in all panels."""
    panels = {axes: place for axes in figure.axes if (place := axes.get_subplotspec())}
    _lay_out(figure, list(panels))
    if sum(_fit_names(figure, axes) for axes in figure.axes):
        _lay_out(figure, list(panels))  # a name of several lines moves its panel
    for axes in panels:
        _fit_head(figure, axes)
        _fit_legend(figure, axes)
        _fit_watermark(axes)
    for axes, place in panels.items():
        axes.set_subplotspec(place)  # as if nothing had been laid out: the bytes hang on it


def _lay_out(figure: Figure, panels: list[Axes]) -> None:
    """Where the panels lie when words do not press on them."""
    pressing = [legend for axes in panels if (legend := axes.get_legend())]
    for artist in pressing:
        artist.set_in_layout(False)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)
    for artist in pressing:
        artist.set_in_layout(True)


def _fit_names(figure: Figure, axes: Axes) -> int:
    """The names of the axes, along their axes, at the side in three lines at most; how many lines they take more."""
    box, name = axes.get_window_extent(), axes.yaxis.label
    high = _points(axes, box.height)
    needed = max(high, _points(axes, name.get_window_extent().height) / 3 / TIDY)
    grow(figure, needed - high)
    return _break(axes.xaxis.label, _points(axes, box.width) + 40) + _break(name, needed)


def _fit_head(figure: Figure, axes: Axes) -> None:
    """The title over the line under it, both over the panel; the more lines, the higher the sheet."""
    room = _points(axes, figure.bbox.x1 - axes.get_window_extent().x0) - EDGE
    under = [text for text in axes.texts if text.get_label() == SUBTITLE]
    added = sum(_break(text, room) * LINE * _size(text) for text in under)
    if added:
        axes.set_title(axes.get_title("left"), pad=22 + added)
    title = _title(axes)
    grow(figure, added + _break(title, room) * LINE * _size(title))


def _title(axes: Axes) -> Text:
    """The title as drawn: at the left, as the house has it."""
    return axes._left_title  # type: ignore[attr-defined,no-any-return]


def _fit_legend(figure: Figure, axes: Axes) -> None:
    """Fewer columns, and in the last resort names of several lines."""
    legend = axes.get_legend()
    if legend is None:
        return
    box = legend.get_window_extent()
    room = _points(axes, figure.bbox.x1 - box.x0) - EDGE
    if _points(axes, box.width) <= room:
        return
    names = legend.get_texts()
    size = _size(names[0])
    look, gap = 3.2 * size, 1.6 * size  # the handle with its pad, and what lies between columns
    widest = max(_points(axes, name.get_window_extent().width) for name in names) + look
    before = _points(axes, box.height)
    columns = max(1, int((room + gap) / (widest + gap)))
    if widest > room:
        for name, text in zip(axes.get_legend_handles_labels()[0], names, strict=True):
            name.set_label(_wrapped(text, room - look))
    grow(figure, _points(axes, legend_below(figure, axes, columns).get_window_extent().height) - before)


def _fit_watermark(axes: Axes) -> None:
    """No wider than the panel that it crosses, and not below what can be read."""
    for text in (text for text in axes.texts if text.get_label() == WATERMARK and text.get_text()):
        share = axes.get_window_extent().width / text.get_window_extent().width
        if share < 1:
            text.set_fontsize(max(10.0, _size(text) * share))


def _break(text: Text, room: float) -> int:
    """Into lines of at most ``room`` points, if it is wider; how many more lines it has then."""
    box = text.get_window_extent()
    along = box.height if text.get_rotation() == 90 else box.width
    if not text.get_text() or _points(text, along) <= room:
        return 0
    before = lines(text.get_text())
    text.set_text(_wrapped(text, room))
    return lines(text.get_text()) - before


def _wrapped(text: Text, room: float) -> str:
    """Its words in lines of at most ``room`` points, by the mean width of its letters."""
    box = text.get_window_extent()
    along = max(box.width, box.height)
    letter = _points(text, along) / max(len(line) for line in text.get_text().split("\n"))
    return textwrap.fill(" ".join(text.get_text().split("\n")), max(8, int(TIDY * room / letter)))


def _size(text: Text) -> float:
    """Of its type, in points."""
    return float(text.get_fontsize())


def _points(artist: Axes | Text, pixels: float) -> float:
    figure = artist.get_figure(root=True)
    assert figure is not None
    return float(pixels) * INCH / figure.dpi
