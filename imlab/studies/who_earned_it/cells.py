"""The four changes, as factors: the old level first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imlab.stack.presets import NEW, OLD, Architecture

OPEN, CLOSED = "open", "closed"
RATE = 320.0  # requests a second that every mixture is offered: some 60 % of what the old side carries
USERS, PAUSE_S = 182, 0.170  # of the closed loop: those that fit the published table (lab/claims/auditor.py)
CHANGES: Mapping[str, tuple[Any, ...]] = {
    "asynchrony": (OLD.serving, NEW.serving),
    "cache": (OLD.caching, NEW.caching),
    "reuse": (OLD.lines, NEW.lines),
    "framing": (OLD.framing, NEW.framing),
}


def architecture(settings: Mapping[str, Any]) -> Architecture:
    """The mixture of a cell."""
    return Architecture(settings["asynchrony"], settings["cache"], settings["reuse"], settings["framing"])
