"""Set-up: .venv from the lock, once. Runs under whatever Python ./lab chose, so it knows only the standard library.

The stamp (a copy of the lock, then ``made-for``) is written last: a set-up that was interrupted has none and is done
again from nothing. A stamped .venv whose lock has changed is brought up to date where it stands, under running
processes or not. Everything is said on stderr, so that the first ``./lab serve --json`` still prints only its line.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imlab.desk.environment.installer import Installer, find_installer
from imlab.desk.measuring.places import ROOT
from imlab.errors import DoorError

SIZE = "about 320 MB to download, 0.9 GB on disk"
SPACE = 1_300_000_000  # bytes free before we begin: the environment, and the wheels while they are unpacked


def main() -> int:
    """Set up this checkout; exit code 0 when .venv stands."""
    try:
        with one_at_a_time(ROOT / "lab"):
            if not ready(ROOT):
                build(ROOT)
    except DoorError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("set-up stopped; the next call begins again")
        return 130
    return 0


def ready(root: Path) -> bool:
    """Whether .venv was made here, for this lock, by the interpreter that runs now."""
    venv = root / ".venv"
    try:
        same_lock = (venv / "requirements.lock").read_bytes() == (root / "requirements.lock").read_bytes()
        return same_lock and (venv / "made-for").read_text().strip() == made_for(root) and same_python(venv)
    except OSError:
        return False


def made_for(root: Path) -> str:
    """The interpreter behind .venv and the place it stands: neither may change under a virtual environment."""
    return f"{os.path.realpath(root / '.venv/bin/python')} {root}"


def same_python(venv: Path) -> bool:
    """Whether .venv stands on the Python that runs now."""
    return os.path.realpath(venv / "bin/python") == os.path.realpath(sys.executable)


def build(root: Path) -> None:
    """Make .venv, or bring it up to date; the stamp goes on last."""
    begin, venv = time.monotonic(), root / ".venv"
    refuse_a_full_disk(root)
    stamped = (venv / "made-for").is_file() and (venv / "made-for").read_text().strip() == made_for(root)
    say(f"setting up {venv} with Python {sys.version.split()[0]} ({sys.executable}), once: {SIZE}")
    if stamped and same_python(venv):
        (venv / "made-for").unlink()
    else:
        create(venv)
    installer = find_installer(root)
    installer.install(root / "requirements.lock")
    (venv / "pesq").write_text(try_pesq(root, installer) + "\n")
    make_importable(root)
    shutil.rmtree(venv / "uv", ignore_errors=True)
    stamp(root)
    say(f"ready after {time.monotonic() - begin:.0f} s")


def create(venv: Path) -> None:
    """An empty virtual environment; without pip, so that Debian needs no python3-venv."""
    shutil.rmtree(venv, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(venv)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise DoorError(f"python -m venv failed: {last_line(made.stderr or made.stdout)}")


def try_pesq(root: Path, installer: Installer) -> str:
    """PESQ has no wheel: build it where a compiler is, and say what came of it; set-up never fails for it."""
    if not (shutil.which("cc") or shutil.which("gcc")):
        return "not built: no C compiler"
    try:
        installer.install(root / "requirements-pesq.lock")
    except DoorError as error:
        say(f"PESQ could not be built and its columns will say so: {error}")
        return f"not built: {error}"
    return "built"


def make_importable(root: Path) -> None:
    """A .pth file names the checkout; its bytecode and that of all packages is written now, not at the first start."""
    venv_python = root / ".venv/bin/python"
    (site,) = (root / ".venv/lib").glob("python3.*/site-packages")
    (site / "imlab.pth").write_text(f"{root}\n")
    subprocess.run(
        [venv_python, "-W", "ignore", "-m", "compileall", "-q", "-j", "0", root / "imlab"],
        stdout=subprocess.DEVNULL,
        check=False,
    )


def stamp(root: Path) -> None:
    """Say that .venv is whole."""
    venv = root / ".venv"
    shutil.copyfile(root / "requirements.lock", venv / "requirements.lock")
    (venv / "made-for").write_text(made_for(root) + "\n")


def refuse_a_full_disk(root: Path) -> None:
    """Better before the download than at its end."""
    free = shutil.disk_usage(root).free
    if free < SPACE:
        raise DoorError(f"set-up needs {SPACE / 1e9:.1f} GB and the disk of {root} has {free / 1e9:.1f} GB free")


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold the file's lock; a second call waits for the first. Where the disk knows no locks, nobody waits."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another call is setting up; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            say(f"cannot lock {path} ({error.strerror}): run one set-up at a time")
        yield


def last_line(text: str) -> str:
    """The line that says what went wrong, most of the time."""
    return (text.strip().splitlines() or ["no reason given"])[-1].strip()


def say(what: str) -> None:
    """One line for the person at the terminal."""
    print(f"lab: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
