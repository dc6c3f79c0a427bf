"""Numbers and names as people read them."""

from __future__ import annotations

UNITS = {  # what a column's name ends with -> what stands above it
    "kbit_s": "kbit/s",
    "mb_s": "MB/s",
    "per_s": "per s",
    "ns": "ns",
    "us": "µs",
    "ms": "ms",
    "s": "s",
    "bytes": "bytes",
    "kb": "kB",
    "mb": "MB",
    "hz": "Hz",
    "percent": "%",
}


def count(number: int, noun: str) -> str:
    """``1 block``, ``1,200 blocks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def digits(value: float) -> str:
    """Four digits, and no power of ten where a number can be read without."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def heading(column: str) -> str:
    """``send_to_ack_s`` -> ``send to ack (s)``; a name that is no column name stays as it is."""
    for ending, unit in UNITS.items():
        if column.endswith(f"_{ending}"):
            return f"{column.removesuffix(f'_{ending}').replace('_', ' ')} ({unit})"
    return column.replace("_", " ")
