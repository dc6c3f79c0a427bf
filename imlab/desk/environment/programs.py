"""Other people's programs that some tests and studies use, found on PATH, and the line that installs each."""

from __future__ import annotations

import shutil
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """names: rivals that do the same, best first; the first one on PATH is used."""

    names: tuple[str, ...]
    use: str
    install: str

    def path(self) -> str | None:
        """Where it is, or None."""
        return next((path for name in self.names if (path := shutil.which(name))), None)


PROGRAMS = (
    Program(("ffmpeg",), "reads what we write, writes what we read", "apt-get install ffmpeg"),
    Program(("opusinfo",), "judges our Ogg Opus files", "apt-get install opus-tools"),
    Program(("opusenc",), "writes Ogg Opus files for us to read", "apt-get install opus-tools"),
    Program(("chromium", "chromium-browser", "google-chrome"), "plays our notes in a page", "apt-get install chromium"),
    Program(("node",), "clients we did not write", "apt-get install nodejs"),
    Program(("cc", "gcc"), "builds PESQ at set-up", "apt-get install gcc python3-dev; rm -r .venv"),
)


def find_program(name: str) -> Program:
    """The program that answers to ``name``; one we do not know is its own package."""
    known = (program for program in PROGRAMS if name in program.names)
    return next(known, Program((name,), "", f"apt-get install {name}"))
