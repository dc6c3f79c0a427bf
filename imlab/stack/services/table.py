"""The services that there are. One more is one more line here, and the file that says how it is started and asked."""

from __future__ import annotations

from collections.abc import Mapping

from imlab.errors import UsageError
from imlab.stack.services.contract import Service
from imlab.stack.services.nginx import Nginx
from imlab.stack.services.postgres import Postgres
from imlab.stack.services.redis import Redis

_ALL: tuple[Service, ...] = (Redis(), Postgres(), Nginx())
SERVICES: Mapping[str, Service] = {each.name: each for each in _ALL}


def service_called(name: str) -> Service:
    """As it is usually set."""
    if name not in SERVICES:
        raise UsageError(f"no service {name}; there are {', '.join(SERVICES)}")
    return SERVICES[name]
