"""Who speaks: the speaker tables of published corpora, as a speaker's name -> F or M."""

from __future__ import annotations

from collections.abc import Callable

from imlab.errors import PeerError


def read_table(kind: str, data: bytes) -> dict[str, str]:
    """The sex of every speaker that a table names; PeerError when it names none."""
    text = data.decode("utf-8", "replace")
    told = dict(row for line in text.splitlines() if (row := READERS[kind](line)) and row[1] in ("F", "M"))
    if not told:
        raise PeerError(f"the speaker table tells the sex of nobody: {text[:60]!r}")
    return told


def _librispeech(line: str) -> tuple[str, str] | None:
    """``1272 | M | dev-clean        |  8.05 | John Rose``; comments begin with a semicolon."""
    cells = [cell.strip() for cell in line.split("|")]
    return (cells[0], cells[1]) if len(cells) >= 5 and not line.startswith(";") else None


def _vctk(line: str) -> tuple[str, str] | None:
    """``p225  23  F    English    Southern  England``; before version 0.92 without the p."""
    cells = line.split()
    return (cells[0] if cells[0][0] in "ps" else f"p{cells[0]}", cells[2]) if len(cells) >= 3 else None


def _aishell(line: str) -> tuple[str, str] | None:
    """``0002 F``: the folders have an S before the number."""
    cells = line.split()
    return (f"S{cells[0].removeprefix('S').zfill(4)}", cells[1].upper()) if len(cells) >= 2 else None


READERS: dict[str, Callable[[str], tuple[str, str] | None]] = {
    "librispeech": _librispeech,
    "vctk": _vctk,
    "aishell": _aishell,
}
