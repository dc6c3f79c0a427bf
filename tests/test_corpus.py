"""A corpus: what it says it is, what it refuses, and notes of a stated length that are the same every time."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.corpus import Corpus, open_corpus
from imlab.audio.files import write_clip
from imlab.audio.manifest import NAME, read_manifest, scan, write_manifest
from imlab.audio.voices import voices
from imlab.errors import DoorError, PeerError, UsageError


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A directory of the user's: three files, one below, and a letter."""
    place = tmp_path / "given"
    (place / "more").mkdir(parents=True)
    for seed, name in enumerate(("b.wav", "a.flac", "more/c.wav")):
        samples = np.random.default_rng(seed).uniform(-0.5, 0.5, 8000 + seed)
        write_clip(place / name, Clip(samples.astype(np.float32), 8000))
    (place / "letter.txt").write_text("not a sound")
    return place


def test_a_directory_without_manifest_is_its_sound_files(given: Path) -> None:
    corpus = open_corpus(given)
    assert [entry.name for entry in corpus.entries] == ["a.flac", "b.wav", "more/c.wav"]
    assert corpus.label == "given speech"
    assert corpus.real
    assert {entry.licence for entry in corpus.entries} == {"unknown"}
    assert corpus.seconds == pytest.approx(3, abs=0.01)


def test_a_manifest_is_what_counts(given: Path) -> None:
    write_manifest(given, scan(given, print)[:2])
    assert [entry.name for entry in open_corpus(given).entries] == ["a.flac", "b.wav"]
    assert read_manifest(given) == scan(given, print)[:2], "what is written is read again"


def test_the_environment_names_a_corpus_and_a_path_wins(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMLAB_CORPUS", str(given / "more"))
    assert [entry.name for entry in open_corpus().entries] == ["c.wav"]
    assert len(open_corpus(given).entries) == 3


def test_the_fingerprint_is_of_the_recordings_alone(given: Path, tmp_path: Path) -> None:
    corpus = open_corpus(given)
    moved = tmp_path / "moved"
    shutil.copytree(given, moved)
    (moved / "a.flac").rename(moved / "z.flac")
    assert open_corpus(moved).fingerprint == corpus.fingerprint
    (moved / "z.flac").unlink()
    assert open_corpus(moved).fingerprint != corpus.fingerprint


def test_a_changed_recording_is_refused_when_it_is_loaded(given: Path) -> None:
    corpus = open_corpus(given)
    write_clip(given / "b.wav", Clip(np.ones(10, np.float32), 8000), overwrite=True)
    with pytest.raises(PeerError, match=r"b\.wav is not what the manifest describes"):
        list(corpus.clips())


BAD_MANIFESTS = [
    pytest.param("file,lang\na.flac,en\n", "lacks the columns", id="columns"),
    pytest.param("", "lacks the columns", id="empty"),
    pytest.param("a.flac,en,F,fast,1,1,x,y,z", "line 2: invalid literal", id="no number"),
    pytest.param("a.flac", "line 2", id="short row"),
    pytest.param("../a.flac,en,F,8000,1,1,x,y,z", "line 2: ../a.flac lies outside", id="outside"),
]


@pytest.mark.parametrize(("text", "seen"), BAD_MANIFESTS)
def test_a_bad_manifest_says_where(given: Path, text: str, seen: str) -> None:
    header = "" if not text or text.startswith("file") else "file,lang,sex,rate,seconds,bytes,licence,source,sha256\n"
    (given / NAME).write_text(header + text)
    with pytest.raises(PeerError, match=seen):
        open_corpus(given)


def test_what_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        open_corpus(tmp_path / "missing")
    with pytest.raises(UsageError, match="holds no sound files"):
        open_corpus(tmp_path)


def test_clips_come_at_one_rate_and_a_seed_shuffles_them(given: Path) -> None:
    corpus = open_corpus(given)
    assert [len(clip.samples) for clip in corpus.clips(rate=16_000)] == [16_002, 16_000, 16_004]
    assert [len(clip.samples) for clip in corpus.clips(rate=8000, limit=2)] == [8001, 8000]
    orders = {tuple(len(clip.samples) for clip in corpus.clips(8000, seed=seed)) for seed in range(20)}
    assert len(orders) > 2
    assert all(sorted(order) == [8000, 8001, 8002] for order in orders)


@pytest.mark.parametrize("seconds", [3, 15, 60])
def test_a_note_has_its_length_and_is_the_same_every_time(corpus: Corpus, seconds: int) -> None:
    note, again = corpus.note(seconds, seed=4), corpus.note(seconds, seed=4)
    assert note.seconds == seconds
    assert np.array_equal(note.samples, again.samples)
    assert not np.array_equal(note.samples, corpus.note(seconds, seed=5).samples)


def test_without_speech_a_synthesiser_speaks_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMLAB_CORPUS", raising=False)
    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path))
    heard: list[str] = []
    corpus = open_corpus(download=False, say=heard.append)
    assert corpus.label == "synthetic speech"
    assert not corpus.real
    assert str(corpus).startswith("synthetic speech: 12 clips, 81 s")
    assert "synthetic speech" in heard[0]
    assert next(corpus.clips(limit=1)).rate == 16_000
    place = corpus.entries[0].path.parent
    assert open_corpus(place).label == "synthetic speech", "given by its path it is still synthetic"
    assert voices(tmp_path / "synthetic") == corpus.entries, "made once"


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.delenv("IMLAB_CORPUS", raising=False)
    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(DoorError, match="IMLAB_CACHE names another place"):
        open_corpus(download=False)


def test_every_entry_of_the_tests_corpus_has_a_licence(corpus: Corpus) -> None:
    assert all(entry.licence and entry.source and len(entry.sha256) == 64 for entry in corpus.entries)
