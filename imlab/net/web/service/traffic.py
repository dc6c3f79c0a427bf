"""What a server saw of its clients, counted alike by both.

A request has *come* when its server knows of it (waitress: all of it is read; uvicorn: its headers are) and *begun*
when a handler runs for it; between the two it waited for a thread, or for its turn of the event loop. How long its
bytes lay in the kernel before the server read them neither server can tell. Bytes are those of bodies.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from time import perf_counter

WHAT = {  # name -> (kind, what it counts), for /metrics
    "connections_total": ("counter", "Connections accepted."),
    "requests_total": ("counter", "Requests that a handler was begun for."),
    "in_bytes_total": ("counter", "Bytes of their bodies."),
    "out_bytes_total": ("counter", "Bytes of the bodies of their answers."),
    "under_way": ("gauge", "Requests that have come and are not answered, this one among them."),
    "under_way_most": ("gauge", "The most of them at once."),
    "at_work_most": ("gauge", "The most requests at once whose handlers had begun."),
    "waited_seconds_total": ("counter", "Time from where requests had come until their handlers began."),
    "waited_seconds_most": ("gauge", "The longest of these times."),
}


class Traffic:
    """Counters that any thread may raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections = self._requests = self._in = self._out = 0
        self._under_way = self._under_way_most = self._at_work = self._at_work_most = 0
        self._waited = self._waited_most = 0.0

    def connected(self) -> None:
        """A connection was accepted."""
        with self._lock:
            self._connections += 1

    def came(self) -> float:
        """A request has come; the moment, for ``began``."""
        with self._lock:
            self._under_way += 1
            self._under_way_most = max(self._under_way_most, self._under_way)
        return perf_counter()

    def began(self, came: float) -> None:
        """Its handler runs."""
        waited = perf_counter() - came
        with self._lock:
            self._requests += 1
            self._at_work += 1
            self._at_work_most = max(self._at_work_most, self._at_work)
            self._waited += waited
            self._waited_most = max(self._waited_most, waited)

    def moved(self, into: int, out: int) -> None:
        """Bytes of one request and its answer."""
        with self._lock:
            self._in += into
            self._out += out

    def ended(self) -> None:
        """The answer is in the server's hands, or nobody wants it any more."""
        with self._lock:
            self._under_way -= 1
            self._at_work -= 1

    def told(self) -> Mapping[str, float]:
        """All of WHAT, at one moment."""
        with self._lock:
            return {
                "connections_total": self._connections,
                "requests_total": self._requests,
                "in_bytes_total": self._in,
                "out_bytes_total": self._out,
                "under_way": self._under_way,
                "under_way_most": self._under_way_most,
                "at_work_most": self._at_work_most,
                "waited_seconds_total": self._waited,
                "waited_seconds_most": self._waited_most,
            }
