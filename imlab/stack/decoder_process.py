"""One decoder.py in a process of its own: started, asked, ended."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from typing import Any

from imlab.errors import DoorError
from imlab.server.doors import Body

STARTING = 30.0  # seconds until it must be ready; 0.5 when the machine is idle
LINE = 1 << 16  # bytes of an answer; they have some 200


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one file may cost. cpu: seconds of processor time, up to the next whole one; wall: by the clock.

    memory: bytes beyond those of an idle decoder. 15 minutes of Opus take 2 s and 1 MB.
    """

    cpu: float = 10.0
    memory: int = 256 << 20
    wall: float = 30.0


class Ended(Exception):
    """The process is no more. code: as in Popen.returncode, or None when it was we who gave up on it."""

    def __init__(self, code: int | None) -> None:
        super().__init__("it did not answer in time" if code is None else f"it ended with {code}")
        self.code = code


class DecoderProcess:
    """One file at a time. What goes wrong between question and answer ends it: its next word would be an old one."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._given_up = False
        self.pid = process.pid

    @classmethod
    async def start(cls, allowance: Allowance) -> DecoderProcess:
        """A fresh one, ready; DoorError when there is none."""
        arguments = ("-m", "imlab.stack.decoder", str(allowance.cpu), str(allowance.memory))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # libmpg123 complains there of every damaged frame: a log that peers could fill
            limit=LINE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # each thread would take address space
            start_new_session=True,  # Ctrl-C in a terminal is for the server, which ends us
        )
        started = cls(process)
        try:
            await started._hear(STARTING)
        except Ended as error:
            raise DoorError(f"a decoder did not start: {error}") from error
        return started

    @property
    def alive(self) -> bool:
        """May it be asked? As far as we heard: a process that was killed is told of a little later."""
        return not self._given_up and self._process.returncode is None

    async def ask(self, body: Body, codec: str, wall: float) -> dict[str, Any]:
        """Its answer, see decoder.py; Ended when there is none within so many seconds."""
        inline, path = (body, None) if isinstance(body, bytes) else (b"", str(body.absolute()))
        question = json.dumps({"path": path, "size": len(inline), "codec": codec}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"".join((question, b"\n", inline)))
        return await self._hear(wall)

    async def stop(self) -> None:
        """End it, whatever it does."""
        self._given_up = True
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _hear(self, seconds: float) -> dict[str, Any]:
        """The next line. Without one it is ended, also when whoever waits for it goes away."""
        try:
            return await self._line(seconds)
        except BaseException:
            await self.stop()
            raise

    async def _line(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise Ended(None) from error
        if not line.endswith(b"\n"):
            raise Ended(await self._process.wait())
        return dict(json.loads(line))
