"""Decoding in processes: true lengths and waveforms; whatever a file does to a process, the next one is heard."""

from __future__ import annotations

import asyncio
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.client.recorder import Recorder
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.codec2 import Codec2
from imlab.codec.container import oggopus
from imlab.codec.container.ogg import CONTINUED, LAST, NO_PACKET_ENDS, Page, build, pages, paginate
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Codec, encode
from imlab.codec.g711 import G711
from imlab.codec.lc3 import Lc3
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import DoorError
from imlab.server.doors import Claimed, Examined, Unacceptable
from imlab.server.examination import Limits
from imlab.stack.decoder_process import Allowance, DecoderProcess, Ended
from imlab.stack.decoding import Crew, Decoding
from imlab.stack.structure import Structure
from tests.tools import need_codec

pytestmark = pytest.mark.process

FILES: list[tuple[Codec, str, float]] = [  # seconds by which a length may be off
    (Opus(complexity=0), "ogg", 0),
    (Opus(complexity=0), "mp4", 0),
    (Opus(complexity=0), "webm", 0),
    (Aac(), "m4a", 0),
    (Mp3(), "mp3", 0),
    (Pcm(), "wav", 0),
    (G711("a"), "wav", 0),
    (Amr(), "amr", 0.03),
    (Lc3(), "lc3", 0),
    (Codec2("3200"), "c2", 0.02),
]
LONG = Limits(longest=1e6)
ONE = Crew(processes=1)


