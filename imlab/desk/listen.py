"""./lab listen: what it takes. The work is in listening.py, imported once the words are right: --help stays quick."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from imlab.desk.calls.client_options import add_client_options, own_name

EPILOG = """\
A line for each note: sequence, sender, length, bytes, codec and its bitrate, loudness from left to right, id.
--json prints instead {"sequence", "id", "room", "sender", "timestamp_ms", "duration_ms", "codec", "bitrate", "bytes",
"sha256", "file"}: bitrate in bits per second of coded audio, sha256 of that audio, file null without --save. Of a note
that was uploaded as a file, bytes, bitrate and sha256 are the file's; it is saved as it is.
Once it stands in the room it says so on stderr.

examples:
  ./lab listen --room tea
  ./lab listen --room tea --after 0 --save notes --count 3
  ./lab listen --room tea --play --speed 1.5
"""


def main(argv: list[str]) -> int:
    """Exit code 0 after --count notes or Ctrl-C, 1 when --timeout came first."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.count is not None and options.count < 1:
        parser.error(f"--count is 1 or more, not {options.count}")
    if options.after is not None and options.after < 0:
        parser.error(f"--after is a sequence, 0 or more, not {options.after}")
    if options.speed != 1 and not options.play:
        parser.error("--speed is for --play")
    if not 0.5 <= options.speed <= 2:
        parser.error(f"--speed is 0.5 to 2, not {options.speed:g}")
    options.name = options.name or own_name("listen")
    return int(import_module("imlab.desk.calls.listening").listen(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab listen",
        description="A client: receives a room's notes, whole, once, in order; saves or plays them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_client_options(parser)
    parser.add_argument(
        "--after", type=int, metavar="SEQ", help="also the notes after this one, 0 for all (from now on)"
    )
    parser.add_argument("--count", type=int, metavar="N", help="end after so many notes")
    parser.add_argument("--timeout", type=float, metavar="S", help="give up when it takes longer than S seconds")
    parser.add_argument(
        "--save", type=Path, metavar="DIR", help="each note as a file <sequence>-<id>.<ext> that players open"
    )
    parser.add_argument("--play", action="store_true", help="play each note, from its first bytes on")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="0.5 to 2 times as fast, same pitch (1)")
    return parser
