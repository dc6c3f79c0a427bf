"""Numbers in the prose of a notebook are bound: a measurement that no cell printed does not stand between the cells.

What counts as a measurement is a number with a unit (``5 ms``, ``16 to 160 kbit/s``, ``two seconds``, ``45 %``,
``3x``). It may stand in prose when it is bound: printed by a cell of this notebook, or written before the data, as a
setting in the plan of a study that the notebook opens, or in that study's question or expectation. A value is the same
in every unit: ``0.02 s`` is bound by ``20 ms``, and is not by ``19.8 ms``; who rounds lets a cell print the rounded.

Not looked at: code, in spans or fenced; the addresses of links; numbers without a unit, such as years and sections.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imlab.desk.measuring.study import meant
from imlab.desk.report.printed import told
from imlab.lab.plan.design import Experiment
from imlab.lab.plan.factorial import label

SIZES: dict[str, tuple[float, str]] = {  # unit -> how much of which
    "ns": (1e-9, "s"), "us": (1e-6, "s"), "µs": (1e-6, "s"), "ms": (1e-3, "s"), "s": (1.0, "s"), "h": (3600.0, "s"),
    "milliseconds": (1e-3, "s"), "millisecond": (1e-3, "s"), "seconds": (1.0, "s"), "second": (1.0, "s"),
    "sec": (1.0, "s"), "min": (60.0, "s"), "minutes": (60.0, "s"), "minute": (60.0, "s"), "hours": (3600.0, "s"),
    "bit/s": (1.0, "bit/s"), "kbit/s": (1e3, "bit/s"), "Mbit/s": (1e6, "bit/s"), "kbps": (1e3, "bit/s"),
    "B/s": (1.0, "B/s"), "kB/s": (1e3, "B/s"), "MB/s": (1e6, "B/s"),
    "B": (1.0, "B"), "bytes": (1.0, "B"), "byte": (1.0, "B"), "kB": (1e3, "B"), "KB": (1e3, "B"), "MB": (1e6, "B"),
    "GB": (1e9, "B"), "KiB": (1024.0, "B"), "MiB": (1024.0**2, "B"), "GiB": (1024.0**3, "B"),
    "Hz": (1.0, "Hz"), "kHz": (1e3, "Hz"), "MHz": (1e6, "Hz"), "dB": (1.0, "dB"),
    "%": (0.01, ""), "percent": (0.01, ""), "per cent": (0.01, ""),
    "x": (1.0, "x"), "×": (1.0, "x"), "times": (1.0, "x"), "-fold": (1.0, "x"), "fold": (1.0, "x"),
    "requests/s": (1.0, "/s"), "notes/s": (1.0, "/s"), "messages/s": (1.0, "/s"), "/s": (1.0, "/s"),
    "per second": (1.0, "/s"),
    "requests per second": (1.0, "/s"), "notes per second": (1.0, "/s"), "messages per second": (1.0, "/s"),
}  # fmt: skip
WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100,
}  # fmt: skip

_NUMBER = rf"(?:[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?|\b(?:{'|'.join(WORDS)})\b)"
_UNIT = "|".join(re.escape(unit) for unit in sorted(SIZES, key=len, reverse=True))
_JOIN = r"(?:\s*(?:,|to|and|or|–|-|\[|\]|/)\s*(?:and\s+|or\s+)?)"
_LIST = rf"{_NUMBER}(?:{_JOIN}{_NUMBER}){{0,8}}\]?"  # no longer, or a page of numbers takes minutes
_END = r"(?![\w/])(?:(?<![x×])|(?!\s*\d))"  # 2 x 2 is no speed
MEASURED = re.compile(rf"(?<![\w.#])({_LIST})(?:\s|&nbsp;|-)?({_UNIT}){_END}", re.IGNORECASE)
YEARS = re.compile(r"\b(?:1[89]|20)\d\ds\b")  # the 1990s are no seconds
CODE = re.compile(r"```.*?```|~~~.*?~~~|``.*?``|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)|https?://\S+", re.DOTALL)
SETTINGS = {"bitrate": "bit/s", "rate": "Hz", "margin": "x"}  # names that do not end with their unit
ENDINGS = {"ms": "ms", "us": "us", "s": "s", "bytes": "B", "kb": "kB", "mb": "MB", "hz": "Hz", "kbit_s": "kbit/s"}


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with its unit, in the text's own words, and what it is in the unit's first power."""

    words: str
    value: float
    kind: str

    def same(self, other: Measurement) -> bool:
        """Whether both say one thing."""
        return self.kind == other.kind and math.isclose(self.value, other.value, rel_tol=1e-9, abs_tol=1e-15)


