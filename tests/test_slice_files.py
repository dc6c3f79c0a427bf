"""Slice files: each plays alone, joined they are what was cut, to the bit, and what does not belong is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from imlab.audio.clip import Clip
from imlab.audio.files import read_clip, write_clip
from imlab.audio.speech.corpus import Corpus
from imlab.codec.container import oggopus
from imlab.codec.container.tags import read_tags, write_tags
from imlab.codec.contract import CodecError, Coded, encode
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.codec.slice_files import (
    join_slices,
    slice_coded,
    slice_opus,
    slice_samples,
    slices_in,
    write_slices,
)
from imlab.desk import dispatch
from imlab.errors import DoorError, PeerError, UsageError
from tests.tools import need

CODEC = Opus(complexity=5)


@pytest.fixture(scope="module")
def note(corpus: Corpus) -> Clip:
    """Twelve seconds of speech by several people, at 16 kHz."""
    return corpus.note(12.0)


@pytest.fixture(scope="module")
def whole(note: Clip) -> Coded:
    return encode(CODEC, note)


@pytest.fixture(scope="module")
def pieces(note: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A note of 12 s as WAV, and its slices of 5 s in Opus and WAV."""
    place = tmp_path_factory.mktemp("pieces")
    write_clip(place / "note.wav", note)
    write_slices(slice_coded(place / "note.wav", CODEC, 5), place / "opus")
    write_slices(slice_samples(place / "note.wav", ".wav", 5), place / "wav")
    return place


def test_opus_slices_joined_are_the_encoding_in_one_piece(pieces: Path, whole: Coded, tmp_path: Path) -> None:
    label, _ = join_slices(slices_in([pieces / "opus"])[::-1], tmp_path / "note.ogg")
    assert oggopus.read((tmp_path / "note.ogg").read_bytes()) == whole, "packets, length, delay: every sample"
    assert label.count == 3 and len(label.source) == 64


def test_an_opus_file_is_cut_without_coding_it_anew(pieces: Path, tmp_path: Path) -> None:
    join_slices(slices_in([pieces / "opus"]), tmp_path / "note.ogg")
    again = write_slices(slice_opus(tmp_path / "note.ogg", 0.7), tmp_path / "again")
    assert len(again) == 18
    join_slices(again, tmp_path / "twice.opus")
    assert (tmp_path / "twice.opus").read_bytes() == (tmp_path / "note.ogg").read_bytes()


KINDS = [
    ("PCM_16", ".wav", 1), ("PCM_24", ".wav", 2), ("FLOAT", ".wav", 1), ("PCM_U8", ".wav", 2), ("DOUBLE", ".wav", 1),
    ("PCM_16", ".flac", 2), ("PCM_24", ".flac", 1), ("PCM_U8", ".flac", 1),
]  # fmt: skip


@pytest.mark.parametrize(("subtype", "suffix", "channels"), KINDS)
def test_lossless_slices_are_joined_bit_for_bit(subtype: str, suffix: str, channels: int, tmp_path: Path) -> None:
    sound = np.random.default_rng(1).uniform(-0.9, 0.9, (10_007, channels))
    soundfile.write(tmp_path / "note.wav", sound, 44_100, subtype)
    paths = write_slices(slice_samples(tmp_path / "note.wav", suffix, 0.1), tmp_path / "slices")
    assert [soundfile.info(path).frames for path in paths] == [4410, 4410, 1187]
    join_slices(paths[1:] + paths[:1], tmp_path / f"joined{suffix}")
    one, other = (soundfile.read(tmp_path / name, dtype="float64")[0] for name in ("note.wav", f"joined{suffix}"))
    assert np.array_equal(one, other)


