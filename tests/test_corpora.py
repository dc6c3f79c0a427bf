"""Published corpora: real archives of the same layout, served on loopback, checked, resumed, unpacked and indexed."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.speech.corpora import CORPORA
from imlab.audio.speech.corpus import open_corpus
from imlab.audio.speech.corpus_download import download
from imlab.audio.speech.corpus_fetch import NOTICE, Choice, Chooser, fetch_corpus, notice
from imlab.audio.speech.manifest import read_manifest
from imlab.audio.speech.speakers import read_table
from imlab.audio.speech.unpack import members, read_member
from imlab.desk import dispatch
from imlab.errors import DoorError, PeerError, UsageError
from tests.corpus_host import SPEAKERS, VCTK_TABLE, Endless, Host, served, tar


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    server = Host()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


WHOLE = [
    ("librispeech-dev-clean", 12, {"84": "F", "174": "M", "251": "M", "422": "M"}),
    ("vctk", 4, {"p225": "F", "p226": "M"}),
    ("cmu-arctic", 14, {"slt": "F", "clb": "F", "bdl": "M", "rms": "M", "jmk": "M", "awb": "M", "ksp": "M"}),
    ("aishell-1", 4, {"S0002": "F", "S0003": "M"}),
]


@pytest.mark.process
@pytest.mark.parametrize(("name", "count", "sexes"), WHOLE)
def test_a_corpus_comes_whole_and_is_taken(
    host: Host, name: str, count: int, sexes: dict[str, str], tmp_path: Path
) -> None:
    corpus = served(host, name)
    heard: list[str] = []
    entries = fetch_corpus(corpus, tmp_path / "here", tmp_path / "archives", Choice(), heard.append)
    assert len(entries) == count and read_manifest(tmp_path / "here") == tuple(
        replace(entry, path=tmp_path / "here" / entry.name) for entry in entries
    )
    assert {entry.source.rpartition(" ")[2]: entry.sex for entry in entries} == sexes
    assert {(entry.lang, entry.licence) for entry in entries} == {(corpus.lang, corpus.licence)}
    files = {
        path.relative_to(tmp_path / "here").as_posix() for path in (tmp_path / "here").rglob("*") if path.is_file()
    }
    assert files == {entry.name for entry in entries} | {"MANIFEST.csv", NOTICE}, "and nothing else"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archives", "here"], "nothing climbed out"
    opened = open_corpus(tmp_path / "here")
    assert opened.label == "given speech" and len(list(opened.clips())) == count


@pytest.mark.process
def test_some_speakers_women_and_men_in_turns(host: Host, tmp_path: Path) -> None:
    corpus = served(host, "librispeech-dev-clean")
    entries = fetch_corpus(corpus, tmp_path / "two", tmp_path / "archives", Choice(2, 1), print)
    assert [(entry.name.split("/")[2], entry.sex) for entry in entries] == [("174", "M"), ("84", "F")]
    asked = len(host.asked)
    fetch_corpus(corpus, tmp_path / "all", tmp_path / "archives", Choice(utterances=2), print)
    assert len(host.asked) == asked, "another choice needs no download"
    with pytest.raises(UsageError, match="is already there"):
        fetch_corpus(corpus, tmp_path / "all", tmp_path / "archives", Choice(), print)


@pytest.mark.process
def test_of_an_archive_per_speaker_only_those_wanted_come(host: Host, tmp_path: Path) -> None:
    corpus = served(host, "cmu-arctic")
    entries = fetch_corpus(corpus, tmp_path / "here", tmp_path / "archives", Choice(2), print)
    assert len(host.asked) == 2 and len(entries) == 4
    assert {entry.sex for entry in entries} == {"F", "M"}


@pytest.mark.process
@pytest.mark.parametrize("ranges", [True, False], ids=["gone on with", "from the start"])
def test_a_cut_download_becomes_whole(host: Host, ranges: bool, tmp_path: Path) -> None:
    archive = served(host, "vctk").archives[0]
    host.cuts, host.ranges = [300, 1000] if ranges else [300], ranges
    path = download(archive, tmp_path)
    assert path.read_bytes() == host.files[archive.name]
    assert host.asked == (["", "bytes=300-", "bytes=1300-"] if ranges else ["", ""])
    assert list(tmp_path.iterdir()) == [path]
    download(archive, tmp_path)
    assert len(host.asked) == (3 if ranges else 2), "the second time it is there"


@pytest.mark.process
def test_a_line_that_gives_nothing_more_is_said_and_what_came_is_kept(host: Host, tmp_path: Path) -> None:
    archive = served(host, "vctk").archives[0]
    host.cuts = [500, 0]
    with pytest.raises(DoorError, match="came cut short, 500 bytes are kept; the same command goes on from there"):
        download(archive, tmp_path)
    assert download(archive, tmp_path).read_bytes() == host.files[archive.name]
    assert host.asked[-1] == "bytes=500-"


@pytest.mark.process
@pytest.mark.parametrize("kept", [0, 100, 10**6], ids=["from the start", "gone on with", "longer than it is"])
def test_another_file_is_loud_and_nothing_of_it_stays(host: Host, kept: int, tmp_path: Path) -> None:
    archive = served(host, "aishell-1").archives[0]
    host.files[archive.name] = bytes(len(host.files[archive.name]))
    if kept:
        (tmp_path / f"{archive.name}.part").write_bytes(bytes(kept))
    with pytest.raises(PeerError, match=r"resource_aishell.tgz is not what was published: its md5 .* nothing was kept"):
        download(archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_a_host_that_lacks_it_or_is_not_there_is_named(host: Host, tmp_path: Path) -> None:
    archive = served(host, "vctk").archives[0]
    host.files.clear()
    with pytest.raises(DoorError, match=r"VCTK-Corpus-0.92.zip cannot be had: Not Found"):
        download(archive, tmp_path)
    nobody = replace(archive, url="http://127.0.0.1:9/nobody.zip")
    with pytest.raises(DoorError, match="cannot be had"):
        download(nobody, tmp_path)


@pytest.mark.process
def test_a_full_disk_is_named(host: Host, tmp_path: Path) -> None:
    archive = served(host, "vctk").archives[0]
    (tmp_path / f"{archive.name}.part").symlink_to("/dev/full")
    with pytest.raises(DoorError, match="No space left on device"):
        download(archive, tmp_path)
    host.files[archive.name] = Endless(b"x")
    with pytest.raises(DoorError, match=r"needs .* GB more in .* are free"):
        download(archive, tmp_path / "other")


def test_what_is_damaged_or_holds_nothing_is_named(tmp_path: Path) -> None:
    box = tmp_path / "a.tgz"
    whole = tar({f"{n}.wav": np.random.default_rng(n).bytes(9000) for n in range(9)})
    for data in (whole[: len(whole) // 2], b"junk", whole[:99] + b"????" + whole[103:]):
        box.write_bytes(data)
        with pytest.raises(PeerError, match=r"(a\.tgz|\.wav) "):
            for name, file in members(box):
                read_member(name, file)
    with pytest.raises(PeerError, match="larger than 0 MiB"):
        read_member("a.wav", io.BytesIO(bytes(9)), most=8)


TABLES = [
    ("librispeech", SPEAKERS, {"84": "F", "174": "M", "251": "M", "422": "M", "777": "F"}),
    ("vctk", VCTK_TABLE + b"s5  24  F\n\n  \n226  22  M\n", {"p225": "F", "p226": "M", "s5": "F"}),
    ("aishell", b"0002 F\nS0003 M\n\n4 m\n0005 ?\n", {"S0002": "F", "S0003": "M", "S0004": "M"}),
]


@pytest.mark.parametrize(("kind", "table", "told"), TABLES)
def test_speaker_tables(kind: str, table: bytes, told: dict[str, str]) -> None:
    assert read_table(kind, table) == told
    with pytest.raises(PeerError, match="tells the sex of nobody"):
        read_table(kind, b"\xff\xfe words\n")


def test_a_chooser_keeps_to_its_numbers() -> None:
    chooser = Chooser(Choice(speakers=3, utterances=2))
    coming = [("a", "F"), ("b", "F"), ("c", "F"), ("a", "F"), ("a", "F"), ("d", "M"), ("e", "M"), ("c", "F")]
    assert [chooser.take(*who) for who in coming] == [True, True, False, True, False, True, False, False]
    unknown = Chooser(Choice(speakers=2))
    assert [unknown.take(who, "?") for who in "abca"] == [True, True, False, True]


def test_the_table_is_whole() -> None:
    assert len({corpus.name for corpus in CORPORA}) == len(CORPORA) == 5
    for corpus in CORPORA:
        assert corpus.licence in notice(corpus) and corpus.link in notice(corpus) and corpus.vouched
        assert corpus.about >= sum(archive.bytes for archive in corpus.archives)
        for archive in corpus.archives:
            kind, _, digest = archive.hash.partition(":")
            assert len(bytes.fromhex(digest)) == {"sha256": 32, "md5": 16}[kind]


@pytest.mark.process
def test_the_verb_fetches(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("imlab.audio.speech.corpora.CORPORA", (served(host, "vctk"),))
    assert dispatch.main(["corpus", "fetch", "vctk", "--speakers", "1"]) == 2
    assert "add --yes when you have read it" in capsys.readouterr().err and not host.asked
    assert dispatch.main(["corpus", "fetch", "vctk", "--utterances", "1", "--yes", "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["files"], told["speakers_by_sex"]) == (2, {"F": 1, "M": 1})
    assert shown.err.index("CC-BY-4.0") < shown.err.index("VCTK-Corpus-0.92.zip"), "the licence before the download"
    assert dispatch.main(["corpus", "check", told["directory"]]) == 0
    assert "2 of 2 recordings can be used" in capsys.readouterr().out


@pytest.mark.process
@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("y", 0)])
def test_the_verb_asks(
    host: Host, answer: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    class Person(io.StringIO):
        """Somebody at a terminal."""

        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("imlab.audio.speech.corpora.CORPORA", (served(host, "vctk"),))
    monkeypatch.setattr("sys.stdin", Person(f"{answer}\n"))
    assert dispatch.main(["corpus", "fetch", "vctk", "--to", str(tmp_path / "here")]) == code
    assert "[y/N]" in capsys.readouterr().err
    assert (tmp_path / "here").exists() is bool(host.asked) is (code == 0)


def test_the_verb_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path))
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "dev-clean.tar.gz.part").write_bytes(bytes(3_000_000))
    assert dispatch.main(["corpus"]) == 0
    shown = capsys.readouterr().out
    assert all(corpus.name in shown and corpus.licence in shown for corpus in CORPORA)
    assert "here: 3 MB" in shown
    assert dispatch.main(["corpus", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["corpora"]) == len(CORPORA)
    assert dispatch.main(["corpus", "fetch", "nothing"]) == 2
    assert "no corpus is called nothing; there are librispeech-dev-clean" in capsys.readouterr().err
