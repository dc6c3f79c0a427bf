"""The service in a process of its own, from a plan; it ends with whoever started it."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from imlab.errors import DoorError
from imlab.net.web.metrics import read_counters
from imlab.stack.running import Running
from imlab.stack.service.plan import ServicePlan, plan_told


class RunningService(Running):
    """A service that accepts connections. As a context it is stopped at the end."""

    def __init__(self, plan: ServicePlan) -> None:
        super().__init__("the service", ["imlab.stack.service.serving", plan_told(plan)])
        self.address = str(self.ready["service"])

    def counters(self) -> Mapping[str, float]:
        """All that it counts, by name."""
        where = urlsplit(self.address)
        asking = HTTPConnection(str(where.hostname), where.port, timeout=10)
        try:
            asking.request("GET", "/metrics")
            answer = asking.getresponse()
            said = answer.read().decode()
        except (OSError, HTTPException) as error:
            raise DoorError(f"the service at {self.address} does not tell its counters: {error}") from error
        finally:
            asking.close()
        if answer.status != 200:
            raise DoorError(f"the service at {self.address} does not tell its counters: {answer.status} {said:.200}")
        return read_counters(said)


def start(plan: ServicePlan) -> RunningService:
    """A fresh process; it accepts connections when this returns."""
    return RunningService(plan)
