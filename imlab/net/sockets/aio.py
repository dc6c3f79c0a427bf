"""A core on asyncio: told what happened and when, its outbox carried out, woken when it asked to be.

Everything a driver hears goes through ``tell``: one place that reads the clock, and one where a bug becomes loud.
A bug is any exception that a core or its driver lets out; it breaks the driver (``broken``), because asyncio would
only log it and go on with half a state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Protocol

from imlab.wire.effects import Effect


class Core(Protocol):
    """What client and server cores have in common."""

    def outbox(self) -> list[Effect]:
        """What is to be done, taken once."""
        ...

    def wake_at(self) -> float | None:
        """When to wake it, seconds of ``monotonic``."""
        ...

    def wake(self, now: float) -> None:
        """It is time."""
        ...


class Runner:
    """Turns one core; ``do`` carries out one effect. Lives in the running loop, from construction on."""

    def __init__(self, core: Core, do: Callable[[Effect], None]) -> None:
        self._core, self._do = core, do
        self._loop = asyncio.get_running_loop()
        self.broken: asyncio.Future[None] = self._loop.create_future()
        self._settling = False
        self._alarm: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._tasks: set[asyncio.Task[None]] = set()  # asyncio itself keeps only weak references

    def tell(self, verb: Callable[..., None], *facts: object) -> None:
        """``verb(*facts, now)`` and all that follows from it."""
        if self.broken.done():
            return
        try:
            self.ask(verb, *facts)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a bug and must not stay here
            self.breaks(error)

    def ask(self, verb: Callable[..., None], *facts: object) -> None:
        """The same for the application, which hears of its own mistakes."""
        verb(*facts, monotonic())
        if not self._settling:  # else this comes from inside an effect, and whoever carries that out goes on
            self._settle()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose failure is the driver's."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def breaks(self, error: BaseException) -> None:
        """Something happened that must not: whoever waits for ``broken`` gets it."""
        if not self.broken.done():
            self.broken.set_exception(error)

    async def close(self) -> None:
        """No more wake-ups; wait for what was spawned."""
        if self._alarm:
            self._alarm.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _settle(self) -> None:
        self._settling = True
        try:
            while effects := self._core.outbox():
                for effect in effects:
                    self._do(effect)
        finally:
            self._settling = False
        self._plan()

    def _plan(self) -> None:
        """One alarm, moved only when the core wants it earlier; one that comes too early plans again."""
        due = self._core.wake_at()
        if due is None or (self._alarm and self._due <= due):
            return
        if self._alarm:
            self._alarm.cancel()
        self._due = due
        self._alarm = self._loop.call_later(due - monotonic(), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        due = self._core.wake_at()
        if due is not None and due <= monotonic():
            self.tell(self._core.wake)
        else:
            self._plan()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.breaks(error)
