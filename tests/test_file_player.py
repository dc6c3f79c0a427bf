"""Sound files that are heard while they come: from their beginning, from anywhere, at another speed, in any pieces."""

from __future__ import annotations

import io
import subprocess
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip, Samples
from imlab.audio.files import write_clip
from imlab.client.fetching.ranges import Need
from imlab.client.playing.file_player import Ahead, FilePlayer
from imlab.client.playing.held import Held
from imlab.client.playing.pages import Found, Heading, heading_from, page_at
from imlab.codec.container import ogg, oggopus
from imlab.codec.container.formats import FORMATS
from imlab.codec.container.track import track_of
from imlab.codec.contract import Codec, CodecError, decode, encode
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from tests.tools import need

RATE = 16_000


def chirp(seconds: float) -> Clip:
    """Sound that is nowhere like elsewhere: its pitch says when it is."""
    at = np.arange(round(RATE * seconds)) / RATE
    return Clip((0.4 * np.sin(2 * np.pi * (300 + 20 * at) * at)).astype(np.float32), RATE)


@cache
def note(seconds: float, bitrate: int = 24_000) -> tuple[bytes, Samples]:
    """A file, and its sound as the reader and the decoder make it."""
    codec = Opus(bitrate=bitrate, complexity=0, application="lowdelay", rate=RATE)  # a third of the work of voip
    file = oggopus.write(encode(codec, chirp(seconds)))
    return file, decode(codec, oggopus.read(file, RATE)).samples


def drain(player: FilePlayer, block: int = 4096) -> Samples:
    parts = [player.take(block)]
    while len(parts[-1]):
        parts.append(player.take(block))
    return np.concatenate(parts)


def fed(player: FilePlayer, file: bytes, most: int = 4096) -> int:
    """Give it what it wants until it wants no more; how many bytes that were."""
    total = 0
    player.told(len(file))
    while need := player.want():
        stop = min(need.stop or len(file), need.start + most)
        player.feed(need.start, file[need.start : stop])
        total += stop - need.start
    return total


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40))))
def test_what_is_held_is_what_came(pieces: list[tuple[int, int]]) -> None:
    whole = bytes(range(150))
    held, there = Held(), set[int]()
    for at, size in pieces:
        held.add(at, whole[at : at + size])
        there |= set(range(at, min(150, at + size)))
    for at in range(140):
        gap = next(i for i in range(at, 200) if i not in there)
        assert held.gap(at) == gap
        assert held.read(at, at + 10) == whole[at : min(at + 10, gap)]


def test_pages_at_a_place_and_from_anywhere() -> None:
    file, _ = note(5.0)
    places = []
    at = 0
    for page in ogg.pages(file):
        places.append(at)
        at += len(ogg.build(page))
    held = Held()
    held.add(0, file)
    for number, at in enumerate(places):
        found = page_at(held, at, len(file))
        assert isinstance(found, Found) and found.page.sequence == number
        assert heading_from(held, at, len(file), 1) == Heading(at, found.page.granule)
        later = heading_from(held, at + 1, len(file), 1)
        assert (later.at if isinstance(later, Heading) else len(file)) == [*places, len(file)][number + 1]
        assert heading_from(held, at, at, 1) is None


def test_what_only_looks_like_a_page_is_passed_over() -> None:
    page = ogg.paginate((bytes(100),), 5, 1, 1)
    noise = b"OggOggS\x00\x00" + bytes(50) + ogg.paginate((b"x",), 9, 2, 1)
    held = Held()
    held.add(0, noise + page)
    assert heading_from(held, 0, len(noise + page), 1) == Heading(len(noise), 5)
    assert heading_from(held, 0, len(noise), 1) is None
    assert heading_from(held, len(noise) + 1, len(noise + page), 1) is None


def test_missing_bytes_are_named() -> None:
    file, _ = note(5.0)
    held = Held()
    held.add(0, file[:100])
    assert isinstance(page_at(held, 0, len(file)), Found)
    held.add(1000, file[1000:1010])
    assert heading_from(held, 1000, len(file), 1) == Need(1010)
    assert heading_from(held, 990, len(file), 1) == Need(990)
    with pytest.raises(CodecError, match="truncated"):
        page_at(held, 96, 100)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), most=st.sampled_from([1, 7, 100, 5000]), block=st.sampled_from([1, 333, 4096]))
