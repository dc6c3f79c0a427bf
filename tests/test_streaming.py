"""Long files: coded and decoded frame by frame, they are what a whole clip would have been, in constant memory."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.files import read_clip, write_clip
from imlab.audio.resample import resample
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.container.formats import usual
from imlab.codec.container.reading import from_file
from imlab.codec.container.streaming import code_file, decode_file
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Codec, CodecError, decode, encode
from imlab.codec.g711 import G711
from imlab.codec.g722 import G722
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.desk.dispatch import main
from imlab.errors import PeerError, UsageError

CODECS: list[Codec] = [Opus(complexity=1), Pcm(), G711(), Amr(), Mp3(), Aac(), G722()]
CONSTANT = 200_000_000  # bytes of the whole process, however long the sound


@pytest.fixture
def recording(speech: Clip, tmp_path: Path) -> Path:
    """Two and a half seconds and a bit, at 16 kHz: more than one block when read, and no whole frame at the end."""
    path = tmp_path / "said.wav"
    write_clip(path, Clip(speech.samples[:40_123], speech.rate))
    return path


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_coded_as_it_is_read_is_the_same_file(codec: Codec, recording: Path, tmp_path: Path) -> None:
    container = usual(codec.name)
    target = tmp_path / f"coded.{container}"
    heard: list[float] = []
    written = code_file(recording, codec, target, heard.append)
    coded = encode(codec, resample(read_clip(recording), codec.rate))
    whole = to_file(coded)[1]
    assert target.read_bytes() == whole
    assert (written.container, written.samples, written.packets) == (container, coded.samples, len(coded.packets))
    assert (written.payload, written.file) == (coded.size, len(whole))
    assert sum(heard) == pytest.approx(written.packets * codec.frame / codec.rate)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["said.wav", target.name])


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_decoded_as_it_is_read_is_the_same_sound(codec: Codec, recording: Path, tmp_path: Path) -> None:
    coded = tmp_path / f"coded.{usual(codec.name)}"
    code_file(recording, codec, coded)
    written = decode_file(coded, tmp_path / "heard.wav", container=usual(codec.name))
    heard = read_clip(tmp_path / "heard.wav")
    meant = decode(codec, from_file(coded))
    assert (heard.rate, len(heard.samples), written.samples) == (codec.rate, len(meant.samples), len(meant.samples))
    assert np.abs(heard.samples - np.clip(meant.samples, -1, 1)).max() <= 1 / 32_768


def test_a_file_appears_whole_or_not_at_all(recording: Path, tmp_path: Path) -> None:
    coded = tmp_path / "coded.ogg"
    code_file(recording, Opus(complexity=0), coded)
    with pytest.raises(UsageError, match="already there"):
        code_file(recording, Opus(complexity=0), coded)
    cut = tmp_path / "cut.ogg"
    cut.write_bytes(coded.read_bytes()[:-300])
    with pytest.raises(CodecError, match="truncated"):
        decode_file(cut, tmp_path / "heard.wav")
    damaged = tmp_path / "damaged.wav"
    damaged.write_bytes(recording.read_bytes()[:-300])
    with pytest.raises(PeerError, match=r"damaged\.wav is cut short"):
        code_file(damaged, Opus(complexity=0), tmp_path / "other.ogg")
    assert {path.name for path in tmp_path.iterdir()} == {"said.wav", "coded.ogg", "cut.ogg", "damaged.wav"}


def test_the_verb_codes_and_decodes(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["code", "said.wav", "a.ogg", "--bitrate", "16000", "--complexity", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["container"], told["codec"]) == ("ogg", "opus")
    assert told["payload_bytes"] + told["container_bytes"] == (tmp_path / "a.ogg").stat().st_size
    assert main(["code", "a.ogg", "b.wav", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"] is None
    assert len(read_clip(tmp_path / "b.wav").samples) == 40_123
    assert main(["code", "a.ogg", "c.amr"]) == 0
    assert "Amr(" in capsys.readouterr().out
    assert main(["code", "said.wav", "c.amr"]) == 2
    assert main(["code", "said.wav", "d.txt"]) == 2
    assert main(["code", "said.wav", "d.ogg", "--codec", "pcm"]) == 2
    assert "a ogg file holds opus, not pcm" in capsys.readouterr().err


TWO_HOURS = """
import re, resource, sys
from pathlib import Path
from imlab.codec.container.streaming import code_file, decode_file
from imlab.codec.g711 import G711
here = Path(sys.argv[1])
written = code_file(here / "long.wav", G711("mu", 120), here / "coded.wav")
back = decode_file(here / "coded.wav", here / "heard.wav")
status = Path("/proc/self/status")  # Linux: ru_maxrss would also count the process that started this one
if status.exists():
    memory = 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
else:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(written.seconds, back.seconds, memory)
"""


@pytest.mark.process
def test_two_hours_take_no_more_memory_than_two_seconds(tmp_path: Path) -> None:
    size = 2 * 3600 * 8_000 * 2
    form = (b"fmt ", 16, 1, 1, 8_000, 16_000, 2, 16)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", *form, b"data", size)
    with (tmp_path / "long.wav").open("wb") as file:  # a sparse file: silence costs no disk
        file.write(head)
        file.truncate(len(head) + size)
    command = [sys.executable, "-c", TWO_HOURS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, back, memory = done.stdout.split()
    assert float(seconds) == float(back) == 7_200
    assert 0 < int(memory) < CONSTANT
    for path in tmp_path.iterdir():
        path.unlink()
