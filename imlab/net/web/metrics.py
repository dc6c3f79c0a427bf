"""Counters as text, in the format that Prometheus scrapes, and again."""

from __future__ import annotations

from collections.abc import Mapping

from imlab.errors import DoorError

Counters = Mapping[str, tuple[str, str, float]]  # name -> (gauge or counter, what it counts, its value)


def prometheus(counters: Counters) -> str:
    """The text."""
    return "".join(
        f"# HELP {name} {what}\n# TYPE {name} {kind}\n{name} {value}\n"
        for name, (kind, what, value) in counters.items()
    )


def read_counters(text: str) -> Mapping[str, float]:
    """Name -> value; DoorError: this is no such text. Only what is told without labels, as ours is."""
    try:
        lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}
    except ValueError as error:
        raise DoorError(f"not Prometheus' format: {text[:80]!r}") from error
