"""Pages that open offline: a template and one style sheet, written into the page itself."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from pygments.formatters import HtmlFormatter

from imlab.desk.report.words import digits, heading

PAPER = Path(__file__).parent / "paper"


def fill(template: str, **what: Any) -> str:
    """The page that a template makes of this."""
    return _environment().get_template(template).render(style=_style(), **what)


def image(svg: str, alt: str) -> Markup:
    """A figure as part of its page, with its words for those who do not see it; wider than a phone, it scrolls."""
    data = base64.b64encode(svg.encode()).decode()
    return Markup('<div class="wide"><img src="data:image/svg+xml;base64,{}" alt="{}"></div>').format(data, alt)


def table(frame: pd.DataFrame) -> Markup:
    """A table that scrolls where the page is narrow; numbers stand at the right, with units in the heading."""
    told = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()
    head = Markup("").join(_cell("th", heading(str(name)), told[name]) for name in told)
    rows = Markup("").join(
        Markup("<tr>{}</tr>\n").format(Markup("").join(_cell("td", _text(row[name]), told[name]) for name in told))
        for row in told.to_dict("records")
    )
    return Markup('<div class="wide"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>').format(
        head, rows
    )


def _cell(tag: str, text: str, column: Any) -> Markup:
    number = ' class="number"' if pd.api.types.is_numeric_dtype(column) else ""
    return Markup(f"<{tag}{number}>{escape(text)}</{tag}>")


def _text(value: object) -> str:
    """A value in a table; what is missing is a dash."""
    if isinstance(value, float):
        return "–" if value != value else digits(value)
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(PAPER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _style() -> Markup:
    """Our own sheet, and the colours of code by day and by night."""
    day, night = (HtmlFormatter(style=name).get_style_defs(".highlight") for name in ("friendly", "github-dark"))
    code = f"{day}\n@media (prefers-color-scheme: dark) {{\n{night}\n}}\n@media print {{\n{day}\n}}"
    return Markup((PAPER / "style.css").read_text() + code)
