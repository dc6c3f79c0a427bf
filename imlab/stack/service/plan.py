"""The service's process as a value: which architecture, in front of what, begun with which notes in its caches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from imlab.errors import UsageError
from imlab.stack.presets import OLD, Architecture
from imlab.stack.service.backends import Backends
from imlab.stack.service.told import heard, told


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """port: 0 is a free one. warm: a file that warmth.py wrote, or none. slowed: seconds by stage (see delays.py)."""

    architecture: Architecture
    backends: Backends
    host: str = "127.0.0.1"
    port: int = 0
    warm: Path | None = None
    slowed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ready:
    """A service that accepts connections: its address, and its process."""

    service: str
    pid: int


def plan_told(plan: ServicePlan) -> str:
    """As JSON."""
    return json.dumps(
        {
            "architecture": told(plan.architecture),
            "backends": asdict(plan.backends),
            "host": plan.host,
            "port": plan.port,
            "warm": str(plan.warm) if plan.warm else None,
            "slowed": dict(plan.slowed),
        }
    )


def plan_heard(text: str) -> ServicePlan:
    """The plan again."""
    try:
        said = json.loads(text)
        return ServicePlan(
            heard(said.pop("architecture"), OLD),
            Backends(**said.pop("backends")),
            warm=Path(warm) if (warm := said.pop("warm")) else None,
            **said,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"not a plan of the service: {text[:200]} ({error})") from error
