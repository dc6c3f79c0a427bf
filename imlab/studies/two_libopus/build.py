"""A build of libopus at work in a process of its own: a process has one libopus, the first that it asked for."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imlab.audio.clip import Clip, Samples
from imlab.codec.contract import decode, encode
from imlab.codec.libopus import VARIABLE, load
from imlab.codec.opus import Opus
from imlab.codec.opus_features import Features, features
from imlab.errors import DoorError

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """A clip there and back. size: bytes in packets; encode_s, decode_s: CPU seconds of the thread that did it."""

    size: int
    encode_s: float
    decode_s: float
    heard: Samples


@dataclass(frozen=True, slots=True)
class Build:
    """A libopus that waits for clips. source and path: where it was found."""

    features: Features
    source: str
    path: str
    process: Executor = field(repr=False)

    def take(self, codec: Opus, clip: Clip) -> Take:
        """The clip, at the codec's rate, coded and decoded over there, while we wait."""
        return ask(self.process, _take, codec, clip.samples)

    def __str__(self) -> str:
        return f"libopus {self.features}"


@contextmanager
def open_build(file: str = "") -> Iterator[Build]:
    """The libopus in ``file``, else the one that this process would find; DoorError where there is none."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_choose, initargs=(file,)) as process:
        yield Build(*ask(process, _about), process)


def ask(process: Executor, work: Callable[..., Answer], *arguments: Any) -> Answer:
    """What the work over there comes to; DoorError where the library takes its process down."""
    try:
        return process.submit(work, *arguments).result()
    except BrokenProcessPool as error:
        raise DoorError(
            "a libopus has brought down the process that loaded it: was it built for this machine?"
        ) from error


def _choose(file: str) -> None:
    """In the new process, before anything loads a libopus."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    if file:
        os.environ[VARIABLE] = file


def _about() -> tuple[Features, str, str]:
    """Trying what it can do warms it up, too."""
    return features(), load().source, load().path


def _take(codec: Opus, samples: Samples) -> Take:
    begin = time.thread_time()
    coded = encode(codec, Clip(samples, codec.rate))
    middle = time.thread_time()
    heard = decode(codec, coded)
    end = time.thread_time()
    return Take(coded.size, middle - begin, end - middle, heard.samples)