def test_in_any_pieces_it_sounds_the_same(seed: int, most: int, block: int) -> None:
    file, sound = note(1.3)
    player, luck, heard = FilePlayer(), Random(seed), []
    at = 0
    while at < len(file):
        size = luck.randrange(1, most + 1)
        player.feed(at, file[at : at + size])
        at += size
        if luck.random() < 0.1:
            heard.append(player.take(block))
    player.told(len(file))
    heard.append(drain(player, 4096))
    assert player.done and player.rate == RATE
    assert np.array_equal(np.concatenate(heard), sound)


def test_it_plays_before_the_end_has_come() -> None:
    file, sound = note(20.0)
    player = FilePlayer()
    player.feed(0, file[: len(file) // 4])
    heard = drain(player)
    assert len(sound) // 5 < len(heard) < len(sound) // 3 and not player.done
    assert np.array_equal(heard, sound[: len(heard)])


def test_it_wants_the_rest_from_where_the_connection_broke() -> None:
    file, sound = note(5.0)
    player = FilePlayer()
    assert player.want() == Need(0)
    player.feed(0, file[:5000])
    player.told(len(file))
    assert player.want() == Need(5000)
    player.feed(4000, file[4000:])
    assert player.want() is None
    assert np.array_equal(drain(player), sound)


@pytest.mark.parametrize("to", [0.0, 0.05, 3.21, 60.0, 83.33, 119.5])
@pytest.mark.parametrize("known", [True, False])
def test_it_goes_anywhere_by_a_few_ranges(to: float, known: bool) -> None:
    file, sound = note(120.0, 64_000)
    player = FilePlayer(size=len(file), duration=120.0 if known else None, ahead=Ahead(1))
    player.seek(to)
    heard: list[Samples] = []
    asked, got = 0, 0
    while sum(map(len, heard)) < RATE // 4:
        need = player.want()
        if need is None:
            heard.append(player.take(RATE // 4))
            continue
        asked += 1
        stop = min(need.stop or len(file), need.start + 4096)
        got += stop - need.start
        player.feed(need.start, file[need.start : stop])
        heard.append(player.take(RATE // 4))
    begin = round(to * RATE)
    out = np.concatenate(heard)[: RATE // 4]
    wanted = sound[begin : begin + len(out)]
    loud = np.sqrt(np.mean(wanted**2))
    assert np.sqrt(np.mean((out - wanted) ** 2)) < 0.1 * loud, "another place, or a decoder that was not warm"
    assert np.abs(out - wanted)[-400:].max() < 0.01 * loud, "it does not come back to what would have been"
    assert got < 64_000 < len(file) / 16, f"{got} of {len(file)} bytes by {asked} questions"


def test_back_and_forth_costs_nothing_where_it_was() -> None:
    file, sound = note(20.0)
    player = FilePlayer()
    fed(player, file)
    for to in (15.0, 2.0, 19.0, 0.0, 10.0):
        player.seek(to)
        assert player.want() is None
        heard = drain(player)
        assert player.done and len(heard) == len(sound) - round(to * RATE)
        assert np.abs(heard[RATE // 10 :] - sound[round(to * RATE) + RATE // 10 :]).max() < 0.02


def test_behind_the_end_there_is_nothing() -> None:
    file, sound = note(20.0)
    for known in (True, False):
        player = FilePlayer()
        if known:
            fed(player, file)
        player.seek(21.0)
        fed(player, file)
        assert len(drain(player)) == 0
        assert player.done
        player.seek(-5.0)
        fed(player, file)
        assert len(drain(player)) == len(sound)


def test_more_than_is_wanted_is_not_asked_for() -> None:
    file, _ = note(120.0, 64_000)
    player = FilePlayer(ahead=Ahead(100_000))
    assert 100_000 < fed(player, file) < 110_000
    player.take(RATE)
    assert player.want() is None, "until half of it is used"
    while player.want() is None:
        assert len(player.take(RATE))
    assert fed(player, file) > 50_000


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("block", [7, 500, 4096])
def test_at_another_speed_it_lasts_as_long_as_it_should(speed: float, block: int) -> None:
    file, sound = note(1.3)
    player, heard = FilePlayer(speed), 0
    fed(player, file)
    while not player.done:
        heard += len(player.take(block))
    assert heard == round(len(sound) / speed)


OTHERS: list[tuple[str, Codec]] = [("wav", Pcm(16_000)), ("mp3", Mp3())]


@pytest.mark.parametrize(("container", "codec"), OTHERS, ids=lambda value: str(value))
def test_any_other_file_is_waited_for_and_then_heard(container: str, codec: Codec) -> None:
    coded = encode(codec, Clip(chirp(2.0).samples, codec.rate))
    file = io.BytesIO()
    writer = FORMATS[container].writer(file, track_of(coded))
    for packet in coded.packets:
        writer.add(packet)
    writer.finish(coded.samples)
    data, sound = file.getvalue(), decode(codec, coded).samples
    player = FilePlayer()
    player.feed(0, data[:-1])
    player.told(len(data))
    assert (player.rate, len(drain(player))) == (0, 0)
    player.feed(len(data) - 1, data[-1:])
    assert player.rate == codec.rate
    assert np.array_equal(drain(player), sound) and player.done
    player.seek(1.5)
    assert np.array_equal(drain(player), sound[round(1.5 * codec.rate) :])


def damaged() -> list[tuple[str, bytes]]:
    file, _ = note(5.0)
    head, tags, *rest = (ogg.build(page) for page in ogg.pages(file))
    return [
        ("no sound", bytes(100)),
        ("Vorbis", ogg.paginate((b"\x01vorbis" + bytes(30),), 0, 1, 0, ogg.FIRST)),
        ("a bit", file[:1500] + bytes((file[1500] ^ 1,)) + file[1501:]),
        ("a hole", head + tags + rest[0] + rest[1][10:]),
        ("no tags", head + rest[0]),
        ("cut", file[:-5]),
        ("no last page", b"".join([head, tags, *rest[:-1]])),
    ]


@pytest.mark.parametrize(("what", "file"), damaged(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_no_sound_is_said(what: str, file: bytes) -> None:
    player = FilePlayer()
    fed(player, file)
    with pytest.raises(CodecError):
        drain(player)


@pytest.mark.parametrize("at", range(0, 3000, 211))
def test_a_damaged_file_is_refused_or_heard_and_never_hangs(at: int) -> None:
    file, _ = note(5.0)
    for to in (None, 2.0):
        broken = bytearray(file)
        broken[at] ^= 0x55
        player = FilePlayer(size=len(file))
        if to:
            player.seek(to)
        try:
            for _ in range(100):
                fed(player, bytes(broken))
                if not len(player.take(4096)):
                    break
        except CodecError:
            continue


@pytest.mark.outside
@pytest.mark.parametrize(
    "made", ["opusenc --quiet --bitrate 32", "opusenc --quiet --framesize 60 --max-delay 200", "ffmpeg -v error -y -i"]
)
def test_files_of_others_sound_as_the_reader_has_them(made: str, speech: Clip, tmp_path: Path) -> None:
    program, *words = made.split()
    need(program)
    sound, file = tmp_path / "speech.wav", tmp_path / "speech.opus"
    write_clip(sound, speech)
    subprocess.run([program, *words, str(sound), str(file)], check=True, capture_output=True)
    data = file.read_bytes()
    player = FilePlayer()
    fed(player, data)
    expected = decode(Opus(rate=player.rate), oggopus.read(data, player.rate)).samples
    assert np.array_equal(drain(player), expected)
    player.seek(4.0)
    late, begin = drain(player), round(4.0 * player.rate)
    assert len(late) == len(expected) - begin
    assert np.abs(late[player.rate // 2 :] - expected[begin + player.rate // 2 :]).max() < 0.02
