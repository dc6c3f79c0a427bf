"""What does our binding cost over a bare ctypes loop, and do two threads do twice the work of one?

    python -m imlab.studies.k01_binding_cost [ROUNDS]

Four ways to code and decode the same speech, in random order within every round, timed by the thread's own CPU time:

    floor    libopus called on data that already lies in C memory, nothing taken out: no product does this
    bare     a ctypes loop over kept buffers that takes float arrays and gives bytes, and back: we may cost 5 % more
    ours     imlab.codec.opus, as the product calls it
    opuslib  opuslib's own classes

Threads are judged by wall time, and beside them two processes do the same: what those miss, the machine has not.
"""

from __future__ import annotations

import ctypes
import itertools
import multiprocessing
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from imlab.audio.clip import Samples
from imlab.audio.speech.corpus import open_corpus
from imlab.codec.libopus import load
from imlab.codec.opus import LARGEST, SET_BITRATE, SET_COMPLEXITY, SET_VBR_CONSTRAINT, Opus
from imlab.errors import InvalidRun
from imlab.lab.machine.facts import facts, said
from imlab.lab.statistics.effect import paired

SECONDS = 8  # of speech in a pass
MARGIN = 0.05
VOIP, RATE, FRAME, LONGEST = 2048, 16_000, 320, 1_920
SETTINGS = (Opus(complexity=10), Opus(complexity=3))
PASSES = {"encode": 1, "decode": 8}  # in one timing, about 50 ms
JOB = {"encode": 1, "decode": 12}  # passes in what a thread is given, about 70 ms
UNDISTURBED = 0.02  # of the time, at most, in the queue for a core


@cache
def frames() -> list[Samples]:
    """The speech, a frame each, float32 of shape (320,)."""
    samples = open_corpus(download=False).note(SECONDS).samples
    return list(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME))


@cache
def packets(settings: Opus) -> list[bytes]:
    """The speech as our encoder codes it."""
    encoder = settings.encoder()
    return [encoder.encode(frame) for frame in frames()]


@cache
def library() -> Any:
    """The same libopus, opened and declared anew: nothing of ours or of opuslib's in between."""
    bare = ctypes.CDLL(load().path)
    state, floats, code = ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)
    bare.opus_encoder_create.argtypes, bare.opus_encoder_create.restype = (*[ctypes.c_int] * 3, code), state
    bare.opus_decoder_create.argtypes, bare.opus_decoder_create.restype = (*[ctypes.c_int] * 2, code), state
    bare.opus_encoder_ctl.argtypes = (state, ctypes.c_int)
    bare.opus_encode_float.argtypes = (state, floats, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32)
    bare.opus_decode_float.argtypes = (state, ctypes.c_char_p, ctypes.c_int32, floats, ctypes.c_int, ctypes.c_int)
    bare.opus_encoder_destroy.argtypes = bare.opus_decoder_destroy.argtypes = (state,)
    return bare


def _bare_encoder(settings: Opus) -> int:
    state: int = library().opus_encoder_create(RATE, 1, VOIP, None)
    requests = ((SET_BITRATE, settings.bitrate), (SET_COMPLEXITY, settings.complexity), (SET_VBR_CONSTRAINT, 0))
    for request, value in requests:
        library().opus_encoder_ctl(state, request, value)
    return state


def encode_floor(settings: Opus) -> None:
    """The C work, and a call for each frame."""
    state, call = _bare_encoder(settings), library().opus_encode_float
    out: Any = (ctypes.c_char * LARGEST)()
    for address in [frame.ctypes.data for frame in frames()]:
        call(state, address, FRAME, out, LARGEST)
    library().opus_encoder_destroy(state)


def encode_bare(settings: Opus) -> list[bytes]:
    """Kept buffers, one copy in, one out, no question asked."""
    state, call = _bare_encoder(settings), library().opus_encode_float
    out: Any = (ctypes.c_char * LARGEST)()
    pcm = np.zeros(FRAME, np.float32)
    address, coded = pcm.ctypes.data, list[bytes]()
    for frame in frames():
        pcm[:] = frame
        size = call(state, address, FRAME, out, LARGEST)
        coded.append(out[:size])
    library().opus_encoder_destroy(state)
    return coded


def encode_ours(settings: Opus) -> list[bytes]:
    """As the product does it."""
    encoder = settings.encoder()
    return [encoder.encode(frame) for frame in frames()]


def encode_opuslib(settings: Opus) -> list[bytes]:
    """As opuslib's readers do it."""
    import opuslib  # after load(): it must not choose a libopus for itself

    encoder = opuslib.Encoder(RATE, 1, "voip")
    encoder.bitrate, encoder.complexity, encoder.vbr_constraint = settings.bitrate, settings.complexity, 0
    return [encoder.encode_float(frame.tobytes(), FRAME) for frame in frames()]


def decode_floor(settings: Opus) -> None:
    """The C work, and a call for each packet."""
    state, call = library().opus_decoder_create(RATE, 1, None), library().opus_decode_float
    pcm = np.zeros(LONGEST, np.float32)
    address = pcm.ctypes.data
    for packet in packets(settings):
        call(state, packet, len(packet), address, LONGEST, 0)
    library().opus_decoder_destroy(state)


