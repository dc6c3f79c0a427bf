"""What Locust measures, exactly: floats from the intended moment on, in histograms that are merged and never averaged.

Locust's own figures are whole milliseconds below 100 ms and two digits above, its clock starts when a request is sent,
and it ends with 0 when nothing was asked. ``keep(events)`` in a scenario adds to them, in one process or in many:

- per request, a histogram from the intended moment: for a user of a closed loop that is when it is ready, which is
  when it asks; for one with a pace (pace.py) its place on its own schedule, told in the request's context as ``lag_s``;
- every worker's counts, in the reports that Locust sends to its master anyway, added there;
- at the end hist.csv and records.json in the folder ``--records``, a table, and the reasons not to believe the run,
  which then ends with 1 (locust_verdict.py).

It knows Locust by what it is handed (events, environment, runner) and imports neither Locust nor gevent.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from imlab.lab.load.locust_verdict import LOG, Verdict, lines, write
from imlab.lab.load.pace import Pace, told
from imlab.lab.load.tally import Tally, read

KEY = "imlab"  # of our part of a worker's report


def keep(events: Any, start: str = "") -> Records:
    """Listen to Locust's events. start: the command that starts what is asked, told to whoever names no host."""
    records = Records(start)
    for event, listener in {
        "init_command_line_parser": records.options,
        "init": records.ready,
        "test_start": records.begin,
        "spawning_complete": records.spawned,
        "request": records.count,
        "test_stopping": records.end,
        "cpu_warning": records.warn,
        "report_to_master": records.report,
        "worker_report": records.hear,
        "quitting": records.quit,
    }.items():
        getattr(events, event).add_listener(listener)
    return records


class Records:
    """The counts of this process, and in a master those of all; its methods are listeners of Locust's events."""

    def __init__(self, start: str = "") -> None:
        self._start = start
        self._environment: Any = None
        self._paces: list[Pace] = []
        self._tally = Tally()
        self._workers: set[str] = set()  # that asked something
        self._done: set[str] = set()  # whose last report has come
        self._over = False
        self._since, self._cpu = time.perf_counter(), time.process_time()

    def pace(self, rate: float, first: float) -> Pace:
        """A schedule for one user: ``rate`` moments per second, ``first`` seconds from now on; watched to the end."""
        pace = Pace(rate, first, time.perf_counter)
        self._paces.append(pace)
        return pace

    def options(self, parser: Any, **_: Any) -> None:
        """Locust gathers its options."""
        where = "where hist.csv and records.json are written (nowhere)"
        parser.add_argument("--records", metavar="FOLDER", default="", include_in_web_ui=False, help=where)

    @property
    def asks_nothing(self) -> bool:
        """Whether this process is a master, whose workers ask."""
        return hasattr(self._environment.runner, "clients")

    def ready(self, environment: Any, **_: Any) -> None:
        """Locust stands. Without its page there is nobody who could still say what to ask."""
        self._environment, chosen = environment, environment.parsed_options
        if chosen and chosen.headless and not chosen.worker and not environment.host:
            LOG.error("no --host: start %s, and name it: --host http://127.0.0.1:PORT", self._start or "a server")
            raise SystemExit(2)

    def begin(self, **_: Any) -> None:
        """A test begins, in each process."""
        self._paces.clear()
        self._clear()

    def spawned(self, **_: Any) -> None:
        """All users are there: with --reset-stats the window begins now."""
        if self._environment and self._environment.reset_stats:
            self._clear()

    def count(self, request_type: str, name: str, response_time: float | None, **more: Any) -> None:
        """A request has ended, after ``response_time`` milliseconds; Locust has not rounded it yet."""
        error, what = more.get("exception"), f"{request_type} {name}"
        if error is None and response_time is not None:
            service = response_time / 1000
        else:
            service = math.nan
            self._tally.failures[f"{what}: {error!r:.200}" if error else f"{what}: it has no time"] += 1
        lag = (more.get("context") or {}).get("lag_s")
        self._tally.count(f"latency {what}", service + (lag or 0.0))
        if lag is not None:
            self._tally.count(f"service {what}", service)
            self._tally.count(f"lag {what}", lag)

    def fire(self, kind: str, name: str, seconds: float, size: int = 0, error: Exception | None = None) -> None:
        """A request that Locust's own clients know nothing of has ended; in any thread."""
        self._environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=1000 * seconds,
            response_length=size,
            exception=error,
            context={},
        )

    def end(self, **_: Any) -> None:
        """Users are about to be stopped: the window ends."""
        if self._over:
            return
        self._over = True
        for pace in self._paces:
            pace.end()
        self._tally.offered, self._tally.asked = told(self._paces)
        if not self.asks_nothing:
            self._tally.seconds = time.perf_counter() - self._since
            self._tally.busy = [(time.process_time() - self._cpu) / max(self._tally.seconds, 1e-9)]

    def warn(self, cpu_usage: float, **_: Any) -> None:
        """Locust warns of its own CPU."""
        self._tally.warnings.append(f"Locust warned: one of its processes used {cpu_usage:.0f} % of a core")

    def report(self, data: dict[str, Any], **_: Any) -> None:
        """A worker's report is about to leave: what came since the one before goes with it."""
        data[KEY] = self._tally.wire() | {"last": self._over}
        self._tally = Tally()

    def hear(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """A worker's report has come to the master."""
        self._tally.add(read(data[KEY]))
        if data.get("user_count"):
            self._workers.add(client_id)
        if data[KEY]["last"]:
            self._done.add(client_id)

    def quit(self, environment: Any, **_: Any) -> None:
        """Locust is about to leave: its master, or its only process, judges and writes."""
        runner = environment.runner
        if hasattr(runner, "master_host"):
            return  # a worker has sent its part
        runner.quit()  # who was interrupted ends here, and workers send their last reports
        missing = {client.id for client in runner.clients.missing} if self.asks_nothing else set[str]()
        raised = [f"{each['count']} x {each['msg']}" for each in runner.exceptions.values()]
        verdict = Verdict(self._tally, len(self._workers), len((self._workers | missing) - self._done), raised)
        folder = getattr(environment.parsed_options, "records", "")
        if folder:
            write(verdict, Path(folder))
        lines(verdict)
        if verdict.reasons:
            environment.process_exit_code = 1

    def _clear(self) -> None:
        self._tally, self._over = Tally(), False
        self._workers.clear()
        self._done.clear()
        self._since, self._cpu = time.perf_counter(), time.process_time()
