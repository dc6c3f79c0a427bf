"""The line to the server: dialled, greeted, kept alive, and dialled again with jittered patience.

States and what moves them:

| state   | it means                  | leaves on                                             |
|---------|---------------------------|-------------------------------------------------------|
| idle    | nothing asked yet, or over| start -> dialing                                      |
| dialing | a Dial is out             | opened -> greeting; closed -> waiting                 |
| greeting| Hello is out              | Welcome -> ready; closed, timeout -> waiting; refused |
| ready   | both may speak            | closed, silence -> waiting                            |
| waiting | until the next try        | wake -> dialing                                       |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from imlab.client.backoff import Backoff
from imlab.client.events import Connected, Lost, Rejected
from imlab.wire.effects import Close, Deliver, Dial, Effect, Send
from imlab.wire.messages import Hello, Message, Ping, Welcome

SERVER = "server"  # the one peer a client has


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds a client waits: for Welcome, and in heartbeats of silence before it believes the server dead."""

    greeting: float = 10.0
    silence: float = 2.0


class Line:
    """The connection as a state machine; it speaks through ``emit``."""

    def __init__(
        self, hello: Hello, emit: Callable[[Effect], None], random: Random, backoff: Backoff, patience: Patience
    ) -> None:
        self._hello, self._emit, self._random = hello, emit, random
        self._backoff, self._patience = backoff, patience
        self.state = "idle"
        self._attempt = 0
        self._due: float | None = None
        self._spoke = self._heard = 0.0
        self._heartbeat = 30.0

    @property
    def ready(self) -> bool:
        """May messages be sent?"""
        return self.state == "ready"

    def start(self) -> None:
        """Dial for the first time."""
        if self.state == "idle":
            self._dial()

    def stop(self, why: str) -> None:
        """Hang up and stay away."""
        if self.state in ("greeting", "ready", "dialing"):
            self._emit(Close(SERVER, why))
        self.state, self._due = "idle", None

    def say(self, message: Message, now: float) -> None:
        """Send one message."""
        self._spoke = now
        self._emit(Send(SERVER, message))

    def opened(self, now: float) -> None:
        """The connection stands: say who we are."""
        if self.state != "dialing":
            return
        self.state, self._heard, self._due = "greeting", now, now + self._patience.greeting
        self.say(self._hello, now)

    def hear(self, now: float) -> None:
        """Anything from the server proves that it lives."""
        self._heard = now

    def welcome(self, message: Welcome, now: float) -> None:
        """The server will have us."""
        self.state, self._attempt = "ready", 0
        self._heartbeat = max(0.001, message.heartbeat_ms / 1000)
        self._plan()
        self._emit(Deliver(Connected(message.name)))

    def refused(self, fault: str, why: str, now: float) -> None:
        """The session was refused: our own fault is final, the server's may pass."""
        if fault == "server":
            self.drop(why, now)
            return
        self.stop(why)
        self._emit(Deliver(Rejected(why)))

    def drop(self, why: str, now: float) -> None:
        """Give up a connection that is no good, and try again later."""
        self._emit(Close(SERVER, why))
        self.closed(why, now)

    def closed(self, why: str, now: float) -> None:
        """The connection is gone: wait, longer each time, then dial again."""
        if self.state in ("idle", "waiting"):
            return
        wait = self._backoff(self._attempt, self._random)
        self._attempt += 1
        self.state, self._due = "waiting", now + wait
        self._emit(Deliver(Lost(why, wait)))

    def wake_at(self) -> float | None:
        """No later than something is due, seconds on the driver's clock.

        A word on the line puts its heartbeat off, but it is not planned anew for each: waking too early costs less.
        """
        return self._due

    def wake(self, now: float) -> None:
        """Something may be due: a try, a heartbeat, a verdict."""
        if self._due is None or now < self._due:
            return
        if self.ready:
            self._keep_alive(now)
        elif self.state == "waiting":
            self._dial()
        elif self.state == "greeting":
            self.drop(f"no Welcome within {self._patience.greeting:g} s", now)

    def _keep_alive(self, now: float) -> None:
        if now >= self._dead_at():
            self.drop(f"the server was silent for {now - self._heard:.0f} s", now)
            return
        if now >= self._spoke + self._heartbeat:
            self.say(Ping(), now)
        self._plan()

    def _plan(self) -> None:
        self._due = min(self._spoke + self._heartbeat, self._dead_at())

    def _dead_at(self) -> float:
        return self._heard + self._patience.silence * self._heartbeat

    def _dial(self) -> None:
        self.state, self._due = "dialing", None
        self._emit(Dial(SERVER))
