"""./lab serve: what it takes. The work is in serving.py, imported once the words are right: --help stays quick."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

EPILOG = """\
--json prints, once connections are accepted, {"ws": "ws://HOST:PORT", "media": "http://HOST:PORT", "pid": int};
HTTP describes itself at /openapi.json. With --preset: {"service": "http://HOST:PORT", "pid": int}.

examples:
  ./lab serve                         notes are kept; Ctrl-C ends it cleanly
  ./lab serve --memory                notes end with the process
  ./lab serve --codecs opus,aac       notes of other codecs are refused; clients know before they send
  ./lab serve --ws 0 --http 0 --json  free ports, told to a program
  ./lab serve --preset old            threads, JSON, a small cache: what locust -f scenarios/old_and_new.py asks
"""


def main(argv: list[str]) -> int:
    """Exit code 0 after Ctrl-C or SIGTERM."""
    options = _parser().parse_args(argv)
    if options.preset:
        return int(import_module("imlab.desk.calls.preset_serving").serve_preset(options))
    return int(import_module("imlab.desk.calls.serving").serve(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab serve",
        description="The server: takes notes, keeps them, and brings them to everyone in the room.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ws", type=int, default=8765, metavar="PORT", help="WebSocket (8765; 0: a free one)")
    parser.add_argument("--http", type=int, default=8766, metavar="PORT", help="HTTP (8766; 0: a free one)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument(
        "--name", action="append", default=[], metavar="HOST", help="what browsers may call us (addresses, localhost)"
    )
    keep = parser.add_mutually_exclusive_group()
    keep.add_argument(
        "--data", type=Path, metavar="DIR", help="where notes are kept (IMLAB_DATA, or your data directory)"
    )
    keep.add_argument("--memory", action="store_true", help="keep no notes")
    parser.add_argument("--dev", action=argparse.BooleanOptionalAction, default=True, help="any name may come in")
    parser.add_argument("--tls", nargs=2, type=Path, metavar=("CERT", "KEY"), help="PEM files: wss and https")
    parser.add_argument("--json", action="store_true", help="the ready line for programs")
    parser.add_argument("--marks", type=Path, metavar="FILE", help="append what happened and when, as JSON lines")
    parser.add_argument(
        "--codecs",
        metavar="NAMES",
        help="keep notes of these codecs alone, as in opus,aac (any; send --help lists them)",
    )
    _add_media(parser)
    _add_service(parser)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), help="the event loop (uvloop, where there is one)")
    parser.add_argument(
        "--while-stdin", action="store_true", help="stop when stdin closes: no orphan, however the starter died"
    )
    return parser


def _add_service(parser: argparse.ArgumentParser) -> None:
    service = parser.add_argument_group(
        "the service on trial, in place of all this: HTTP alone, with a store, a database and a cache of its own"
    )
    service.add_argument("--preset", metavar="NAME", help="its architecture: old, new, or article")
    service.add_argument("--notes", type=int, default=256, metavar="N", help="notes that are there to ask for (256)")
    more = 'other than the preset\'s, as in {"serving": {"Threads": {"workers": 64}}}'
    service.add_argument("--architecture", default="{}", metavar="JSON", help=more)


def _add_media(parser: argparse.ArgumentParser) -> None:
    media = parser.add_argument_group("uploads and downloads")
    examine = "files are heard before they are taken, or only walked through (decode)"
    media.add_argument("--examine", choices=("decode", "structure"), default="decode", help=examine)
    kept = "how sound is kept on disk (segments)"
    media.add_argument("--bodies", choices=("files", "segments", "blobs"), default="segments", help=kept)
    media.add_argument("--cache", metavar="URL", help="redis://HOST:PORT or unix:///PATH, behind our own memory")
    limits = parser.add_argument_group("limits other than the usual, as JSON objects: docs/operations.md names them")
    for name, whose in (("terms", "sessions"), ("uploads", "uploads"), ("limits", "files"), ("warmth", "our memory")):
        limits.add_argument(f"--{name}", default="{}", metavar="JSON", help=f"of {whose}")
