"""Spans of time: what is told can be read back, and what cannot be read is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.desk.measuring.budget import seconds, told
from imlab.errors import UsageError

SPANS = {"90s": 90, "10m": 600, "1h": 3600, "1h30m": 5400, "1h30m05s": 5405, "0s": 0, "1.5h": 5400, " 2 M ": 120}


@pytest.mark.parametrize(("text", "meant"), SPANS.items())
def test_a_span_is_hours_minutes_and_seconds(text: str, meant: float) -> None:
    assert seconds(text) == meant


@given(st.integers(0, 10**6))
def test_what_is_told_can_be_read_back(span: int) -> None:
    assert seconds(told(span)) == span


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "5m1h", "-5m", "10m10", "m", "1e3s", "١m"])
def test_what_is_no_span_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="90s, 10m or 1h30m"):
        seconds(text)
