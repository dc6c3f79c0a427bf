"""The programs of others that a test needs: absent, it is skipped with the line that installs it; in CI it fails."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

from imlab.codec.amr_wb import AmrWb
from imlab.codec.contract import Codec
from imlab.desk.environment.programs import find_program
from imlab.errors import DoorError
from imlab.net.tun import Network, refusal
from imlab.stack.services.starting import installs, named
from imlab.stack.services.table import service_called


def need(*names: str) -> None:
    """Go on only where each program, or a rival that does the same, is on PATH."""
    for name in names:
        program = find_program(name)
        if program.path() is None:
            lacking(name, program.install)


def need_npm(*packages: str) -> dict[str, str]:
    """The environment in which node finds these packages, by NODE_PATH or among those installed for all."""
    need("node", "npm")
    places = [Path(place) for place in os.environ.get("NODE_PATH", "").split(os.pathsep) if place]
    if not all(any((place / name).is_dir() for place in places) for name in packages):
        asked = subprocess.run(["npm", "root", "--global"], capture_output=True, text=True, check=False)
        places.append(Path(asked.stdout.strip()))
    for name in packages:
        if not any((place / name).is_dir() for place in places):
            lacking(name, f"npm install --global {' '.join(packages)}")
    return os.environ | {"NODE_PATH": os.pathsep.join(map(str, places))}


def need_service(name: str, of_ours: bool = False) -> None:
    """Go on only where there is one; of_ours: one to be started, and not the environment's."""
    wanted = service_called(name)
    if (of_ours or not named(wanted)) and next(wanted.engines(), None) is None:
        lacking(name, installs(wanted))


def marked(codecs: Sequence[Any]) -> list[Any]:
    """Codecs, or their names, as parameters: AMR-WB's encoder is in no wheel, so it is asked with others' programs."""
    alien = [isinstance(codec, AmrWb) or codec == "amr-wb" for codec in codecs]
    return [pytest.param(c, marks=pytest.mark.outside) if a else c for c, a in zip(codecs, alien, strict=True)]


def need_codec(codec: Codec) -> None:
    """Go on only where its library is here."""
    try:
        codec.encoder()
    except DoorError as error:
        lacking(repr(codec), str(error))


def need_network() -> None:
    """Go on only where this kernel lets us make networks. That is granted, not installed: without it CI skips, too."""
    if why := _no_network():
        pytest.skip(f"needs networks of its own: {why}")


@lru_cache(maxsize=1)
def _no_network() -> str:
    """Why not, after one was tried; empty where it can be done."""
    if why := refusal():
        return why
    try:
        with Network({"near": None, "far": None}):
            return ""
    except DoorError as error:
        return f"{error}; in a container: docker run --privileged"


def lacking(what: str, line: str) -> NoReturn:
    """Skip, naming what is missing and the line that installs it; in CI nothing may be missing."""
    message = f"needs {what}: {line}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