def note(speech: Clip, codec: Codec, container: str | None = None, seconds: float = 1.5) -> bytes:
    clip = resample(Clip(speech.samples[: int(seconds * speech.rate)], speech.rate), codec.rate)
    return to_file(encode(codec, clip), container)[1]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """Both event loops that a server may run on: they end processes by ways of their own."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


@pytest.fixture(scope="module")
def decoding(runner: asyncio.Runner) -> Iterator[Decoding]:
    decoding = Decoding(crew=Crew(processes=2))
    yield decoding
    runner.run(decoding.close())


@pytest.mark.parametrize(("codec", "container", "off"), FILES, ids=repr)
def test_every_kind_is_heard(
    codec: Codec, container: str, off: float, speech: Clip, runner: asyncio.Runner, decoding: Decoding, tmp_path: Path
) -> None:
    need_codec(codec)
    data = note(speech, codec, container)
    (tmp_path / "note").write_bytes(data)
    found: Examined = runner.run(decoding(data, Claimed(duration_ms=1_500)))
    again: Examined = runner.run(decoding(tmp_path / "note", Claimed()))
    assert replace(again, waveform=b"") == replace(found, waveform=b"")
    assert again.waveform == found.waveform or container == "c2"  # whose decoder draws phases at random
    assert found.codec == codec.name
    assert found.duration_ms == pytest.approx(1_500, abs=1_000 * off + 0.6)
    assert len(found.waveform) == 64 and len(set(found.waveform)) > 16


def test_the_waveform_is_the_recorders(speech: Clip, runner: asyncio.Runner, decoding: Decoding) -> None:
    codec = Opus(64_000)
    recorder = Recorder(codec)
    recorder.add(speech.samples)
    drawn = recorder.stop("0" * 32, "ann", "den", 0).waveform
    heard = runner.run(decoding(note(speech, codec, seconds=8), Claimed())).waveform
    apart = np.abs(np.frombuffer(drawn, np.uint8).astype(int) - np.frombuffer(heard, np.uint8))
    assert len(heard) == len(drawn)
    assert np.percentile(apart, 90) < 10 and max(heard) == pytest.approx(max(drawn), abs=3)


def test_a_container_that_promises_more_than_is_heard_is_refused(
    speech: Clip, runner: asyncio.Runner, decoding: Decoding
) -> None:
    data = bytearray(note(speech, Aac()))
    for box, field in ((b"mdhd", 20), (b"stts", 16), (b"elst", 12)):  # durations: of all, of each packet, to be played
        at = data.index(box) + field
        data[at : at + 4] = (2 * int.from_bytes(data[at : at + 4], "big")).to_bytes(4, "big")
    assert runner.run(Structure()(bytes(data), Claimed())).duration_ms == 3_000
    with pytest.raises(Unacceptable, match=r"promises 3\.00 s, 1\.4") as refused:
        runner.run(decoding(bytes(data), Claimed()))
    assert refused.value.kind == "content"


def test_a_length_is_claimed_of_what_is_heard(speech: Clip, runner: asyncio.Runner, decoding: Decoding) -> None:
    with pytest.raises(Unacceptable, match="said to last 3000 ms and lasts 1500"):
        runner.run(decoding(note(speech, Opus()), Claimed(duration_ms=3_000)))


def long_file(path: Path, hours: float) -> Path:
    """Speech-like noise in packets of 60 ms, one and the same over and over, as small as Opus makes them."""
    codec = Opus(6_000, 60, 0, 48_000)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, codec.frame * 9).astype(np.float32)
    coded = encode(codec, Clip(noise, codec.rate))
    first, second, _ = pages(oggopus.write(coded))
    packets = [coded.packets[5].data] * 200
    count = int(hours * 3600 / 12)
    with path.open("wb") as out:
        out.write(build(first) + build(second))
        for number in range(count):
            out.write(paginate(packets, 576_000 * (number + 1), 1, number + 2, LAST if number == count - 1 else 0))
    return path


def fat_file(speech: Clip, size: int) -> bytes:
    """A note whose tags hold so many bytes."""
    first, _, *rest = pages(note(speech, Opus(complexity=0)))
    tags = b"OpusTags" + bytes(size // 65_025 * 65_025 - 8 - 100)
    sizes = b"\xff" * (len(tags) // 255) + bytes((len(tags) % 255,))
    out, number = [build(first)], 1
    for at in range(0, len(sizes), 255):
        table, last = sizes[at : at + 255], at + 255 >= len(sizes)
        body = tags[at * 255 : at * 255 + sum(table)]
        out.append(build(Page(CONTINUED if at else 0, 0 if last else NO_PACKET_ENDS, 1, number, table, body)))
        number += 1
    out += [
        build(Page(page.flags, page.granule, 1, number + at, page.sizes, page.body)) for at, page in enumerate(rest)
    ]
    return b"".join(out)


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_heard(speech: Clip, tmp_path: Path) -> None:
    file = long_file(tmp_path / "long.ogg", hours=2.8)

    async def go() -> None:
        async with Decoding(LONG, Allowance(cpu=0.5), ONE) as decoding:
            await decoding.warm()
            (pid,) = decoding.pids
            with pytest.raises(Unacceptable, match="more processor time"):
                await decoding(file, Claimed())
            assert (await decoding(note(speech, Opus()), Claimed())).duration_ms == 1_500
            assert decoding.pids not in ([], [pid])

    asyncio.run(go())


def test_a_file_that_takes_too_much_memory_is_refused_and_the_next_is_heard(speech: Clip) -> None:
    file = fat_file(speech, 12 << 20)

    async def go() -> None:
        async with Decoding(crew=ONE) as decoding:
            assert (await decoding(file, Claimed())).duration_ms == 1_500
        async with Decoding(allowance=Allowance(memory=24 << 20), crew=ONE) as decoding:
            with pytest.raises(Unacceptable, match="more memory"):
                await decoding(file, Claimed())
            assert (await decoding(note(speech, Opus()), Claimed())).duration_ms == 1_500

    asyncio.run(go())


ENDS = [
    (signal.SIGKILL, DoorError, "ended with -9"),
    (signal.SIGTERM, DoorError, "ended with -15"),
    (signal.SIGSEGV, Unacceptable, "breaks the decoder"),
    (signal.SIGXCPU, Unacceptable, "more processor time"),
]


def test_a_process_that_ends_in_the_middle_is_replaced(speech: Clip, loop: asyncio.Runner) -> None:
    data = note(speech, Opus(complexity=0))

    async def middle(decoding: Decoding) -> tuple[int, asyncio.Task[Examined]]:
        """A file that is with a process, which stands still."""
        await decoding.warm()
        (pid,) = decoding.pids
        os.kill(pid, signal.SIGSTOP)
        task = asyncio.create_task(decoding(data, Claimed()))
        while decoding.pids:
            await asyncio.sleep(0)
        return pid, task

    async def go() -> None:
        async with Decoding(crew=ONE) as decoding:
            for number, fault, seen in ENDS:
                pid, task = await middle(decoding)
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
                with pytest.raises(fault, match=seen):
                    await task
                assert decoding.pids == []
            _, task = await middle(decoding)
            task.cancel()  # the uploader has gone
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await decoding(data, Claimed())).duration_ms == 1_500

    loop.run(go())


def test_a_process_that_hangs_is_ended_and_replaced(speech: Clip, loop: asyncio.Runner) -> None:
    data = note(speech, Opus(complexity=0))

    async def go() -> None:
        async with Decoding(allowance=Allowance(wall=0.3), crew=ONE) as decoding:
            await decoding.warm()
            (pid,) = decoding.pids
            os.kill(pid, signal.SIGSTOP)
            with pytest.raises(DoorError, match="did not answer in time"):
                await decoding(data, Claimed())
            assert not Path(f"/proc/{pid}").exists() or not decoding.pids

    loop.run(go())


def test_many_files_share_few_processes_and_too_many_are_sent_away(speech: Clip, loop: asyncio.Runner) -> None:
    data = note(speech, Opus(complexity=0))

    async def go() -> None:
        async with Decoding(crew=Crew(processes=2, files=8)) as decoding:
            answers = await asyncio.gather(*(decoding(data, Claimed()) for _ in range(12)), return_exceptions=True)
            assert [type(answer) for answer in answers] == [Examined] * 8 + [DoorError] * 4
            assert 1 <= len(decoding.pids) <= 2
        with pytest.raises(DoorError):
            await decoding(data, Claimed())

    loop.run(go())


PARENT = """
import asyncio, sys
from imlab.stack.decoding import Decoding
async def main():
    decoding = Decoding()
    await decoding.warm()
    print(*decoding.pids, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open, of Linux")
def test_no_process_outlives_its_server() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    try:
        ended, _, _ = select.select([child], [], [], 30)
        assert ended
    finally:
        os.close(child)


class Prey:
    """A process that is asked whatever comes, and replaced when it died of it."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._process: DecoderProcess | None = None
        self.deaths = 0

    def ask(self, data: bytes, codec: str) -> dict[str, Any]:
        return self._runner.run(self._ask(data, codec))

    async def _ask(self, data: bytes, codec: str) -> dict[str, Any]:
        self._process = self._process or await DecoderProcess.start(Allowance(cpu=5, wall=60))
        try:
            return await self._process.ask(data, codec, 60)
        except Ended:
            self._process, self.deaths = None, self.deaths + 1
            return {}

    def end(self) -> None:
        if self._process:
            self._runner.run(self._process.stop())


@pytest.fixture(scope="module")
def prey(runner: asyncio.Runner) -> Iterator[Prey]:
    prey = Prey(runner)
    yield prey
    prey.end()


NOISE = Clip(np.random.default_rng(4).uniform(-0.3, 0.3, 9_600).astype(np.float32), 48_000)
SEEDS = [(codec.name, to_file(encode(codec, resample(NOISE, codec.rate)), kind)[1]) for codec, kind, _ in FILES]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SEEDS), st.integers(0, 1 << 32), st.integers(0, 8), st.booleans())
def test_whatever_bytes_come_the_process_answers(
    prey: Prey, file: tuple[str, bytes], seed: int, changes: int, cut: bool
) -> None:
    drawn = random.Random(seed)
    codec, data = file[0], bytearray(file[1])
    for _ in range(changes):
        data[drawn.randrange(len(data))] = drawn.randrange(256)
    if cut:
        del data[drawn.randrange(len(data)) :]
    answer = prey.ask(bytes(data), codec)
    assert answer == {} or "refused" in answer or len(bytes.fromhex(answer["waveform"])) == 64
    assert changes or cut or answer["seconds"] == pytest.approx(0.2, abs=0.07)


def test_few_of_them_died(prey: Prey) -> None:
    assert prey.deaths < 5


SERVER = """
import asyncio, sys
from pathlib import Path
from imlab.server.doors import Claimed
from imlab.stack.decoding import Decoding
from imlab.stack.structure import Structure
async def main():
    print((await Structure()(Path(sys.argv[1]), Claimed())).duration_ms)
    async with Decoding() as decoding:
        print((await decoding(Path(sys.argv[1]), Claimed())).duration_ms)
asyncio.run(main())
print(*{"av", "soundfile", "soxr", "opuslib", "scipy", "pandas"} & sys.modules.keys())
"""


@pytest.mark.parametrize("container", ["ogg", "webm", "mp4"])
def test_the_servers_own_process_loads_no_decoder(container: str, speech: Clip, tmp_path: Path) -> None:
    (tmp_path / "note").write_bytes(note(speech, Opus(complexity=0), container))
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(tmp_path / "note")], capture_output=True, text=True, check=True
    )
    structure, decoding, *loaded = done.stdout.splitlines()
    assert (abs(int(structure) - 1_500) <= 1, abs(int(decoding) - 1_500) <= 1, loaded) == (True, True, [""])
