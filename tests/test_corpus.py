"""A corpus: what it says it is, what it refuses, and notes of a stated length that are the same every time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.audio.files import encode_clip, write_clip
from imlab.audio.speech.corpus import Corpus, open_corpus
from imlab.audio.speech.manifest import NAME, read_manifest, scan, write_manifest
from imlab.audio.speech.survey import clipped, survey, survey_size
from imlab.audio.speech.voices import voices
from imlab.desk import dispatch
from imlab.errors import DoorError, PeerError, UsageError

pytestmark = pytest.mark.slow


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
    others = (corpus.note(seconds, seed=seed) for seed in range(5, 12))  # of few recordings two seeds may draw one
    assert not all(np.array_equal(note.samples, other.samples) for other in others)


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


def loud(seconds: float = 1.0, peak: float = 0.3, rate: int = 16_000, channels: int = 1) -> NDArray[np.float64]:
    """Noise that swells, so that it has a level but no flat tops."""
    count = round(seconds * rate)
    swell = np.linspace(0.1, 1, count)[:, None]
    return peak * swell * np.random.default_rng(7).uniform(-1, 1, (count, channels))


def _float_not_finite(path: Path) -> None:
    soundfile.write(path, np.full(100, np.nan), 8000, "FLOAT")


def _cut(path: Path) -> None:
    soundfile.write(path, loud(), 16_000)
    path.write_bytes(path.read_bytes()[:9000])


ODD: list[tuple[str, Callable[[Path], object], str]] = [
    ("stereo.wav", lambda path: soundfile.write(path, loud(rate=44_100, channels=2), 44_100), "2 channels, averaged"),
    ("whisper.wav", lambda path: soundfile.write(path, loud(peak=0.003), 16_000), "quiet"),
    ("clipped.flac", lambda path: soundfile.write(path, np.clip(loud(peak=4), -1, 1), 16_000), "clipped"),
    ("clipped quietly.wav", lambda path: soundfile.write(path, np.clip(loud(peak=4), -0.7, 0.7), 16_000), "clipped"),
    ("silence.wav", lambda path: soundfile.write(path, np.zeros(16_000), 16_000), "silent"),
    ("short.wav", lambda path: soundfile.write(path, loud(0.05), 16_000), "short"),
    ("тест 语音.wav", lambda path: soundfile.write(path, loud(), 16_000), ""),
    ("a/b/c/deep.OGG", lambda path: soundfile.write(path, loud(), 16_000, format="OGG"), ""),
    ("note.mp3", lambda path: soundfile.write(path, loud(), 16_000), ""),
    ("8k.wav", lambda path: soundfile.write(path, loud(rate=8000), 8000), ""),
    ("empty.wav", lambda path: path.write_bytes(b""), "X empty.wav is empty"),
    ("no sound.wav", lambda path: soundfile.write(path, np.zeros(0), 8000), "X no sound.wav is a sound file without"),
    ("words.wav", lambda path: path.write_text("words, not sound"), "X words.wav"),
    ("nan.wav", _float_not_finite, "X nan.wav holds samples that are not finite"),
    ("cut.wav", _cut, "X cut.wav is cut short"),
]
UNSEEN = ("letter.txt", ".hidden.wav", "._a.wav", ".git/a.wav", "picture.png")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A directory as users have them."""
    place = tmp_path / "odd"
    for name, write, _ in ODD:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        write(place / name)
    for name in UNSEEN:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"no sound")
    (place / "folder.wav").mkdir()
    return place


def test_a_users_directory_is_seen_file_by_file(odd: Path) -> None:
    found = {finding.name: finding for finding in survey(odd)}
    assert found.keys() == {name for name, _, _ in ODD}, "nothing hidden, nothing that is not sound by its name"
    for name, _, seen in ODD:
        finding = found[name]
        assert finding.refused.startswith(seen[2:]) if seen[:2] == "X " else seen in (*finding.remarks, ""), finding
        assert bool(finding.refused) == (seen[:2] == "X ") and finding.usable == (seen[:2] != "X " and seen != "silent")
    assert survey_size(odd) == len(ODD)
    assert -20 < found["note.mp3"].level < -10


def test_files_that_are_no_sound_are_left_out_by_name(odd: Path) -> None:
    heard: list[str] = []
    corpus = open_corpus(odd, say=heard.append)
    for name in ("empty.wav", "no sound.wav", "words.wav"):
        assert any(line.startswith(f"left out: {name} is") for line in heard), name
    assert "тест 语音.wav" in {entry.name for entry in corpus.entries}
    with pytest.raises(PeerError, match=r"(cut|nan)\.wav (is cut short|holds samples)"):
        list(corpus.clips())


def test_a_directory_of_nothing_but_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("words")
    with pytest.raises(UsageError, match=r"no sound files that can be read: \./lab corpus check says why"):
        open_corpus(tmp_path, say=print)
    with pytest.raises(UsageError, match="is not a directory"):
        list(survey(tmp_path / "missing"))


def test_the_verb_checks_and_writes_what_can_be_used(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["corpus", "check", str(odd), "--write"]) == 0
    shown = capsys.readouterr().out
    assert "9 of 15 recordings can be used" in shown and "  X cut.wav is cut short" in shown
    assert "  ! silence.wav: silent" in shown and "1 at 44100 Hz" in shown
    heard: list[str] = []
    assert len(list(open_corpus(odd, say=heard.append).clips())) == 9 and not heard, "every one of them can be loaded"
    assert dispatch.main(["corpus", "check", str(odd), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["usable"], told["rates"]["16000"]) == (9, 9, 7) and not told["refused"]
    (odd / "8k.wav").unlink()
    assert dispatch.main(["corpus", "check", str(odd), "--write"]) == 2
    shown_now = capsys.readouterr()
    assert "there is no file" in shown_now.out and "is already there" in shown_now.err
    assert dispatch.main(["corpus", "check", str(odd / "folder.wav")]) == 2


def test_nothing_to_measure_on_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 8000)
    assert dispatch.main(["corpus", "check", str(tmp_path)]) == 1
    assert "0 of 1 recordings can be used" in capsys.readouterr().out


def test_a_loud_peak_is_not_a_clipped_one() -> None:
    sine = np.sin(np.arange(16_000) * 2 * np.pi * 1000 / 16_000).astype(np.float32)
    assert not clipped(sine) and clipped(np.clip(2 * sine, -1, 1)) and not clipped(sine[:2]) and not clipped(sine[:0])


def test_many_files_are_found_in_order(tmp_path: Path) -> None:
    sound = encode_clip(Clip(np.full(40, 0.1, np.float32), 8000), ".wav")
    (tmp_path / "0.wav").write_bytes(sound)
    for number in range(1, 1000):
        (tmp_path / f"{number}.wav").hardlink_to(tmp_path / "0.wav")
    assert [entry.name for entry in scan(tmp_path, print)] == sorted(f"{number}.wav" for number in range(1000))
