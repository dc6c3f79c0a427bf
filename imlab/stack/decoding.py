"""Files examined by hearing them: structure first, then a real decode, in processes that may die of it.

A process is started when a file needs one and kept for the next. Who is at fault when it dies:

- the file (Unacceptable): it used up its processor time (SIGXCPU) or memory, or broke the decoder (SIGSEGV, ...);
- the server (DoorError, to be tried again): it was killed from outside, failed to start, or took too long by the clock
  without using up its processor time, as it does on a machine that is overloaded.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from imlab.codec.walking.walked import Walked
from imlab.errors import DoorError
from imlab.server.doors import Body, Claimed, Examined, Unacceptable
from imlab.server.examination import Limits, judged
from imlab.stack.decoder_process import Allowance, DecoderProcess, Ended
from imlab.stack.structure import Structure

AGREE = 0.1  # seconds between what a container says and what is heard; fragments of a browser differ by up to 0.07
BROKEN = "it breaks the decoder"
HARMED = {  # ends that the file brought about
    -signal.SIGXCPU: "decoding it takes more processor time than a voice note is given",
    **dict.fromkeys((-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL), BROKEN),
}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Crew:
    """How many processes decode at most, and how many files may be with them before others are sent away."""

    processes: int = field(default_factory=_cores)
    files: int = 1_000


class Decoding:
    """An Examine. Close it, or its processes stay until ours ends."""

    def __init__(
        self, limits: Limits | None = None, allowance: Allowance | None = None, crew: Crew | None = None
    ) -> None:
        self._structure = Structure(limits or Limits())
        self._allowance = allowance or Allowance()
        self._crew = crew or Crew()
        self._turns = asyncio.Semaphore(self._crew.processes)
        self._idle: list[DecoderProcess] = []
        self._files = 0
        self._closed = False

    async def __call__(self, body: Body, claimed: Claimed) -> Examined:
        """What the file is, its waveform with it; Unacceptable, or DoorError when that cannot be said now."""
        walked = await self._structure.walked(body)
        judged(walked, claimed, self._structure.limits)
        heard = await self._heard(body, walked)
        if abs(heard["seconds"] - walked.seconds) > AGREE:
            told = f"{walked.seconds:.2f} s by its {walked.container} container, {heard['seconds']:.2f} s are heard"
            raise Unacceptable("content", told)
        found = judged(replace(walked, seconds=heard["seconds"]), claimed, self._structure.limits)
        return replace(found, waveform=bytes.fromhex(heard["waveform"]))

    @property
    def pids(self) -> list[int]:
        """The processes that wait for a file."""
        return [process.pid for process in self._idle if process.alive]

    async def warm(self) -> None:
        """Have one process ready, so that the first file does not wait for it to start."""
        async with self._turns:
            self._idle.append(await self._process())

    async def close(self) -> None:
        """End every process, once those at work are done."""
        self._closed = True
        for _ in range(self._crew.processes):
            await self._turns.acquire()
        await asyncio.gather(*(process.stop() for process in self._idle))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def _heard(self, body: Body, walked: Walked) -> dict[str, Any]:
        """The answer of a process, once one is free."""
        if self._files >= self._crew.files or self._closed:
            raise DoorError(f"{self._files} files are being decoded or wait for it: try again later")
        self._files += 1
        try:
            async with self._turns:
                return _fair(await self._asked(body, walked.codec))
        finally:
            self._files -= 1

    async def _asked(self, body: Body, codec: str) -> dict[str, Any]:
        process = await self._process()
        try:
            return await process.ask(body, codec, self._allowance.wall)
        except Ended as error:
            raise _blamed(error) from error
        finally:
            if process.alive:
                self._idle.append(process)

    async def _process(self) -> DecoderProcess:
        """One that waits, or a fresh one."""
        while self._idle:
            if (process := self._idle.pop()).alive:
                return process
        return await DecoderProcess.start(self._allowance)


def _fair(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, when something was heard."""
    if "refused" in answer:
        raise Unacceptable("content", answer["refused"])
    if "failed" in answer:
        raise DoorError(answer["failed"])
    return answer


def _blamed(ended: Ended) -> Exception:
    """Whose fault it is that a process ended."""
    if ended.code in HARMED:
        return Unacceptable("content", HARMED[ended.code])
    return DoorError(f"the decoder is gone: {ended}; try again")
