"""An archive of a corpus over HTTP, through pooch: checked against its published hash, gone on with after a cut."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pooch
from tqdm import tqdm

from imlab.audio.speech.corpora import Archive
from imlab.errors import DoorError, PeerError

PATIENCE = 30  # seconds without a byte until the connection counts as gone
BLOCK = 1 << 18  # bytes
TRIES = 5  # connections that bring something and break before we say so


def download(archive: Archive, directory: Path) -> Path:
    """The archive in a directory, whole and as published; one that is there already is only checked.

    DoorError for a network that fails or a disk that is full: what came stays, and the next call goes on from there.
    PeerError for another file than the published one: nothing of it stays.
    """
    resuming = Resuming(archive, directory / f"{archive.name}.part")
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return Path(pooch.retrieve(archive.url, archive.hash, archive.name, directory, downloader=resuming))
    except ValueError as error:  # what pooch raises for another hash
        raise PeerError(
            f"{archive.name} is not what was published: its {archive.hash.partition(':')[0]} is not"
            f" {archive.hash.partition(':')[2][:16]}...; nothing was kept"
        ) from error
    except OSError as error:
        raise DoorError(f"cannot keep {archive.name} in {directory}: {error.strerror}") from error


class Resuming:
    """pooch's downloader that keeps what came before a cut in a file of its own, and asks for the rest."""

    def __init__(self, archive: Archive, part: Path) -> None:
        self._archive, self._part = archive, part

    def __call__(self, url: str, output_file: str, _pooch: Any = None) -> None:
        """Bring the whole file to ``output_file``."""
        for _ in range(TRIES):
            before = self._here()
            if self._fetch(url):
                self._part.replace(output_file)
                return
            if self._here() <= before:
                break
        raise DoorError(
            f"{self._archive.name} came cut short, {self._here():,} bytes are kept; the same command goes on from there"
        )

    def _here(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _fetch(self, url: str) -> bool:
        """One connection; whether the file is whole after it."""
        here = self._here()
        try:
            with urlopen(Request(url, headers={"Range": f"bytes={here}-"} if here else {}), timeout=PATIENCE) as answer:
                return self._take(answer, here if answer.status == 206 else 0)
        except URLError as error:
            if getattr(error, "code", None) == 416:  # nothing follows what is here: the hash will judge it
                return True
            raise DoorError(f"{url} cannot be had: {error.reason}") from error
        except (HTTPException, TimeoutError, ConnectionError):
            return False

    def _take(self, answer: HTTPResponse, here: int) -> bool:
        """The bytes of an answer, behind those that are here."""
        total = here + int(answer.headers.get("Content-Length") or 0)
        self._refuse_full_disk(total - here)
        with self._part.open("ab" if here else "wb") as file, self._bar(total, here) as bar:
            while block := answer.read(BLOCK):
                file.write(block)
                bar.update(len(block))
        return total in (here, self._here())

    def _bar(self, total: int, here: int) -> Any:
        name = self._archive.name
        return tqdm(total=total or None, initial=here, unit="B", unit_scale=True, desc=name, leave=False, disable=None)

    def _refuse_full_disk(self, coming: int) -> None:
        """Better before an hour of downloading than after."""
        free = shutil.disk_usage(self._part.parent).free
        if coming > free:
            raise DoorError(
                f"{self._archive.name} needs {coming / 1e9:.1f} GB more in {self._part.parent}, {free / 1e9:.1f} GB are"
                f" free: {os.strerror(errno.ENOSPC)}"
            )
