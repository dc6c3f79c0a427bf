"""./lab storm: a scenario of scenarios/ under Locust, what it asks started for it, its exact figures told."""

from __future__ import annotations

import argparse
from importlib import import_module

EPILOG = """\
A run is kept in results/storms/SCENARIO/: records.json and hist.csv (exact, by our recorder), locust.html and
locust.json (Locust's own), locust.log. Exit code 1 where a run must not be believed: nothing asked, a failure, a
missed pace, a busy generator. Every workload's first line says whether it is open or closed; docs/storms.md says what
that means. What stands after -- goes to Locust as it is.

examples:
  ./lab storm old_and_new --preset old           the service on trial, 20 users for 20 s
  ./lab storm old_and_new --preset new --users 182 --time 30
  ./lab storm group_storm --users 50             one room, everybody at once
  ./lab storm busy_hour --processes 2            a master and two workers
  ./lab storm reconnect_wave --host http://127.0.0.1:8766 -- --ws ws://127.0.0.1:8765
"""


def main(argv: list[str]) -> int:
    """Exit code 0: it may be believed."""
    own, _, more = argv, None, []
    if "--" in argv:
        place = argv.index("--")
        own, more = argv[:place], argv[place + 1 :]
    options = _parser().parse_args(own)
    return int(import_module("imlab.desk.storming.storming").storm(options, more))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab storm",
        description="A load scenario under Locust, without its page, its figures exact.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", help="one of scenarios/, or a file")
    parser.add_argument("--users", type=int, default=20, metavar="N", help="at once (20)")
    parser.add_argument("--spawn-rate", type=float, metavar="R", help="that begin in a second (all)")
    parser.add_argument("--time", type=float, default=20.0, metavar="S", help="seconds (20)")
    parser.add_argument("--processes", type=int, default=0, metavar="P", help="workers beside the master (0: none)")
    parser.add_argument("--host", default="", metavar="URL", help="what is asked (started, where none is named)")
    parser.add_argument("--preset", default="", metavar="NAME", help="start the service on trial: old, new, article")
    parser.add_argument("--json", action="store_true", help="the summary for programs, with its folder")
    return parser
