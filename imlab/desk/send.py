"""./lab send: what it takes. The work is in sending.py, imported once the words are right: --help stays quick."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from imlab.desk.calls.client_options import add_client_options, own_name
from imlab.desk.calls.codec_options import add_codec_options

EPILOG = """\
--json prints {"id", "room", "sequence", "sender", "duration_ms", "codec", "bytes", "file"} once a note is durable;
file is null for a microphone.

examples:
  ./lab send hello.wav --room tea
  ./lab send one.flac two.wav --room tea --as ann --bitrate 16000
  ./lab send --mic --room tea             Enter ends the note and sends it
  ./lab send hello.wav --room tea --codec amr --bitrate 12200
  ./lab send hello.wav --room tea --preset telegram-ios
  ./lab send hello.wav --room tea --via tus
"""


def main(argv: list[str]) -> int:
    """Exit code 0 only when the server has said that every note is durable."""
    parser = _parser()
    options = parser.parse_args(argv)
    if bool(options.files) == options.mic:
        parser.error("give sound files, or --mic")
    if options.seconds is not None and not options.mic:
        parser.error("--seconds is for --mic; a file is sent whole")
    if options.mic and options.seconds is None and not sys.stdin.isatty():
        parser.error("--mic needs --seconds where nobody can press Enter")
    options.name = options.name or own_name("send")
    way = "sending" if options.via == "ws" else "uploading"
    return int(import_module(f"imlab.desk.calls.{way}").send(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab send",
        description="A client: records, codes and sends voice notes, and waits until the server has made them durable.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="WAV, FLAC, Ogg, MP3: one note each, in order"
    )
    parser.add_argument("--mic", action="store_true", help="record from the microphone")
    parser.add_argument("--seconds", type=float, metavar="S", help="end the recording by itself")
    add_client_options(parser)
    parser.add_argument(
        "--via",
        choices=("ws", "put", "tus"),
        default="ws",
        help="by WebSocket (ws), or as a file over HTTP",
    )
    parser.add_argument("--realtime", action="store_true", help="play files into the recorder as fast as they sound")
    parser.add_argument("--timeout", type=float, default=60, metavar="S", help="wait so long after the recording (60)")
    add_codec_options(parser)
    return parser
