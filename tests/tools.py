"""The programs of others that a test needs: absent, it is skipped with the line that installs it; in CI it fails."""

from __future__ import annotations

import os

import pytest

from imlab.codec.amr_wb import AmrWb
from imlab.codec.contract import Codec
from imlab.desk.environment.programs import find_program
from imlab.errors import DoorError


def need(*names: str) -> None:
    """Go on only where each program, or a rival that does the same, is on PATH."""
    for name in names:
        program = find_program(name)
        if program.path() is None:
            lacking(name, program.install)


def need_codec(codec: Codec) -> None:
    """Go on only where its library is here. AMR-WB's encoder is in no wheel, so that a bare machine may miss it."""
    try:
        codec.encoder()
    except DoorError as error:
        if isinstance(codec, AmrWb):
            pytest.skip(str(error))
        lacking(repr(codec), str(error))


def lacking(what: str, line: str) -> None:
    """Skip, naming what is missing and the line that installs it; in CI nothing may be missing."""
    message = f"needs {what}: {line}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
