"""A published corpus, or some of its speakers, as a directory with a manifest that --corpus takes."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imlab.audio.speech.corpora import Archive, Published
from imlab.audio.speech.corpus_download import download
from imlab.audio.speech.manifest import Entry, describe, write_manifest
from imlab.audio.speech.speakers import read_table
from imlab.audio.speech.unpack import members, read_member
from imlab.errors import DoorError, PeerError, UsageError

NOTICE = "LICENCE.txt"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """How much is unpacked. speakers: women and men in turns while the table says who is who; 0 of either is all."""

    speakers: int = 0
    utterances: int = 0  # of each speaker, the first in the archive

    def archives(self, corpus: Published) -> tuple[Archive, ...]:
        """Those that are needed: an archive that is one voice is left where it lies when enough voices are had."""
        voices = [archive for archive in corpus.archives if archive.speaker]
        return tuple(voices[: self.speakers]) if voices and self.speakers else corpus.archives


class Chooser:
    """Says of one recording after the other whether it is taken."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._taken: Counter[str] = Counter()  # recordings by speaker
        self._sexes: Counter[str] = Counter()  # speakers by sex

    def take(self, speaker: str, sex: str) -> bool:
        """Whether this recording of this speaker is wanted; it counts when it is."""
        if speaker not in self._taken and not self._room(sex):
            return False
        if self._choice.utterances and self._taken[speaker] >= self._choice.utterances:
            return False
        if speaker not in self._taken:
            self._sexes[sex] += 1
        self._taken[speaker] += 1
        return True

    def _room(self, sex: str) -> bool:
        """For a speaker more: half of them may be of one sex, where it is known."""
        most = self._choice.speakers
        half = -(-most // 2) if sex != "?" else most
        return not most or (self._sexes[sex] < half and self._sexes.total() < most)


def fetch_corpus(corpus: Published, to: Path, archives: Path, choice: Choice, say: Say) -> tuple[Entry, ...]:
    """Download what is not in ``archives`` yet, unpack the choice, index it; ``to`` appears whole or not at all.

    UsageError when ``to`` is there; PeerError when an archive is not what was published or holds no recordings.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(f"{to} is already there: give another place with --to, or remove it")
    boxes = []
    for archive in choice.archives(corpus):
        say(f"{archive.url}")
        boxes.append((archive, download(archive, archives)))
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        unpacked = _unpack(corpus, boxes, part, choice)
        entries = _index(corpus, part, unpacked)
        (part / NOTICE).write_text(notice(corpus), "utf-8")
        if to.exists():
            to.rmdir()
        part.rename(to)
    except OSError as error:
        raise DoorError(f"cannot unpack to {to}: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return tuple(entries)


def notice(corpus: Published) -> str:
    """What a user must know before the download, and finds beside the recordings after it."""
    return (
        f"{corpus.title}\nlicence: {corpus.licence}\n  {corpus.terms}\n  {corpus.link}\ncredit: {corpus.credit}\n"
        f"download: about {corpus.about / 1e6:,.0f} MB in {len(corpus.archives)} archives;"
        f" their hashes are known from {corpus.vouched}\n"
    )


def _unpack(
    corpus: Published, boxes: list[tuple[Archive, Path]], part: Path, choice: Choice
) -> dict[str, tuple[str, str]]:
    """The recordings of a choice on disk: name -> speaker and sex. The table may come before them or after."""
    chooser = Chooser(choice)
    names: dict[str, str] = {}
    sexes = {archive.speaker: archive.sex for archive, _ in boxes if archive.speaker}
    coming = (member for _, box in boxes for member in members(box, nested=corpus.nested, first=corpus.table))
    for name, file in coming:
        if corpus.table and re.fullmatch(corpus.table, name):
            sexes |= read_table(corpus.reader, read_member(name, file))
        elif (match := re.fullmatch(corpus.sounds, name)) and chooser.take(
            match["speaker"], sexes.get(match["speaker"], "?")
        ):
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(read_member(name, file))
            names[name] = match["speaker"]
    if not names:
        raise PeerError(f"the archives of {corpus.name} hold no recordings where they should: {corpus.sounds}")
    return {name: (speaker, sexes.get(speaker, "?")) for name, speaker in sorted(names.items())}


def _index(corpus: Published, part: Path, unpacked: dict[str, tuple[str, str]]) -> list[Entry]:
    """MANIFEST.csv of what was unpacked."""
    entries = [
        describe(
            part / name,
            name,
            lang=corpus.lang,
            sex=sex,
            licence=corpus.licence,
            source=f"{corpus.name}, speaker {speaker}",
        )
        for name, (speaker, sex) in unpacked.items()
    ]
    write_manifest(part, entries)
    return entries
