"""A server in a process of its own, from a plan; it ends with whoever started it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from imlab.net.web.downloads.hot import Warmth
from imlab.server.examination import Limits
from imlab.server.terms import Terms
from imlab.server.upload_terms import UploadTerms
from imlab.stack.plan import ServerPlan
from imlab.stack.running import Running


class RunningServer(Running):
    """A server that accepts connections. As a context it is stopped at the end."""

    def __init__(self, plan: ServerPlan) -> None:
        super().__init__("the server", ["imlab", "serve", *_arguments(plan)])
        self.ws, self.media = str(self.ready["ws"]), str(self.ready["media"])


def start(plan: ServerPlan) -> RunningServer:
    """A fresh process; it accepts connections when this returns."""
    return RunningServer(plan)


def _arguments(plan: ServerPlan) -> Iterator[str]:
    yield from ("--json", "--while-stdin", "--host", plan.host, "--loop", plan.loop)
    yield from ("--ws", str(plan.ws_port), "--http", str(plan.http_port))
    yield from ("--data", str(plan.data)) if plan.data else ("--memory",)
    yield from ("--examine", plan.examine, "--bodies", plan.bodies)
    for name, value, usual in (
        ("--terms", plan.terms, Terms()),
        ("--uploads", plan.uploads, UploadTerms()),
        ("--limits", plan.limits, Limits()),
        ("--warmth", plan.warmth, Warmth()),
    ):
        if value != usual:
            yield from (name, json.dumps(asdict(value)))
    if plan.second_cache:
        yield from ("--cache", plan.second_cache)
    if plan.marks:
        yield from ("--marks", str(plan.marks))
    for name in plan.names:
        yield from ("--name", name)
    if plan.tls:
        yield from ("--tls", *map(str, plan.tls))
