"""The service in this process: a plan in, its architecture stood up, served until it is told to stop.

python -m imlab.stack.service.serving PLAN
takes a plan as plan.py tells it, prints {"service": "http://HOST:PORT", "pid": N}, serves until stdin closes
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import aclosing, closing, suppress
from dataclasses import asdict
from functools import partial

import uvloop

from imlab.net.sockets.listening import listen
from imlab.net.web.metrics import prometheus
from imlab.net.web.service.asgi import AsgiServer
from imlab.net.web.service.traffic import Traffic
from imlab.net.web.service.wsgi import WsgiServer
from imlab.server.service.handlers import Service, keep
from imlab.server.service.lines import Lines
from imlab.server.service.surface import Answer, Asked, Framed, Surface
from imlab.stack.presets import Threads
from imlab.stack.service.awaited import AwaitedDoors, run_awaited
from imlab.stack.service.blocking import BlockingDoors, run_blocking
from imlab.stack.service.counters import counters
from imlab.stack.service.delays import ACCEPT, FRAME, Delays
from imlab.stack.service.plan import Ready, ServicePlan, plan_heard
from imlab.stack.service.slowed import SlowedAwaitedDoors, SlowedDoors, SlowedFraming
from imlab.stack.service.warmth import read_warmth
from imlab.store.redis_blocking import BlockingRedis

Told = Callable[[Ready], None]


class Standing:
    """What both drivers share: the service, warm; the table of its HTTP; what is counted."""

    def __init__(self, plan: ServicePlan, delays: Delays, doors: Callable[[], Mapping[str, int]]) -> None:
        self.traffic, self.keeping = Traffic(), plan.architecture.lines.most > 0
        self._service, self._delays, self._doors = Service(plan.architecture.caching), delays, doors
        _warm(self._service, plan)
        framed: Framed = plan.architecture.framing
        self.surface = Surface(
            self._service, SlowedFraming(framed, delays) if FRAME in delays else framed, self._metrics
        )

    def _metrics(self) -> str:
        return prometheus(counters(self._service.counts, self.traffic, self._doors(), self._delays))


def serve(plan: ServicePlan, ready: Told) -> None:
    """Until SIGTERM or Ctrl-C."""
    with listen(plan.host, plan.port) as listening:
        if isinstance(plan.architecture.serving, Threads):
            _serve_in_threads(plan, plan.architecture.serving.workers, listening, ready)
        else:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve_on_loop(plan, listening, ready))


def _serve_in_threads(plan: ServicePlan, workers: int, listening: socket.socket, ready: Told) -> None:
    lines, delays = plan.architecture.lines, Delays(plan.slowed)
    opened = SlowedDoors(plan.backends, lines, delays) if plan.slowed else BlockingDoors(plan.backends, lines)
    with closing(opened) as doors:
        standing = Standing(plan, delays, doors.counts)

        def answering(asked: Asked) -> Answer:
            return run_blocking(standing.surface.answer(asked), doors)

        first = partial(delays.wait, ACCEPT) if ACCEPT in delays else None
        server = WsgiServer(answering, standing.traffic, workers, standing.keeping, first)
        signal.signal(signal.SIGTERM, _leave)
        ready(_here(listening))
        with suppress(SystemExit, KeyboardInterrupt):
            server.run(listening)


async def _serve_on_loop(plan: ServicePlan, listening: socket.socket, ready: Told) -> None:
    lines, delays = plan.architecture.lines, Delays(plan.slowed)
    opened = SlowedAwaitedDoors(plan.backends, lines, delays) if plan.slowed else AwaitedDoors(plan.backends, lines)
    async with aclosing(opened) as doors:
        standing = Standing(plan, delays, doors.counts)

        async def answering(asked: Asked) -> Answer:
            return await run_awaited(standing.surface.answer(asked), doors)

        first = partial(delays.awaited, ACCEPT) if ACCEPT in delays else None
        server = AsgiServer(answering, standing.traffic, standing.keeping, first)
        stop = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, stop.set)
        ready(_here(listening))
        await server.run(listening, stop.wait())


def _warm(service: Service, plan: ServicePlan) -> None:
    """Both levels hold what the plan's file says, without a delay."""
    if plan.warm is None:
        return
    warmth = read_warmth(plan.warm)
    if plan.architecture.caching.second:
        with closing(BlockingRedis(plan.backends.cache, Lines())) as second:
            second.fill((wanted.key, wanted.value) for wanted in map(keep, warmth.recordings(warmth.second)))
    for recording in warmth.recordings(warmth.memory):
        service.warm(recording)


def _here(listening: socket.socket) -> Ready:
    host, port = listening.getsockname()[:2]
    return Ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", os.getpid())


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


def end_with_stdin() -> None:
    """From now on: when stdin closes, whoever started us is gone, or wants us gone."""

    def wait() -> None:
        while os.read(0, 65_536):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _tell(ready: Ready) -> None:
    sys.stdout.write(json.dumps(asdict(ready)) + "\n")
    sys.stdout.flush()


def main() -> None:
    """See the top."""
    plan = plan_heard(sys.argv[1])

    def ready(here: Ready) -> None:
        end_with_stdin()
        _tell(here)

    serve(plan, ready)


if __name__ == "__main__":
    main()
