"""A process that hears files, one after the other, within limits that the kernel keeps: ``python -m`` of decoding.py.

It is asked on stdin and answers on stdout, each time a line of JSON; a body that is no file of ours follows its
question. It ends when stdin does, so it never outlives its server. Whatever the bytes do to it, only this process dies.
"""

from __future__ import annotations

import io
import json
import math
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from imlab.codec.hearing import hear
from imlab.codec.libav import load
from imlab.errors import PeerError

STATM = Path("/proc/self/statm")  # of Linux; where there is none, memory is not limited
MOST_WORDS = 500  # characters


def main(cpu: float, memory: int) -> None:
    """Answer until stdin ends. cpu: seconds for each file; memory: bytes beyond those of an idle process."""
    answers = _stdout_of_our_own()
    load()  # FFmpeg now, not with the first file, and before memory is bounded
    _bound(memory)
    _say(answers, {"ready": True})
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        body = sys.stdin.buffer.read(asked["size"])
        _allow(cpu)
        _say(answers, _answer(asked, body))


def _stdout_of_our_own() -> TextIO:
    """What a library prints goes to stderr, and cannot be taken for an answer."""
    ours = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return ours


def _answer(asked: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What was heard; "refused": why the file is not to be had; "failed": what went wrong on our side."""
    try:
        with io.BytesIO(body) if asked["path"] is None else Path(asked["path"]).open("rb") as file:
            heard = hear(file, asked["codec"])
    except PeerError as error:
        return {"refused": str(error)[:MOST_WORDS]}
    except MemoryError:
        return {"refused": "decoding it takes more memory than a voice note is given"}
    except Exception as error:  # noqa: BLE001 - a disk, a missing library, a mistake of ours: not the file's fault
        return {"failed": f"{type(error).__name__}: {error}"[:MOST_WORDS]}
    return {"seconds": heard.seconds, "waveform": heard.waveform.hex()}


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _bound(memory: int) -> None:
    """No more address space than there is now and so much besides; no core files, which a crash would leave."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if STATM.exists():
        now = int(STATM.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))


def _allow(cpu: float) -> None:
    """So many seconds of processor time from now on, up to the next whole one; SIGXCPU after that."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + cpu), hard))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
