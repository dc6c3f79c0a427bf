"""./lab corpus: what it takes. The work is in speech/, a file for each of list, fetch and check."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

EPILOG = """\
Figures are as good as the speech they are taken on. Without more, imlab measures on a few recordings that it fetches
with its packages; a published corpus, or recordings of your own, take their place by --corpus DIR of run and measure,
or by the variable IMLAB_CORPUS.

fetch shows licence and size, asks, downloads (a cut download is gone on with), compares the published hash, unpacks,
and writes MANIFEST.csv with every speaker's sex from the corpus's own table. Archives are kept, so that another choice
of speakers needs no download. check decodes every file of a directory and names what cannot be used.

--json prints one object: for list {"corpora": [{"name", "title", "licence", "link", "bytes", "archive_bytes_here"}]},
for fetch {"directory", "files", "seconds", "speakers_by_sex"}, for check {"files", "usable", "seconds", "rates",
"level_lufs": [least, median, most], "refused": {name: why}, "remarks": {name: [remark]}}.

examples:
  ./lab corpus
  ./lab corpus fetch librispeech-dev-clean --speakers 10 --utterances 5
  ./lab corpus check ~/recordings
  ./lab corpus check ~/recordings --write        MANIFEST.csv of what can be used: edit lang and sex in it
  IMLAB_CORPUS=~/recordings ./lab run
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when it is done; 1 when check finds nothing to measure on."""
    options = _parser().parse_args(argv)
    work = {None: "listing", "list": "listing", "fetch": "fetching", "check": "checking"}[options.action]
    return int(import_module(f"imlab.desk.speech.{work}").run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab corpus",
        description="Speech to measure on: published corpora, and recordings of your own.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    actions = parser.add_subparsers(dest="action", metavar="list|fetch|check")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for programs")
    actions.add_parser("list", parents=[shared], help="what can be fetched, and what is here (the default)")
    fetch = actions.add_parser("fetch", parents=[shared], help="a published corpus, or some of its speakers")
    fetch.add_argument("name", metavar="NAME", help="as ./lab corpus lists it")
    fetch.add_argument("--to", type=Path, metavar="DIR", help="where the recordings go (imlab's cache)")
    fetch.add_argument("--speakers", type=int, default=0, metavar="N", help="so many, women and men in turns (all)")
    fetch.add_argument("--utterances", type=int, default=0, metavar="N", help="so many of each speaker (all)")
    fetch.add_argument("--yes", action="store_true", help="do not ask: I have read the licence")
    check = actions.add_parser("check", parents=[shared], help="what imlab sees in a directory")
    check.add_argument("directory", type=Path, metavar="DIR", help="recordings of any format and level")
    check.add_argument("--write", action="store_true", help="write MANIFEST.csv of what can be used")
    return parser
