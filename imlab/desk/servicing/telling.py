"""What is said of services: a line for each, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from imlab.stack.services.contract import Service
from imlab.stack.services.standing import Status
from imlab.stack.services.table import SERVICES, service_called


def chosen(names: Sequence[str]) -> list[Service]:
    """Those named, or all of them."""
    return [service_called(name) for name in names or SERVICES]


def show(found: Sequence[Status], as_json: bool) -> None:
    """On standard output."""
    if as_json:
        print(json.dumps([_told(each) for each in found], indent=1))
        return
    for each in found:
        print("  ".join(part for part in (f"{each.name:<9}{each.state:<7}", each.endpoint.shown, each.detail) if part))


def _told(found: Status) -> dict[str, str | int]:
    return {
        "name": found.name,
        "state": found.state,
        "url": found.endpoint.url,
        "unix": found.endpoint.unix,
        "pid": found.pid,
        "detail": found.detail,
        "log": found.log,
    }
