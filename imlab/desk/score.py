"""./lab score: what it takes. The work is in scoring/scoring.py."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

EPILOG = """\
Each file is held against REFERENCE, on two scales that are not to be mixed:
  wide     both at 16 kHz: what the bits cost, the lost upper band included
  narrow   both at 8 kHz: how well narrow band itself was kept
On each, the lag is found, taken back and shown (+ is late), and both sides are brought to one level; the gain is shown.
The first row is REFERENCE against itself: the ceiling. A score is worth no more than its distance from that.

  visqol      1..5    ViSQOL v3, speech, lattice: listening quality; its ceiling hangs on the clip
  pesq_nb/wb  1..4.6  PESQ (ITU-T P.862.1 / P.862.2): listening quality, clips of up to 20 s
  stoi estoi  ..1     how much of the words comes through
  si_sdr      dB      how much of the wave is the reference; a vocoder keeps none and may sound well
  lsd         dB      how far the spectra are apart: less is better
A dash is no score; the reason stands below the table. Scores are kept by content in the cache (IMLAB_CACHE).

--json prints {"reference": {"file", "seconds", "rate"}, "panels": [{"panel", "against", "metrics": [{"name", "unit",
"rising", "version"}], "files": [{"file", "delay_ms", "delay_by", "gain_db", "scores": {name: number}, "reasons": {name:
text}}]}]}; the first of files is the reference itself; gain_db is null where nothing is heard.

examples:
  ./lab score note.wav note.opus note-16k.mp3
  ./lab score original.flac received/*.ogg --panel wide --json
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when every file was read, however it sounds."""
    options = _parser().parse_args(argv)
    return int(import_module("imlab.desk.scoring.scoring").run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab score",
        description="How good files sound beside the recording that they were made from.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "reference", type=Path, metavar="REFERENCE", help="the original, of any format that imlab reads"
    )
    parser.add_argument("heard", type=Path, nargs="+", metavar="HEARD", help="what was made of it, of any format")
    parser.add_argument("--panel", choices=("wide", "narrow"), help="only this scale (both)")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
