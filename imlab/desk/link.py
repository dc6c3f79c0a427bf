"""./lab link: what it takes. The work is in linking/, imported once the words are right."""

from __future__ import annotations

import argparse
from importlib import import_module

EPILOG = """\
As root on Linux, COMMAND runs in a network of its own whose only neighbour, {far}, is behind the link; the kernel's
real TCP and UDP run over it, packets are lost, and this machine's network stays as it is. There is no way to the
Internet and no name service; 127.0.0.1 is COMMAND's own. Under sudo, COMMAND is yours and not root's. What it may reach
at the far end:
  --to PORT          {far}:PORT leads on to 127.0.0.1:PORT of this machine (TCP); --to HOST:PORT leads there
  --serve "SERVER"   a second command, started at the far end, waited for until it listens; ended with COMMAND

Not root? `unshare -Urn ./lab link ...` is enough for --serve, where /dev/net/tun is open to all users.
Without root, or with --proxy, a proxy on 127.0.0.1 takes the place of the network: it needs --to, does delay, jitter,
rate, queue and outages of TCP, and refuses to lose packets (--no-loss leaves the loss out).

In COMMAND and SERVER, {far} is the far end's address and {near} is COMMAND's own; {PORT} in COMMAND, as in {8765}, is
the HOST:PORT to use for --to PORT, whichever way it goes. The exit code is COMMAND's; what the link did is on stderr.

examples:
  ./lab link                                              the networks there are, with their numbers
  ./lab link "bad 4G" --to 8765 -- python app.py --server ws://{8765}/ws
  ./lab link 3G --serve "python3 -m http.server 8000 --bind {far}" -- curl -s http://{far}:8000/
  ./lab link train --serve "./lab serve --memory --host {far}" -- ./lab send a.wav --room r --server ws://{far}:8765
  ./lab link EDGE --tcp reno -- bash                      a shell behind it
  ./lab link "good 4G" --proxy --to 8766 -- curl -s http://{8766}/healthz
"""


def main(argv: list[str]) -> int:
    """Exit code of the command; 0 when only the networks were listed."""
    parser = _parser()
    split = argv.index("--") if "--" in argv else len(argv)
    options, command = parser.parse_args(argv[:split]), argv[split + 1 :]
    if options.profile is None:
        return int(import_module("imlab.desk.linking.listing").show(options.json))
    if not command:
        parser.error(f'what shall run behind it? ./lab link "{options.profile}" -- COMMAND...')
    return int(import_module("imlab.desk.linking.running").run(options, command))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab link",
        usage='lab link [PROFILE [--to [HOST:]PORT]... [--serve "SERVER"] [options] -- COMMAND...]',
        description="Run any command's network through a bad link; without PROFILE, list the links.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("profile", nargs="?", metavar="PROFILE", help='a network by its name, as in "bad 4G"')
    parser.add_argument(
        "--to", action="append", default=[], metavar="[HOST:]PORT", help="reach this at the far end; may be repeated"
    )
    parser.add_argument("--serve", metavar="SERVER", help="a command to run at the far end")
    parser.add_argument("--seed", type=int, default=0, help="of losses and jitter (0); the same seed, the same luck")
    parser.add_argument("--tcp", default="", metavar="NAME", help="congestion control: reno, cubic, bbr (the kernel's)")
    parser.add_argument("--proxy", action="store_true", help="a proxy, also as root")
    parser.add_argument("--no-loss", action="store_true", help="the same link, but nothing is lost, doubled, reordered")
    parser.add_argument("--quiet", action="store_true", help="say nothing about the link")
    parser.add_argument("--json", action="store_true", help="without PROFILE: the list for programs")
    return parser
