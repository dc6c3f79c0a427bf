"""The work of ./lab corpus fetch."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path

from imlab.audio.cache import cache_directory
from imlab.audio.speech.corpora import Published, published
from imlab.audio.speech.corpus_fetch import Choice, fetch_corpus, notice
from imlab.audio.speech.manifest import Entry
from imlab.desk.speech.listing import archive_directory
from imlab.errors import UsageError


def run(options: Namespace) -> int:
    """Show, ask, fetch, and say what is there now."""
    if min(options.speakers, options.utterances) < 0:
        raise UsageError("--speakers and --utterances are 1 or more, or left away for all")
    corpus = published(options.name)
    choice = Choice(options.speakers, options.utterances)
    _say(notice(corpus))
    if not options.yes and not _agreed():
        _say("nothing was downloaded")
        return 1
    to = options.to.resolve() if options.to else cache_directory("corpora") / _named(corpus, choice)
    entries = fetch_corpus(corpus, to, archive_directory(), choice, _say)
    _report(entries, to, options.json)
    return 0


def _agreed() -> bool:
    """A person's yes to the licence; where nobody can answer it has to be said by --yes."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to agree to the licence: add --yes when you have read it")
    _say("download it under this licence? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _named(corpus: Published, choice: Choice) -> str:
    """A directory's name: every choice has its own."""
    speakers = f"-{choice.speakers}-speakers" if choice.speakers else ""
    return corpus.name + speakers + (f"-{choice.utterances}-each" if choice.utterances else "")


def _report(entries: tuple[Entry, ...], to: Path, as_json: bool) -> None:
    voices = Counter(sex for _, sex in {(entry.source, entry.sex) for entry in entries})
    seconds = sum(entry.seconds for entry in entries)
    if as_json:
        told = {"directory": str(to), "files": len(entries), "seconds": round(seconds, 3), "speakers_by_sex": voices}
        print(json.dumps(told))
        return
    sexes = ", ".join(f"{count} {sex}" for sex, count in sorted(voices.items()))
    print(f"{to}: {len(entries)} recordings, {seconds / 60:.1f} min, speakers: {sexes}")
    print(f"archives are kept in {archive_directory()}; measure on these with\n  IMLAB_CORPUS={to} ./lab run")


def _say(line: str, end: str = "\n") -> None:
    """To a person, beside what a program reads."""
    print(line, end=end, file=sys.stderr, flush=True)
