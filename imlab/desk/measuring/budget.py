"""Spans of time as people write them: 90s, 10m, 1h30m. What is told can be read back."""

from __future__ import annotations

import re

from imlab.errors import UsageError

UNITS = {"h": 3600, "m": 60, "s": 1}
SPAN = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?", re.ASCII)


def seconds(text: str) -> float:
    """Seconds in a span: hours, minutes and seconds in this order, each with its letter."""
    found = SPAN.fullmatch(text.strip().lower().replace(" ", ""))
    if not found or not any(found.groups()):
        raise UsageError(f"{text!r} is not a span of time: write 90s, 10m or 1h30m")
    return float(sum(float(found[unit] or 0) * length for unit, length in UNITS.items()))


def told(span: float) -> str:
    """A span for people, to the second: 42s, 3m05s, 1h30m."""
    whole = max(0, round(span))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h{minutes:02d}m" + (f"{rest:02d}s" if rest else "")
    if minutes:
        return f"{minutes}m" + (f"{rest:02d}s" if rest else "")
    return f"{rest}s"
