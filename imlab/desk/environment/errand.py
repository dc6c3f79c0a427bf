"""An errand: another program's work, shown on the terminal as it goes and kept in case it fails."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Failed(Exception):
    """The program ended badly. text: everything it wrote, without colours."""

    def __init__(self, text: str) -> None:
        super().__init__(text[-200:])
        self.text = text


def run(command: Sequence[str], environment: Mapping[str, str], enough: bytes | None = None) -> None:
    """Run until it ends, in no project (uv would obey our pyproject.toml).

    A terminal sees the program's own progress bars, up to the word ``enough``; a log sees nothing.
    """
    mine, theirs = pty.openpty() if sys.stderr.isatty() else os.pipe()
    with subprocess.Popen(
        command, cwd="/", env=dict(environment), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as program:
        os.close(theirs)
        said = _listen(mine, enough)
    os.close(mine)
    if program.returncode:
        raise Failed(ESCAPE.sub(b"\n", said).decode(errors="replace"))


def _listen(source: int, enough: bytes | None) -> bytes:
    """Everything written until the other end closes (a terminal says so by an error), echoed to a terminal."""
    said = bytearray()
    while True:
        try:
            piece = os.read(source, 65536)
        except OSError:
            return bytes(said)
        if not piece:
            return bytes(said)
        if sys.stderr.isatty() and (enough is None or enough not in said):
            sys.stderr.buffer.write(piece)
            sys.stderr.flush()
        said += piece