def measurements(text: str) -> Iterator[Measurement]:
    """Each in order; of ``16 to 160 kbit/s``, two."""
    for found in MEASURED.finditer(YEARS.sub(" ", text)):
        size, kind = _size(found.group(2))
        for number in re.findall(_NUMBER, found.group(1), re.IGNORECASE):
            yield Measurement(" ".join(found.group().split()), _value(number) * size, kind)


def unbound(notebook: Mapping[str, Any], studies: Mapping[str, Experiment]) -> Iterator[str]:
    """Each measurement in prose that nothing binds, with its cell; ``studies`` are all, by name."""
    bound = list(_bound(notebook, studies))
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        said = measurements(CODE.sub(" ", "".join(cell["source"])))
        loose = dict.fromkeys(one.words for one in said if not any(one.same(other) for other in bound))
        yield from (
            f'cell {cell["id"]} says "{words}", which no cell prints and no plan, question or expectation holds'
            for words in loose
        )


def opened(notebook: Mapping[str, Any]) -> list[str]:
    """The words by which its cells open studies: ``study("q01_stop_to_play")``."""
    calls = [
        node
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for node in ast.walk(_tree("".join(cell["source"])))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "study"
    ]
    return [str(call.args[0].value) for call in calls if call.args and isinstance(call.args[0], ast.Constant)]


def settings(experiment: Experiment) -> Iterator[Measurement]:
    """What was decided before the data: its words, its levels, and the settings named within them."""
    yield from measurements(f"{experiment.question}\n{experiment.expectation}")
    named = {"margin": str(experiment.margin), "warm_up_s": str(experiment.warm_up_s)}
    pairs = [*named.items(), *((name, label(level)) for name, levels in experiment.factors.items() for level in levels)]
    for name, level in pairs:
        yield from measurements(level)
        for inner, number in [(name, level), *re.findall(r"(\w+)=(-?[\d.]+)", level)]:
            if (unit := _unit(inner)) and re.fullmatch(r"-?\d+(?:\.\d+)?", number):
                size, kind = SIZES[unit]
                yield Measurement(f"{inner}={number}", float(number) * size, "" if inner == "margin" else kind)


def _bound(notebook: Mapping[str, Any], studies: Mapping[str, Experiment]) -> Iterator[Measurement]:
    """All that its prose may repeat."""
    for word in opened(notebook):
        yield from settings(studies[meant(word, list(studies))])
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            yield from measurements(told(output))


def _tree(source: str) -> ast.Module:
    """Of a cell; one that is no Python opens nothing, and is somebody else's fault."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _size(unit: str) -> tuple[float, str]:
    """As written, or else in small letters: ``KHZ`` is nobody's, ``Seconds`` begins a sentence."""
    exact = SIZES.get(unit) or SIZES.get(unit.lower())
    return exact or next(size for name, size in SIZES.items() if name.lower() == unit.lower())


def _unit(name: str) -> str:
    ending = next((ENDINGS[end] for end in ENDINGS if name == end or name.endswith(f"_{end}")), "")
    return SETTINGS.get(name, ending)


def _value(number: str) -> float:
    word = WORDS.get(number.lower())
    return float(word if word else number.replace(",", "").replace("−", "-"))
