"""Numbers that describe a network stay within what can be; who breaks that is told which, and what may be."""

from __future__ import annotations

from dataclasses import fields
from math import inf
from typing import Any

from imlab.errors import UsageError


def within(what: str, value: float, low: float = 0.0, high: float = inf) -> None:
    """Refuse a value outside low to high; NaN is outside of everything."""
    if not low <= value <= high:
        raise UsageError(f"{what} is {value!r}: it must be {low:g} to {high:g}")


def positive(what: str, value: float) -> None:
    """Refuse what is not above zero."""
    if not value > 0:
        raise UsageError(f"{what} is {value!r}: it must be above 0")


def label(value: Any) -> str:
    """A dataclass by what differs from its defaults: short enough for a results table, and still its constructor."""
    told = [
        f"{field.name}={mine!r}" for field in fields(value) if (mine := getattr(value, field.name)) != field.default
    ]
    return f"{type(value).__name__}({', '.join(told)})"
