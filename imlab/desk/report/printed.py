"""What the output of a cell says in words: tables with the unit of each column beside its numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser
from typing import Any

FIGURE = re.compile(r"<(?:title|desc)>(.*?)</(?:title|desc)>", re.DOTALL)


def told(output: Mapping[str, Any]) -> str:
    """Its text, the words of its figures, and the cells of its tables."""
    data = output.get("data") or {"text/plain": output.get("text", "")}
    return "\n".join(_words(kind, "".join(text)) for kind, text in data.items() if isinstance(text, str | list))


def _words(kind: str, text: str) -> str:
    if kind == "image/svg+xml":
        return unescape("\n".join(FIGURE.findall(text)))
    if kind == "text/html":
        page = _Page()
        page.feed(text)
        return "\n".join(page.said)
    return text


class _Page(HTMLParser):
    """Text as it stands; a number in a table, with the unit of its heading, as in ``note (s)`` or ``delay, ms``."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._units: list[str] = []
        self._column = 0
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._units = []
        if tag == "tr":
            self._column = 0
        if tag in ("td", "th"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside, self._column = "", self._column + 1

    def handle_data(self, data: str) -> None:
        if self._inside == "th":
            heading = re.search(r"\(([^()]+)\)$|, ([^ ]+)(?: .*)?$|^([^ ]+/s)$", data.strip())
            self._units.append(next((unit for unit in heading.groups() if unit), "") if heading else "")
        self.said.append(data)
        if self._inside == "td" and self._column < len(self._units) and re.fullmatch(r"[-+]?[\d.,]+", data.strip()):
            self.said[-1] = f"{data.strip()} {self._units[self._column]}"
