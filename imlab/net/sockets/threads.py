"""A core in threads: told what happened and when, its outbox carried out, woken when it asked to be.

The core is turned under one lock, which nobody may hold while waiting for the network. As in aio.py, a bug is any
exception that a core or its driver lets out; it breaks the driver (``broken``).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread, current_thread
from time import monotonic

from imlab.net.sockets.aio import Core
from imlab.wire.effects import Effect


class Turns:
    """Turns one core; ``do`` carries out one effect, at once, in whichever thread brought it about."""

    def __init__(self, core: Core, do: Callable[[Effect], None]) -> None:
        self._core, self._do = core, do
        self.lock = Condition()  # a thread may take it again; notified when the core wants to be woken earlier
        self.broken: Future[None] = Future()  # holds the exception of a bug; wait for it
        self._settling = self._over = False
        self._planned: float | None = None
        self._threads: set[Thread] = set()
        self.spawn(self._keep_time)

    def tell(self, verb: Callable[..., None], *facts: object) -> None:
        """``verb(*facts, now)`` and all that follows from it."""
        if self.broken.done():
            return
        try:
            self.ask(verb, *facts)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a bug and must not stay here
            self._breaks(error)

    def ask(self, verb: Callable[..., None], *facts: object) -> None:
        """The same for the application, which hears of its own mistakes."""
        with self.lock:
            verb(*facts, monotonic())
            if not self._settling:  # else this comes from inside an effect, and whoever carries that out goes on
                self._settle()

    def spawn(self, work: Callable[..., None], *facts: object) -> None:
        """A thread whose failure is the driver's."""
        thread = Thread(target=self._run, args=(work, *facts), daemon=True)
        with self.lock:
            self._threads.add(thread)
        thread.start()

    def close(self, patience: float) -> None:
        """No more wake-ups; wait up to ``patience`` seconds for each thread that was spawned."""
        with self.lock:
            self._over, threads = True, self._threads - {current_thread()}
            self.lock.notify()
        for thread in threads:
            thread.join(patience)

    def _settle(self) -> None:
        self._settling = True
        try:
            while effects := self._core.outbox():
                for effect in effects:
                    self._do(effect)
        finally:
            self._settling = False
        due = self._core.wake_at()
        if due is not None and (self._planned is None or due < self._planned):
            self.lock.notify()

    def _keep_time(self) -> None:
        with self.lock:
            while not self._over and not self.broken.done():
                self._planned, now = self._core.wake_at(), monotonic()
                if self._planned is not None and self._planned <= now:
                    self.tell(self._core.wake)
                else:
                    self.lock.wait(None if self._planned is None else self._planned - now)

    def _run(self, work: Callable[..., None], *facts: object) -> None:
        try:
            work(*facts)
        except Exception as error:  # noqa: BLE001 - see tell
            self._breaks(error)
        finally:
            with self.lock:
                self._threads.discard(current_thread())

    def _breaks(self, error: Exception) -> None:
        with self.lock:
            if not self.broken.done():
                self.broken.set_exception(error)
            self.lock.notify()
