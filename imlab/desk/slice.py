"""./lab slice: what it takes. The work is in cutting/slicing.py."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

EPILOG = """\
Every slice is a file that any player opens, and carries where it belongs in tags: SLICE_SOURCE (the sha256 of FILE),
SLICE_INDEX from 0, SLICE_COUNT, SLICE_START and SLICE_SAMPLES in samples at SLICE_RATE, SLICE_TOTAL of the source, and
SLICE_START_SECONDS. ./lab join puts them together again, whatever their names and order:
  pcm, flac   bit for bit; channels, rate and bits of each number stay as they are
  opus        the packets of one continuous encoding. A slice also holds the 240 ms before it, unheard, so that its
              decoder has converged when the sound begins; joined, those are dropped, and no sample differs from the
              encoding in one piece.

--json prints, for every slice, {"file", "index", "count", "start_s", "start", "samples", "rate", "source", "bytes"}.

examples:
  ./lab slice lecture.wav --every 30 --out slices                 WAV stays WAV, FLAC FLAC, Opus the packets it is
  ./lab slice lecture.wav --every 30 --out slices --codec opus    coded once, cut afterwards
  ./lab join slices --out lecture.ogg
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when every slice is there."""
    options = _parser().parse_args(argv)
    return int(import_module("imlab.desk.cutting.slicing").run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab slice",
        description="Cut a long recording into slices of one length, each a file that says where it belongs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a recording of any format that imlab reads")
    parser.add_argument("--every", type=float, default=30, metavar="S", help="seconds in a slice (30)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the slices go")
    parser.add_argument(
        "--codec", choices=("same", "pcm", "flac", "opus"), default="same", help="of the slices (same as FILE)"
    )
    parser.add_argument("--source", metavar="ID", help="what the slices call their source (the sha256 of FILE)")
    parser.add_argument("--bitrate", type=int, metavar="BITS", help="for --codec opus, bits per second (24000)")
    parser.add_argument("--frame", type=float, metavar="MS", help="for --codec opus, milliseconds in a packet (20)")
    parser.add_argument("--fullband", action="store_true", help="for --codec opus, 48 kHz instead of 16 kHz")
    parser.add_argument("--json", action="store_true", help="one JSON object a slice, for programs")
    return parser