def decode_bare(settings: Opus) -> list[Samples]:
    """A kept buffer, one copy out, no question asked."""
    state, call = library().opus_decoder_create(RATE, 1, None), library().opus_decode_float
    pcm = np.zeros(LONGEST, np.float32)
    address, heard = pcm.ctypes.data, []
    for packet in packets(settings):
        count = call(state, packet, len(packet), address, LONGEST, 0)
        heard.append(pcm[:count].copy())
    library().opus_decoder_destroy(state)
    return heard


def decode_ours(settings: Opus) -> list[Samples]:
    """As the product does it."""
    decoder = settings.decoder()
    return [decoder.decode(packet) for packet in packets(settings)]


def decode_opuslib(settings: Opus) -> list[Samples]:
    """As opuslib's readers do it."""
    import opuslib

    decoder = opuslib.Decoder(RATE, 1)
    return [np.frombuffer(decoder.decode_float(packet, FRAME), np.float32) for packet in packets(settings)]


Ways = Mapping[str, Callable[[Opus], Any]]
ENCODE: Ways = {"floor": encode_floor, "bare": encode_bare, "ours": encode_ours, "opuslib": encode_opuslib}
DECODE: Ways = {"floor": decode_floor, "bare": decode_bare, "ours": decode_ours, "opuslib": decode_opuslib}
WORK = {"encode": ENCODE, "decode": DECODE}


def check(settings: Opus) -> None:
    """All ways do the same work, to the last bit; a way that does less must not be timed."""
    for work in WORK.values():
        expected = work["bare"](settings)
        for way in ("ours", "opuslib"):
            if not all(np.array_equal(one, other) for one, other in zip(work[way](settings), expected, strict=True)):
                raise InvalidRun(f"{work[way].__name__} does not do the work of {work['bare'].__name__}")


def calls(what: str, settings: Opus, rounds: int) -> dict[str, list[float]]:
    """Microseconds of CPU per call and round, by way."""
    spent: dict[str, list[float]] = {way: [] for way in WORK[what]}
    drawn = random.Random(1)
    for _ in range(rounds):
        for way in drawn.sample(sorted(spent), len(spent)):
            begin = time.thread_time()
            for _ in range(PASSES[what]):
                WORK[what][way](settings)
            spent[way].append((time.thread_time() - begin) * 1e6 / PASSES[what] / len(frames()))
    return spent


def queued() -> float:
    """Seconds this thread has waited for a core that somebody else had; 0 where the system does not tell."""
    try:
        told = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text()
    except OSError:
        return 0.0
    return int(told.split()[1]) / 1e9


def job(what: str, way: str, settings: Opus) -> float:
    """What one thread or process is given; the seconds it stood in the queue for a core."""
    before = queued()
    for _ in range(JOB[what]):
        WORK[what][way](settings)
    return queued() - before


def gain(workers: Executor, what: str, way: str, settings: Opus) -> tuple[float, float]:
    """How many times as much two of the workers do as one, by wall time; the larger share of it spent queuing."""
    walls, shares = [], []
    for count in (1, 2):
        begin = time.perf_counter()
        waits = [done.result() for done in [workers.submit(job, what, way, settings) for _ in range(count)]]
        walls.append(time.perf_counter() - begin)
        shares.append(max(waits) / walls[-1])
    return 2 * walls[0] / walls[1], max(shares)


def gains(settings: Opus, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Gains by work and by who did it, of the rounds in which nobody else took the cores."""
    found: dict[tuple[str, str], list[float]] = {}
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
        who: dict[str, tuple[Executor, str]] = {
            "threads, ours": (threads, "ours"),
            "threads, bare": (threads, "bare"),
            "threads, opuslib": (threads, "opuslib"),
            "processes, ours": (processes, "ours"),
        }
        for number in range(rounds + 1):
            for what, (name, (workers, way)) in itertools.product(WORK, who.items()):
                reached, queuing = gain(workers, what, way, settings)
                kept = found.setdefault((what, name), [])
                if number and queuing < UNDISTURBED:  # the first round warms the workers
                    kept.append(reached)
    return found


def report(rounds: int) -> None:
    """Measure and say what was reached."""
    say(f"{said(facts())}; load {facts()['load'][0]}")
    say(f"{load().version} from {load().source}; {open_corpus(download=False)}")
    for settings in SETTINGS:
        check(settings)
        for what in WORK:
            spent = calls(what, settings, rounds)
            say(f"\n{what} {settings}: us of CPU per call, median of {rounds} rounds")
            for way, each in spent.items():
                change = paired(spent["bare"], each, MARGIN).text() if way != "bare" else ""
                say(f"  {way:8} {statistics.median(each):8.2f}  {change}")
    say(f"\ntwo against one, by wall time, of {4 * rounds} rounds those without a queue for the cores, {SETTINGS[0]}")
    for (what, name), each in gains(SETTINGS[0], 4 * rounds).items():
        reached = (
            f"{statistics.median(each):.2f}x [{min(each):.2f}, {max(each):.2f}]" if each else "the machine was busy"
        )
        say(f"  {what} {name:17} n={len(each):<3} {reached}")


def say(line: str) -> None:
    """To the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    report(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
