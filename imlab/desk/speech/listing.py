"""The work of ./lab corpus list."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from imlab.audio.cache import cache_directory
from imlab.audio.speech import corpora
from imlab.audio.speech.corpora import Published


def run(options: Namespace) -> int:
    """Every corpus in the table, and how much of it is here."""
    if options.json:
        print(json.dumps({"corpora": [_told(corpus) for corpus in corpora.CORPORA]}))
        return 0
    for corpus in corpora.CORPORA:
        here = archives_here(corpus)
        print(f"{corpus.name:<23}{corpus.about / 1e6:>8,.0f} MB   {corpus.licence}")
        print(f"{'':<23}{corpus.title}")
        if here:
            print(f"{'':<23}here: {here / 1e6:,.0f} MB of archives in {archive_directory()}")
    print("\n./lab corpus fetch NAME shows the licence and asks before it downloads")
    return 0


def archives_here(corpus: Published) -> int:
    """Bytes of its archives that were downloaded, those of a broken download among them."""
    names = [name for archive in corpus.archives for name in (archive.name, f"{archive.name}.part")]
    files = [archive_directory() / name for name in names]
    return sum(file.stat().st_size for file in files if file.exists())


def archive_directory() -> Path:
    """Where archives are kept."""
    return cache_directory("archives")


def _told(corpus: Published) -> dict[str, object]:
    return {
        "name": corpus.name,
        "title": corpus.title,
        "licence": corpus.licence,
        "link": corpus.link,
        "bytes": corpus.about,
        "archive_bytes_here": archives_here(corpus),
    }
