"""Every codec all the way: recorded, sent by the verb, kept by a server, listened to by the verb, saved, decoded."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.audio.files import write_clip
from imlab.audio.join import cut
from imlab.audio.resample import resample
from imlab.client.events import Arrived
from imlab.client.player import sound
from imlab.codec.container.formats import FORMATS
from imlab.codec.container.reading import from_file
from imlab.codec.contract import decode
from imlab.codec.named import open_codec
from imlab.desk.calls.calling import calling
from imlab.desk.calls.codec_options import KINDS, codec_of
from imlab.desk.dispatch import main
from imlab.errors import DoorError
from imlab.server.terms import Terms
from imlab.stack.plan import ServerPlan
from imlab.stack.server import start
from imlab.trace import ignore
from imlab.wire.messages import VoiceMessage
from tests.tools import lacking, marked

NOTHING = Namespace(codec=None, preset=None, bitrate=None, frame=None, complexity=None, rate=None, dtx=None)
ROOT = Path(__file__).parents[1]
PATIENCE = "30"  # seconds

pytestmark = pytest.mark.process


@dataclass(frozen=True, slots=True)
class Journey:
    """What was said, and what came of it by the name of its codec: notes as they came, files as they were saved."""

    said: Clip
    wav: Path
    notes: dict[str, VoiceMessage]
    files: dict[str, Path]
    served: dict[str, tuple[str, bytes]]  # over HTTP: type and bytes
    missing: dict[str, str]


def verb(*words: object) -> str:
    """One verb in this process; what it printed."""
    with redirect_stdout(StringIO()) as printed:
        assert main([str(word) for word in words]) == 0
    return printed.getvalue()


def missing() -> dict[str, str]:
    """The codecs that this machine cannot encode, and why."""
    found = {}
    for name in KINDS:
        try:
            codec_of(Namespace(**vars(NOTHING) | {"codec": name})).encoder()
        except DoorError as error:
            found[name] = str(error)
    return found


async def arriving(server: str, room: str, count: int) -> list[VoiceMessage]:
    """The room's first notes, as a client gets them."""
    notes: list[VoiceMessage] = []
    async with asyncio.timeout(float(PATIENCE)), calling(Namespace(name="ear", server=server), ignore) as call:
        call.client.join(room, 0)
        while len(notes) < count:
            match await call.next():
                case Arrived(note):
                    notes.append(note)
    return notes


@pytest.fixture(scope="module")
def journey(speech: Clip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """Two seconds of speech in every codec through one server and one room."""
    folder, said, absent = tmp_path_factory.mktemp("journey"), cut(speech, 2.0), missing()
    wav = folder / "said.wav"
    write_clip(wav, said)
    names = [name for name in KINDS if name not in absent]
    with start(ServerPlan()) as server:
        where = ("--room", "all", "--server", server.ws)
        for name in names:
            verb("send", wav, *where, "--codec", name)
        notes = asyncio.run(arriving(server.ws, "all", len(names)))
        told = verb(
            "listen", *where, "--after", 0, "--count", len(names), "--save", folder / "heard", "--json",
            "--timeout", PATIENCE,
        )  # fmt: skip
        saved = [each for line in told.splitlines() if (each := json.loads(line))["file"]]
        served = {each["codec"]: fetched(f"{server.media}/audio/{each['id']}") for each in saved}
    files = {each["codec"]: Path(each["file"]) for each in saved}
    yield Journey(said, wav, {note.codec: note for note in notes}, files, served, absent)


def fetched(url: str) -> tuple[str, bytes]:
    """A file over HTTP: its type and its bytes."""
    with urlopen(url) as answer:
        return answer.headers["Content-Type"], answer.read()


def loudness(clip: Clip) -> NDArray[np.float64]:
    """dB in steps of 10 ms, from -50 up: even a vocoder keeps it."""
    steps = resample(clip, 16_000).samples[: 2 * 16_000].reshape(-1, 160).astype(np.float64)
    level: NDArray[np.float64] = 10 * np.log10(np.mean(np.square(steps), axis=1) + 1e-5)
    return level


def assert_said(clip: Clip, said: Clip, longer: float = 0.0) -> None:
    """The clip is what was said, in its own place and with its own length, or ``longer`` by so many seconds."""
    assert -0.001 < len(clip.samples) / clip.rate - said.seconds < longer + 0.001
    heard, meant = loudness(clip), loudness(said)
    score = np.corrcoef(heard, meant)[0, 1]
    assert score > 0.85
    for lag in (-4, 4):  # 40 ms early, and late
        assert score > np.corrcoef(np.roll(heard, lag)[5:-5], meant[5:-5])[0, 1]


@pytest.mark.parametrize("name", marked(tuple(KINDS)))
def test_what_was_said_is_heard(name: str, journey: Journey) -> None:
    if name in journey.missing:
        lacking(name, journey.missing[name])
    assert_said(sound(journey.notes[name]), journey.said)


@pytest.mark.parametrize("name", marked(tuple(KINDS)))
def test_what_was_saved_is_a_file_that_holds_it(name: str, journey: Journey) -> None:
    if name in journey.missing:
        lacking(name, journey.missing[name])
    if name not in journey.files:
        pytest.skip(f"no file holds {name}: it is listened to, not saved")
    file = journey.files[name]
    ends = (
        0.0 if FORMATS[file.suffix[1:]].exact else 0.08
    )  # some formats keep whole packets, of up to 40 ms, and the delay
    coded = from_file(file)
    assert coded.codec == name
    assert_said(decode(open_codec(name, coded.rate, coded.packets[0].samples), coded), journey.said, ends)
    kind, data = journey.served[name]
    assert kind.startswith("audio/")
    assert data == file.read_bytes()


def test_a_codec_that_is_missing_is_one_line_and_a_failure(journey: Journey) -> None:
    assert all("install" in why for why in journey.missing.values()), "each says how to get it"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "imlab", "send", journey.wav, "--room", "tea", "--codec", "amr-wb"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "IMLAB_LIBVO_AMRWBENC": str(journey.wav)}, cwd=journey.wav.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"lab send: .*libvo-amrwbenc.*\n", done.stderr)


def test_a_server_that_keeps_few_says_so_before_a_byte_is_sent(
    journey: Journey, capsys: pytest.CaptureFixture[str]
) -> None:
    with start(ServerPlan(terms=Terms(codecs=("opus", "pcm")))) as server:
        where = (str(journey.wav), "--room", "tea", "--server", server.ws)
        assert main(["send", *where, "--codec", "pcmu"]) == 1
        assert capsys.readouterr().err == (
            "lab send: the note was refused: this server does not keep pcmu, only opus, pcm\n"
        )
        assert main(["send", *where, "--codec", "pcm"]) == 0
