"""Debian's package of a service, installed by root without a question."""

from __future__ import annotations

import os
import shutil
import sys

from imlab.desk.environment import errand
from imlab.errors import DoorError
from imlab.stack.services.contract import Service
from imlab.stack.services.starting import installs

QUIET = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # in run level 1 no package starts its own server


def install(service: Service) -> None:
    """Its server is there afterwards; DoorError with the line to run where we may not, or it failed."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise DoorError(f"no {service.name} here: {installs(service)}")
    print(f"installing {service.package}", file=sys.stderr)
    _apt("update", "-q")
    _apt("install", "-q", "-y", "--no-install-recommends", service.package)


def _apt(*words: str) -> None:
    try:
        errand.run(("apt-get", *words), {**os.environ, **QUIET})
    except errand.Failed as error:
        last = " / ".join(line.strip() for line in error.text.splitlines() if line.strip())[-300:]
        raise DoorError(f"apt-get {words[0]} failed: {last}") from error
