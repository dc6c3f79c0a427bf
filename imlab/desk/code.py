"""./lab code: what it takes. The work is in coding/coding.py."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from imlab.desk.calls.codec_options import add_codec_options

EPILOG = """\
TARGET's suffix is its container: .ogg .webm .mp4 (Opus), .m4a (AAC), .mp3, .amr, .awb, .wav (PCM, G.711), .g722, .lc3,
.c2 (Codec 2). Without --codec it is the container's own. A coded SOURCE and a .wav TARGET without --codec: SOURCE is
decoded by our decoders, with its own length and place. Sound is coded as it is read: memory does not grow with it.

--json prints {"file", "container", "codec", "settings", "sound_s", "packets", "payload_bytes", "container_bytes",
"bitrate", "took_s", "times_real_time"}; settings is null where SOURCE was decoded.

examples:
  ./lab code lecture.m4a lecture.ogg --bitrate 16000
  ./lab code lecture.ogg lecture.wav
  ./lab code hello.wav hello.amr --bitrate 12200
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when the target is there, whole."""
    options = _parser().parse_args(argv)
    return int(import_module("imlab.desk.coding.coding").run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab code",
        description="Any sound file, coded by one of our codecs into a file that players open, or decoded to WAV.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a sound file of any format, of any length")
    parser.add_argument("target", type=Path, metavar="TARGET", help="the file to write")
    add_codec_options(parser)
    parser.add_argument("--container", metavar="NAME", help="what TARGET's suffix would say: ogg, webm, ...")
    parser.add_argument("--overwrite", action="store_true", help="TARGET may be there already")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    return parser
