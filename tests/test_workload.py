"""What a block is asked: notes that are there, caches as they would be, the same for all cells; and the catalogue."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.speech.corpus import Corpus
from imlab.codec.container import oggopus
from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.load.hits import MEMORY, MISS, NONE, SECOND, Lru
from imlab.lab.load.popularity import Recency, Zipf
from imlab.lab.load.script import FETCH, LIST, SEND, Mix
from imlab.server.service.caching import Caching
from imlab.server.service.handlers import ROW
from imlab.studies.architectures.catalogue import Catalogue
from imlab.studies.architectures.lengths import Lengths
from imlab.studies.architectures.shelf import Shelf
from imlab.studies.architectures.workload import Asked, Reach, Workload
from imlab.wire.rules import breach

TINY = Catalogue(stored=60, unsent=10, recordings=3, rooms=4, lengths=Lengths(median_s=1.0, least_s=0.5, most_s=2.0))
SHORT = Workload(Mix(0.9, 0.05, 0.05, settle=5), Recency(0.8, 5.0, 1.0, 100), past=300, requests=60, catalogue=TINY)
SECOND_TOO = Caching(limit=60_000, second=True, at_upload=True)


class Tone(Corpus):
    """Notes without speech: what they say is nothing to the catalogue."""

    def note(self, seconds: float, rate: int = 16_000, seed: int = 0) -> Clip:
        """Noise."""
        return Clip(np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32), rate)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    with pytest.MonkeyPatch.context() as here:
        here.setenv("IMLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        return TINY.shelf(Tone("tone", ()))


def asked(shelf: Shelf, seed: int = 1, workload: Workload = SHORT) -> Asked:
    return workload.drawn(np.random.default_rng(seed), shelf)


def test_lengths_have_their_median_and_their_spread() -> None:
    spaced = Lengths(5.0, 0.8, 0.01, 10_000).spaced(999)
    assert np.median(spaced) == pytest.approx(5.0)
    assert np.std(np.log(spaced)) == pytest.approx(0.8, abs=0.01)
    assert (np.diff(spaced) > 0).all()
    usual = Lengths().spaced(48)
    assert usual.mean() * 3_000 == pytest.approx(20_000, rel=0.05), "Opus at 24 kbit/s"
    assert usual.min() >= 1.0 and usual.max() <= 60.0
    with pytest.raises(UsageError):
        Lengths(0.5)


def test_every_note_is_a_file_of_its_own_that_its_row_tells_of(shelf: Shelf) -> None:
    assert len(shelf) == TINY.count == len(set(shelf.ids)) == len(set(shelf.sha256))
    for number in range(len(shelf)):
        note, body = (recording := shelf.recording(number)).note, recording.body
        assert breach(note) == ""
        assert note.id == shelf.ids[number]
        assert note.file and note.file.sha256 == hashlib.sha256(body).hexdigest() == shelf.sha256[number]
        assert note.file.size == len(body) == shelf.sizes[number]
        assert abs(oggopus.read(body).samples / 16 - note.duration_ms) <= 1


def test_a_rooms_sequences_count_from_one_and_the_unsent_have_none(shelf: Shelf) -> None:
    for room in range(TINY.rooms):
        sequences = [note.sequence for note in shelf.notes() if note.room == f"room{room}"]
        assert sequences == list(range(1, 16))
    assert {shelf.note(number).sequence for number in range(60, 70)} == {0}


def test_a_catalogue_is_made_once_and_again_when_it_changes(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMLAB_CACHE", str(shelf.place.parents[1]))
    assert TINY.shelf(Tone("tone", ())).place == shelf.place
    assert replace(TINY, seed=8).shelf(Tone("tone", ())).place != shelf.place
    assert not [path for path in shelf.place.parent.iterdir() if "." in path.name]


def test_what_is_no_catalogue_is_told(tmp_path: Path) -> None:
    with pytest.raises(DoorError, match="no catalogue"):
        Shelf.opened(tmp_path, 1)


def test_one_seed_is_one_block_and_no_two_items_are_one_note(shelf: Shelf) -> None:
    one, same, other = asked(shelf), asked(shelf), asked(shelf, 2)
    assert np.array_equal(one.notes, same.notes) and not np.array_equal(one.notes, other.notes)
    taken = one.numbers[one.numbers >= 0]
    assert len(taken) == len(set(taken.tolist())) and len(one.notes) == len(one.kinds) == 60


def test_what_is_fetched_is_stored_or_was_sent_before(shelf: Shelf) -> None:
    for seed in range(20):
        block = asked(shelf, seed)
        sent: set[int] = set()
        for kind, note in zip(block.kinds.tolist(), block.notes.tolist(), strict=True):
            if kind == SEND:
                assert note == shelf.stored + len(sent)
                sent.add(note)
            elif kind == FETCH:
                assert 0 <= note < shelf.stored or note in sent
            else:
                assert (kind, note) == (LIST, -1)


@pytest.mark.parametrize("caching", [Caching(60_000), SECOND_TOO], ids=repr)
def test_caches_that_begin_warm_answer_as_if_they_had_lived(shelf: Shelf, caching: Caching) -> None:
    """What they hold at the window's begin, replayed on, hits what the whole script would have hit."""
    for seed in range(5):
        block = asked(shelf, seed)
        warm = block.before(caching)
        memory, second = Lru(caching.limit), Lru(1 << 40)
        weights = (shelf.sizes + ROW).tolist()
        for level, held in ((memory, warm.memory), (second, warm.second)):
            for number in held:
                level.put(number, weights[number])
        found = []
        for kind, note in zip(block.kinds.tolist(), block.notes.tolist(), strict=True):
            place = NONE
            if kind == FETCH:
                place = MEMORY if memory.get(note) else SECOND if caching.second and second.get(note) else MISS
            if place in (SECOND, MISS) or (kind == SEND and caching.at_upload):
                memory.put(note, weights[note])
                second.put(note, weights[note])
            found.append(place)
        assert found == block.expected(caching).places[block.past :].tolist()
        assert MEMORY in found and (SECOND in found) == caching.second


def test_a_block_is_drawn_until_it_reaches_its_ratios(shelf: Shelf) -> None:
    reach = Reach(SECOND_TOO, asked(shelf, 3).ratio(SECOND_TOO), 0.01)
    wanted = replace(SHORT, reaching=(reach,))
    for seed in range(5):
        assert asked(shelf, seed, wanted).ratio(SECOND_TOO) == pytest.approx(reach.ratio, abs=0.01)
    with pytest.raises(InvalidRun, match="none reaches"):
        asked(shelf, 1, replace(SHORT, reaching=(Reach(SECOND_TOO, 1.2),)))


@pytest.mark.parametrize(
    ("workload", "why"),
    [
        (replace(SHORT, mix=Mix(0.5, 0.5)), "to send"),
        (replace(SHORT, popularity=Zipf(0.0, 5_000), requests=100), "stores 60"),
    ],
    ids=["sends", "fetches"],
)
def test_a_catalogue_that_is_too_small_is_told(shelf: Shelf, workload: Workload, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        asked(shelf, 1, workload)


def test_a_cache_larger_than_the_catalogue_is_told(shelf: Shelf) -> None:
    told = asked(shelf)
    every = int(told.sizes.sum())
    with pytest.raises(UsageError, match="enlarge"):
        told.before(Caching(every - 1))
    assert len(told.before(Caching(every)).memory) <= shelf.stored  # nothing is forgotten, nothing else is asked for