@pytest.mark.process
def test_a_disk_that_is_full_is_named_and_nothing_stays(tmp_path: Path) -> None:
    """In a process of its own, whose files may not grow beyond 100 kB."""
    soundfile.write(tmp_path / "note.wav", np.random.default_rng(5).uniform(-0.5, 0.5, 100_000), 16_000)
    write_slices(slice_samples(tmp_path / "note.wav", ".flac", 2), tmp_path / "slices")
    limit = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000,) * 2);"
    limit += "from imlab.desk.dispatch import main; sys.exit(main(sys.argv[1:]))"
    join = ["join", str(tmp_path / "slices"), "--out", str(tmp_path / "joined.flac")]
    done = subprocess.run([sys.executable, "-c", limit, *join], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("lab join: cannot write") and done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note.wav", "slices"]


def test_any_sound_becomes_opus_slices(tmp_path: Path) -> None:
    """44.1 kHz stereo in, 16 kHz mono out: the length is the one that resampling gives."""
    soundfile.write(tmp_path / "note.wav", np.random.default_rng(2).uniform(-0.1, 0.1, (44_107, 2)), 44_100)
    paths = write_slices(slice_coded(tmp_path / "note.wav", CODEC, 0.4), tmp_path / "slices")
    assert [len(read_clip(path).samples) for path in paths] == [6400, 6400, 3203]
    assert read_tags(paths[1].read_bytes())["SLICE_START_SECONDS"] == "0.400000"


def tagged(path: Path, **fields: object) -> None:
    """A slice that says something else of itself."""
    said = {f"SLICE_{name.upper()}": str(value) for name, value in fields.items()}
    path.write_bytes(write_tags(path.read_bytes(), said))


def _lose(place: Path) -> None:
    slices_in([place])[1].unlink()


def _double(place: Path) -> None:
    one = slices_in([place])[1]
    shutil.copy(one, place / f"copy{one.suffix}")


def _foreign(place: Path) -> None:
    tagged(slices_in([place])[2], source="another")


def _overlap(place: Path) -> None:
    tagged(slices_in([place])[1], start=79_000)


def _gap(place: Path) -> None:
    tagged(slices_in([place])[1], start=81_000)


def _cut_short(place: Path) -> None:
    path = slices_in([place])[1]
    path.write_bytes(path.read_bytes()[:-3000])


def _another_rate(place: Path) -> None:
    tagged(slices_in([place])[0], rate=8000)


def _odd_rate(place: Path) -> None:
    for path in slices_in([place]):
        tagged(path, rate=7999)


def _no_number(place: Path) -> None:
    tagged(slices_in([place])[0], index="first")


def _impossible(place: Path) -> None:
    tagged(slices_in([place])[0], index=7)


def _shorter_than_said(place: Path) -> None:
    first, second, _ = slices_in([place])
    tagged(first, samples=79_000)
    tagged(second, start=79_000, samples=81_000)


def _longer_set(place: Path) -> None:
    for path in slices_in([place]):
        tagged(path, total=192_001)


def _untagged(place: Path) -> None:
    soundfile.write(place / "other.wav", np.zeros(100), 8000)


BREACHES = [
    (_lose, "of 3 slices 1 are missing: 2"),
    (_double, r"2-of-3.*and .*copy.* are both slice 2|copy.* and .*2-of-3.* are both slice 2"),
    (_foreign, "3-of-3.* is of source another, .*: not one recording"),
    (_overlap, "2-of-3.* overlaps the slice before it: it starts at sample 79000, not 80000"),
    (_gap, "2-of-3.* leaves a gap after the slice before it"),
    (_cut_short, r"2-of-3.*(cut short|truncated|holds|cannot be read)"),
    (_another_rate, "1-of-3.* is at a rate of 8000"),
    (_odd_rate, r"1-of-3.*(no rate 7999|holds)"),
    (_no_number, "1-of-3.* has a tag that is no number"),
    (_impossible, "1-of-3.* says what cannot be"),
    (_shorter_than_said, "1-of-3.* holds 80000 samples, its tags say 79000"),
    (_longer_set, "the slices end at sample 192000, their source at 192001"),
    (_untagged, "other.wav has no tag SLICE_SOURCE: it is no slice"),
]


@pytest.mark.parametrize(("breach", "seen"), BREACHES, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.parametrize("kind", ["opus", "wav"])
def test_what_does_not_belong_is_named_and_nothing_is_written(
    kind: str, breach: object, seen: str, pieces: Path, tmp_path: Path
) -> None:
    shutil.copytree(pieces / kind, tmp_path / "slices")
    assert callable(breach)
    breach(tmp_path / "slices")
    with pytest.raises(PeerError, match=seen):
        join_slices(slices_in([tmp_path / "slices"]), tmp_path / ("note.ogg" if kind == "opus" else "note.wav"))
    assert [path.name for path in tmp_path.iterdir()] == ["slices"]


def test_slices_of_two_encodings_of_one_source_are_not_mixed(pieces: Path, tmp_path: Path) -> None:
    write_slices(slice_coded(pieces / "note.wav", replace(CODEC, bitrate=30_000), 5), tmp_path / "slices")
    name = slices_in([tmp_path / "slices"])[1].name
    shutil.copy(pieces / "opus" / name, tmp_path / "slices" / name)
    with pytest.raises(PeerError, match=r"2-of-3\.ogg does not continue the slice before it"):
        join_slices(slices_in([tmp_path / "slices"]), tmp_path / "note.ogg")


def test_a_wav_slice_among_flac_slices_is_named(pieces: Path, tmp_path: Path) -> None:
    write_slices(slice_samples(pieces / "note.wav", ".flac", 5), tmp_path / "slices")
    slices_in([tmp_path / "slices"])[1].unlink()
    shutil.copy(slices_in([pieces / "wav"])[1], tmp_path / "slices" / "b.wav")
    with pytest.raises(PeerError, match=r"b.wav is WAV PCM_16 .* the slices before it are FLAC"):
        join_slices(slices_in([tmp_path / "slices"]), tmp_path / "note.flac")
    assert not (tmp_path / "note.flac").exists()


def test_stereo_opus_is_not_cut_into_mono(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", np.zeros((48_000, 2)), 48_000, format="OGG", subtype="OPUS")
    with pytest.raises(UsageError, match="is stereo, our Ogg Opus is mono"):
        list(slice_opus(tmp_path / "a.ogg", 1))
    assert len(list(slice_samples(tmp_path / "a.ogg", ".wav", 0.5))) == 2


def _asked(pieces: Path, tmp_path: Path) -> Iterator[tuple[object, type[Exception], str]]:
    wav, opus = slices_in([pieces / "wav"]), slices_in([pieces / "opus"])
    note = pieces / "note.wav"
    yield lambda: join_slices([], tmp_path / "x.wav"), UsageError, "no slices"
    yield lambda: join_slices(wav, tmp_path / "x.flac"), UsageError, "call the file x.wav"
    yield lambda: join_slices(opus, tmp_path / "x.wav"), UsageError, "call the file x.ogg"
    yield lambda: join_slices(wav, note), UsageError, "already there"
    yield lambda: slices_in([tmp_path]), UsageError, "holds no slices"
    yield lambda: list(slice_coded(note, Pcm(16_000), 5)), UsageError, "slices of pcm cannot be joined"
    yield lambda: list(slice_samples(note, ".mp3", 5)), UsageError, "not as '.mp3'"
    yield lambda: list(slice_samples(note, ".wav", 0.0001)), UsageError, "too many"
    yield lambda: list(slice_samples(note, ".wav", 0)), UsageError, "slices of 0 samples"
    yield lambda: list(slice_opus(note, 5)), CodecError, "no Ogg page"
    yield lambda: write_slices([], note / "below"), DoorError, "cannot make"
    yield lambda: write_slices(slice_samples(note, ".wav", 5), pieces / "wav"), UsageError, "already there"


def test_what_cannot_be_done_is_said(pieces: Path, tmp_path: Path) -> None:
    for act, error, seen in _asked(pieces, tmp_path):
        assert callable(act)
        with pytest.raises(error, match=seen):
            act()


def test_the_verbs(pieces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "slices")
    assert dispatch.main(["slice", str(pieces / "note.wav"), "--every", "5", "--out", out, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["start_s"] for line in told] == [0, 5, 10]
    assert [line["samples"] for line in told] == [80_000, 80_000, 32_000]
    assert dispatch.main(["join", out, "--out", str(tmp_path / "note.wav")]) == 0
    assert "3 slices, 12.0 s, WAV PCM_16" in capsys.readouterr().out
    assert np.array_equal(read_clip(tmp_path / "note.wav").samples, read_clip(pieces / "note.wav").samples)
    arguments = ["--every", "5", "--out", str(tmp_path / "opus"), "--codec", "opus", "--bitrate", "16000"]
    assert dispatch.main(["slice", str(tmp_path / "note.wav"), *arguments]) == 0
    assert "3 slices of 5 s" in capsys.readouterr().out
    assert dispatch.main(["join", str(tmp_path / "opus"), "--out", str(tmp_path / "note.ogg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 192_000
    assert dispatch.main(["slice", str(tmp_path / "note.ogg"), "--every", "6", "--out", str(tmp_path / "same")]) == 0
    assert len(slices_in([tmp_path / "same"])) == 2


@pytest.mark.parametrize(
    ("argv", "code", "seen"),
    [
        (["slice", "note.wav", "--every", "-1", "--out", "x"], 2, "a slice lasts longer"),
        (["slice", "note.wav", "--out", "x", "--bitrate", "9000"], 2, "are for --codec opus"),
        (["slice", "missing.wav", "--out", "x"], 2, "missing.wav"),
        (["slice", "note.txt", "--out", "x"], 1, "note.txt"),
        (["slice", "note.mp3", "--out", "x"], 2, "give --codec opus, pcm or flac"),
        (["join", "x", "--out", "y.wav"], 2, "there is no file x"),
        (["join", "note.wav", "--out", "y.wav"], 1, "note.wav has no tag SLICE_SOURCE"),
    ],
)
def test_the_verbs_say_what_is_wrong(
    argv: list[str], code: int, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    sound = np.random.default_rng(3).uniform(-0.1, 0.1, 16_000)
    soundfile.write("note.wav", sound, 16_000)
    soundfile.write("note.mp3", sound, 16_000)
    Path("note.txt").write_text("words")
    assert dispatch.main(argv) == code
    assert seen in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note.mp3", "note.txt", "note.wav"]


@pytest.mark.outside
@pytest.mark.parametrize("kind", ["opus", "wav"])
def test_others_see_the_tags(kind: str, pieces: Path) -> None:
    need("ffmpeg", "opusinfo")
    path = slices_in([pieces / kind])[1]
    probe = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", str(path)]
    seen = subprocess.run(probe, capture_output=True, text=True, check=True).stdout
    assert "SLICE_START=80000" in seen and "SLICE_INDEX=1" in seen
    if kind == "opus":
        judged = subprocess.run(["opusinfo", str(path)], capture_output=True, text=True, check=False)
        assert judged.returncode == 0 and "SLICE_COUNT=3" in judged.stdout and "0m:05.000s" in judged.stdout
        assert "WARNING" not in judged.stderr + judged.stdout
