"""Files that are damaged on the way: a CodecError or a note that is sound in itself, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.container.formats import FORMATS
from imlab.codec.container.writing import to_file
from imlab.codec.contract import CodecError, Coded, Packet, encode
from imlab.codec.g711 import G711
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.errors import DoorError

CASES = 10_000  # for each parser of ours
CASES_OF_FFMPEG = 150  # whose parsers are tested by others: here it is our reading of what they say


def note(codec: Opus | G711 | Amr | Mp3 | Aac, seconds: float = 0.25) -> Coded:
    samples = np.random.default_rng(2).uniform(-0.3, 0.3, int(codec.rate * seconds)).astype(np.float32)
    return encode(codec, Clip(samples, codec.rate))


def carried(codec: str, rate: int, samples: int, size: int) -> Coded:
    return Coded(codec, rate, samples * 4, 0, (Packet(bytes(range(size)), samples),) * 5)


FILES = {
    "ogg": lambda: to_file(note(Opus(bitrate=8_000, complexity=0)))[1],
    "wav": lambda: to_file(note(G711(), 0.06))[1],
    "amr": lambda: to_file(note(Amr(4_750), 0.1))[1],
    "mp3": lambda: to_file(note(Mp3(8_000), 0.1))[1],
    "lc3": lambda: to_file(carried("lc3", 16_000, 160, 20))[1],
    "c2": lambda: to_file(carried("codec2-3200", 8_000, 160, 8))[1],
    "g722": lambda: to_file(carried("g722", 16_000, 320, 160))[1],
}
OTHERS = {
    "m4a": lambda: to_file(note(Aac()))[1],
    "mp4": lambda: to_file(note(Opus(complexity=0)), "mp4")[1],
    "webm": lambda: to_file(note(Opus(complexity=0)), "webm")[1],
}


def damaged(data: bytes, count: int) -> Iterator[bytes]:
    """Changed bytes, cuts, repeats and splices, the same ones each time."""
    rng = np.random.default_rng(len(data))
    for kind, at, other, size in rng.integers(0, 1 << 30, (count, 4)).tolist():
        at, other = at % len(data), other % len(data)
        match kind % 4:
            case 0:
                changed = bytearray(data)
                for step in range(1 + size % 4):
                    changed[(at * (step + 1)) % len(data)] = (size >> 8 * (step % 3)) & 255
                yield bytes(changed)
            case 1:
                yield data[:at]
            case 2:
                yield data[:at] + data[other:]
            case _:
                yield data[:at] + (size.to_bytes(4, "little") * 3)[: 1 + size % 12] + data[at:]


def survive(name: str, data: bytes, cases: int) -> tuple[int, int]:
    """How many damaged files were read and refused."""
    read = refused = 0
    for file in damaged(data, cases):
        try:
            reader = FORMATS[name].reader(io.BytesIO(file))
            packets = list(reader)
        except (CodecError, DoorError) as error:
            assert isinstance(error, CodecError) and str(error), error
            refused += 1
            continue
        reach = sum(packet.samples for packet in packets)
        assert 0 <= reader.samples <= reach
        assert reader.track.delay >= 0
        assert sum(len(packet.data) for packet in packets) <= len(file) + 2 * 320
        read += 1
    return read, refused


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_or_refused(name: str) -> None:
    read, refused = survive(name, FILES[name](), CASES)
    assert read + refused == CASES
    assert refused > CASES // 20
    assert read or name == "ogg"  # nearly every change breaks an Ogg page's checksum


@pytest.mark.parametrize("name", OTHERS)
def test_what_ffmpeg_makes_of_damage_is_read_or_refused(name: str) -> None:
    read, refused = survive(name, OTHERS[name](), CASES_OF_FFMPEG)
    assert read + refused == CASES_OF_FFMPEG
    assert refused
