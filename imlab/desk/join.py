"""./lab join: what it takes. The work is in cutting/joining.py."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

EPILOG = """\
The order is in the tags of the slices, not in their names. Nothing is written, and the file is named, when one is
missing, damaged or cut short, belongs to another recording, is there twice, or is of another format or rate.

--json prints {"file", "slices", "seconds", "samples", "rate", "source", "what", "bytes"}.

examples:
  ./lab join slices --out lecture.flac
  ./lab join b.ogg c.ogg a.ogg --out lecture.ogg
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when the whole recording is there."""
    options = _parser().parse_args(argv)
    return int(import_module("imlab.desk.cutting.joining").run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab join",
        description="Join the slices that ./lab slice cut: without loss, or not at all.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("slices", nargs="+", type=Path, metavar="DIR|FILE", help="slices, or directories of them")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the recording: .wav, .flac or .ogg")
    parser.add_argument("--overwrite", action="store_true", help="FILE may be there already")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    return parser
