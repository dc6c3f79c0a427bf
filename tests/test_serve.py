"""The verbs serve, send and listen as a person starts them: real processes, free ports, real files."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.files import write_clip
from imlab.audio.join import cut
from imlab.audio.speech.corpus import Corpus
from imlab.codec.container import oggopus
from imlab.codec.contract import decode
from imlab.codec.named import open_codec
from imlab.desk.calls.listening import drawn, save
from imlab.desk.dispatch import main
from imlab.errors import DoorError
from imlab.server.terms import Terms
from imlab.stack.marks import MarksFile, read_marks
from imlab.stack.plan import ServerPlan
from imlab.stack.server import RunningServer, start
from imlab.trace import Mark
from tests.conformance import note

ROOT = Path(__file__).parents[1]
LAB = (sys.executable, "-P", "-W", "error::ResourceWarning", "-m", "imlab")
PATIENCE = 60  # seconds until a wait is a failure

pytestmark = pytest.mark.process


def lab(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One verb, to its end."""
    return subprocess.run(
        [*LAB, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=ROOT,
        stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip


@contextmanager
def running(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """One verb, while we do something else."""
    with subprocess.Popen(
        [*LAB, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests that leave it standing, each in a room of its own."""
    with start(ServerPlan(data=tmp_path_factory.mktemp("data"))) as started:
        yield started


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Half a second of a tone."""
    path = tmp_path / "tone.wav"
    write_clip(path, Clip(np.sin(np.arange(8000, dtype=np.float32) * np.float32(0.2)) * np.float32(0.3), 16_000))
    return path


def listened(text: str) -> Sequence[dict[str, object]]:
    """What listen --json printed."""
    return [json.loads(line) for line in text.splitlines()]


def test_one_sender_two_listeners_real_speech(server: RunningServer, corpus: Corpus, tmp_path: Path) -> None:
    """Out of ``listen --save`` comes what went into ``send``, as well as 24 kbit/s can say it."""
    said = [cut(clip, min(3.0, clip.seconds)) for clip in corpus.clips(limit=3)]
    for number, clip in enumerate(said):
        write_clip(tmp_path / f"{number}.wav", clip)
    where = ("--room", "real", "--server", server.ws)
    to_the_end = (*where, "--count", "3", "--json", "--timeout", str(PATIENCE))
    with (
        running("listen", *to_the_end, "--save", tmp_path / "a") as first,
        running("listen", *to_the_end, "--save", tmp_path / "b") as second,
    ):
        for each in (first, second):
            assert each.stderr
            assert "listening to room real after note 0" in each.stderr.readline()
        sent = lab("send", *(tmp_path / f"{number}.wav" for number in range(3)), *where, "--as", "ann", "--json")
        assert (sent.returncode, sent.stderr) == (0, "")
        heard = [listened(each.communicate(timeout=PATIENCE)[0]) for each in (first, second)]
        assert (first.returncode, second.returncode) == (0, 0)
    acknowledged = [(note["sequence"], note["id"]) for note in listened(sent.stdout)]
    for notes in heard:
        assert [(note["sequence"], note["id"]) for note in notes] == acknowledged
        assert [Path(str(note["file"])).name for note in notes] == [
            f"{place}-{name}.ogg" for place, name in acknowledged
        ]
    got = [[Path(str(note["file"])).read_bytes() for note in notes] for notes in heard]
    assert got[0] == got[1]
    clips = [played(data) for data in got[0]]
    assert [(clip.rate, len(clip.samples)) for clip in clips] == [(16_000, len(clip.samples)) for clip in said]
    if not corpus.real:
        pytest.skip(f"they arrived; quality is judged on real speech only, and here is {corpus.label}")
    assert np.mean([visqol(*pair) for pair in zip(said, clips, strict=True)]) >= 4.1


def played(file: bytes) -> Clip:
    """What a player makes of an Ogg Opus file."""
    coded = oggopus.read(file)
    return decode(open_codec("opus", coded.rate, coded.packets[0].samples), coded)


def visqol(reference: Clip, degraded: Clip) -> float:
    """MOS-LQO, 1 to 5: ViSQOL v3 in speech mode, both clips at 16 kHz, with the lattice of its reference."""
    from visqol import VisqolApi

    panel = VisqolApi()
    panel.create(mode="speech", use_lattice_model=True)
    first, second = (clip.samples.astype(np.float64) for clip in (reference, degraded))
    return float(panel.measure_from_arrays(first, second, 16_000).moslqo)


def test_notes_come_later_again_and_by_http(server: RunningServer, wav: Path, tmp_path: Path) -> None:
    where = ("--room", "late", "--server", server.ws)
    said = lab("send", wav, wav, *where, "--json")
    assert lab("send", wav, *where, "--codec", "pcm").returncode == 0
    assert [json.loads(line)["sequence"] for line in said.stdout.splitlines()] == [1, 2]
    all_of_them = (*where, "--after", "0", "--count", "3", "--json", "--save", tmp_path / "notes", "--timeout", "30")
    notes = listened(lab("listen", *all_of_them).stdout)
    assert [(note["sequence"], note["codec"]) for note in notes] == [(1, "opus"), (2, "opus"), (3, "pcm")]
    assert lab("listen", *all_of_them).returncode == 0, "the same files once more are no trouble"
    last = lab("listen", *where, "--after", "2", "--count", "1", "--timeout", "30")
    assert re.search(r"3 .*0\.5 s  16,000 bytes  pcm 256\.0 kbit/s  [▁-█]{24}  [0-9a-f]{32}", last.stdout)
    for each in notes:
        with urlopen(f"{server.media}/audio/{each['id']}") as answer:
            assert answer.read() == Path(str(each["file"])).read_bytes()
    with urlopen(f"{server.media}/notes/late?after=1") as answer:
        assert [each["id"] for each in json.load(answer)] == [note["id"] for note in notes[1:]]
    Path(str(notes[0]["file"])).write_bytes(b"something else")
    spoilt = lab("listen", *all_of_them)
    assert (spoilt.returncode, "holds something else" in spoilt.stderr) == (1, True)


def test_a_bad_file_does_not_hide_what_became_of_the_one_before(server: RunningServer, wav: Path) -> None:
    done = lab("send", wav, "nowhere.wav", "--room", "half", "--server", server.ws, "--json")
    assert (done.returncode, done.stderr) == (2, "lab send: there is no file nowhere.wav\n")
    assert json.loads(done.stdout)["sequence"] == 1


def test_marks_tell_one_story(wav: Path, tmp_path: Path) -> None:
    """Client and server read one clock, so a note's marks in two files are in the order of what happened."""
    with start(ServerPlan(marks=tmp_path / "server", terms=Terms(heartbeat=5.0))) as server:
        where = ("--room", "tea", "--server", server.ws, "--marks")
        assert lab("send", wav, *where, tmp_path / "send").returncode == 0
        assert lab("listen", *where, tmp_path / "listen", "--after", "0", "--count", "1").returncode == 0
        server.stop()
    marks = [mark for name in ("server", "send", "listen") for mark in read_marks(tmp_path / name)]
    happened = [mark.what for mark in sorted(marks, key=lambda mark: mark.at)]
    assert [what for what in happened if what != "queued"] == [
        "tap", "encoded", "first_byte", "last_byte", "committed", "acked", "notice", "first_bytes", "last_bytes",
    ]  # fmt: skip
    assert len({mark.note for mark in marks}) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_stopped_server_says_what_it_did_and_keeps_it(number: signal.Signals, wav: Path, tmp_path: Path) -> None:
    plan = ("--ws", "0", "--http", "0", "--data", tmp_path / "data")
    with running("serve", *plan) as server:
        assert server.stdout
        ready = server.stdout.readline()
        found = re.match(r"ready: (ws://127\.0\.0\.1:\d+)  media (http://127\.0\.0\.1:\d+)  notes in ", ready)
        assert found, ready
        assert lab("send", wav, "--room", "tea", "--server", found[1]).returncode == 0
        second = lab("serve", *plan)
        assert (second.returncode, second.stderr.count("\n")) == (1, 1), second.stderr
        assert "in use by another server" in second.stderr
        server.send_signal(number)
        rest, complaints = server.communicate(timeout=PATIENCE)
        assert (server.returncode, rest, complaints) == (0, "", "stopped; 1 note made durable\n")
    with start(ServerPlan(data=tmp_path / "data")) as again, urlopen(f"{again.media}/notes/tea") as answer:
        assert [note["seq"] for note in json.load(answer)] == [1]


def test_a_stopped_listener_has_done_its_work(server: RunningServer) -> None:
    for count, code in (((), 0), (("--count", "1"), 130)):
        with running("listen", "--room", "quiet", "--server", server.ws, *count) as listener:
            assert listener.stderr
            listener.stderr.readline()
            listener.send_signal(signal.SIGINT)
            rest, complaints = listener.communicate(timeout=PATIENCE)
            assert (listener.returncode, rest, complaints) == (code, "", ""), count


def test_a_sender_can_be_interrupted_while_it_records(server: RunningServer, tmp_path: Path) -> None:
    """Ctrl-C does not wait until a minute of sound has been played into the recorder."""
    write_clip(tmp_path / "long.wav", Clip(np.zeros(60 * 16_000, np.float32), 16_000))
    marks = tmp_path / "marks"
    where = ("--room", "never", "--server", server.ws, "--marks", marks)
    with running("send", tmp_path / "long.wav", *where, "--realtime") as sender:
        while b"imlab_connections 1" not in urlopen(f"{server.media}/metrics").read():
            assert sender.poll() is None
        sender.send_signal(signal.SIGINT)
        told, complaints = sender.communicate(timeout=PATIENCE)
        assert (sender.returncode, told, complaints) == (130, "", "")
    assert list(read_marks(marks)) == []


def test_a_client_waits_for_its_server_and_finishes(wav: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running("send", wav, "--room", "tea", "--server", f"ws://127.0.0.1:{port}", "--json") as sender:
        assert sender.stderr
        assert "no connection" in sender.stderr.readline()
        with start(ServerPlan(ws_port=port)):
            told, complaints = sender.communicate(timeout=PATIENCE)
        assert (sender.returncode, json.loads(told)["sequence"]) == (0, 1)
        assert complaints == "connected again\n"


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="watches a process that is not our child: Linux's pidfd")
def test_a_server_ends_with_whoever_started_it() -> None:
    """Not stopped, not killed: its starter dies, and the pipe that it held breaks."""
    script = (
        "from imlab.stack.server import start; from imlab.stack.plan import ServerPlan; import os\n"
        "print(start(ServerPlan()).pid, flush=True); os._exit(1)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT) as starter:
        assert starter.stdout
        watched = os.pidfd_open(int(starter.stdout.readline()))
        try:
            assert starter.wait(PATIENCE) == 1
            ended, _, _ = select.select([watched], [], [], PATIENCE)
        finally:
            os.close(watched)
    assert ended, "it lives on"


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(DoorError, match=r"cannot listen on .*Address already in use"),
    ):
        start(ServerPlan(ws_port=taken.getsockname()[1]))
    with pytest.raises(DoorError, match=r"did not start: .*no certificate"):
        start(ServerPlan(tls=(tmp_path / "cert", tmp_path / "key")))


WRONG = [
    (("serve", "--no-dev", "--memory"), 2, "there is no login yet"),
    (("serve", "--terms", "[]"), 2, "JSON object"),
    (("serve", "--terms", '{"size": 1}', "--memory"), 2, "size"),
    (("serve", "--memory", "--ws", "70000"), 2, "0 to 65535"),
    (("serve", "--memory", "--codecs", "opus,mp4"), 2, "no codec is called 'mp4'; there are opus, pcm"),
    (("serve", "--memory", "--terms", '{"codecs": "opus"}'), 2, "a list of names"),
    (("serve", "--memory", "--host", "192.0.2.1"), 1, "192.0.2.1"),
    (("send", "--room", "tea"), 2, "--mic"),
    (("send", "x.wav", "--mic", "--room", "tea"), 2, "--mic"),
    (("send", "nowhere.wav", "--room", "tea"), 2, "no file nowhere.wav"),
    (("send", "pyproject.toml", "--room", "tea"), 1, "not a sound file"),
    (("send", "{wav}", "--room", "tea", "--server", "http://x"), 2, "ws://HOST:PORT"),
    (("send", "{wav}", "--room", "tea", "--server", "ws://127.0.0.1:1", "--timeout", "0.3"), 1, "so it is not stored"),
    (("send", "{wav}", "--room", "tea", "--bitrate", "1"), 2, "bitrate"),
    (("send", "{wav}", "--room", "tea", "--codec", "pcm", "--bitrate", "16000"), 2, "pcm has no --bitrate"),
    (("send", "{wav}", "--room", "tea", "--preset", "icq"), 2, "no preset is called 'icq'"),
    (("send", "{wav}", "--room", "\n", "--server", "{ws}"), 2, "room is 1..128"),
    (("listen", "--room", "tea", "--count", "0"), 2, "--count"),
    (("listen", "--room", "tea", "--after", "-1"), 2, "--after"),
    (("listen", "--room", "none", "--after", "5", "--server", "{ws}"), 1, "lies in the future"),
    (("listen", "--room", "none", "--count", "2", "--timeout", "0.5", "--server", "{ws}"), 1, "0 notes came"),
]


@pytest.mark.parametrize(
    ("words", "code", "line"), WRONG, ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else ""
)
def test_what_goes_wrong_is_one_clear_line(
    words: tuple[str, ...],
    code: int,
    line: str,
    server: RunningServer,
    wav: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        got = main([word.replace("{wav}", str(wav)).replace("{ws}", server.ws) for word in words])
    except SystemExit as refused:  # argparse's way
        got = int(str(refused.code))
    told = capsys.readouterr()
    assert (got, told.out) == (code, ""), told.err
    assert line in told.err.splitlines()[-1], told.err


@pytest.mark.parametrize("verb", ["serve", "send", "listen"])
def test_help_imports_only_what_it_needs(verb: str) -> None:
    script = (
        f"import sys; from imlab.desk.dispatch import main\ntry: main(['{verb}', '--help'])\nexcept SystemExit: pass\n"
        "print('heavy:', *sorted({'numpy', 'websockets', 'uvicorn', 'google.protobuf'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "heavy:"
    assert f"usage: lab {verb}" in done.stdout


def test_a_note_that_no_file_holds_is_named_and_not_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = replace(note("tea", "ann", 1), codec="speex", sequence=7)
    assert save(odd, tmp_path) is None
    assert "note 7 is not saved: no file holds codec 'speex'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_marks_come_back_as_they_were_made_but_for_half_a_line(tmp_path: Path) -> None:
    marks = [Mark(0.1 * i, "ann", "tap", "é" * i, i) for i in range(1000)]
    file = MarksFile(tmp_path / "marks")
    for mark in marks:
        file(mark)
    file.close()
    with (tmp_path / "marks").open("a") as torn:
        torn.write(json.dumps(asdict(marks[0]))[:20])
    assert list(read_marks(tmp_path / "marks")) == marks


DRAWN = [
    (bytes(64), 24, "▁" * 24),
    (bytes([255] * 64), 24, "█" * 24),
    (bytes([0, 255]), 2, "▁█"),
    (bytes([0, 255]), 4, "▁▁██"),
    (b"", 24, ""),
]


@pytest.mark.parametrize(("waveform", "width", "bars"), DRAWN)
def test_waveforms_as_bars(waveform: bytes, width: int, bars: str) -> None:
    assert drawn(waveform, width) == bars
