"""The servers that are compared, each as a value that can be stood up in a folder: ours, and peers that were built.

Peers are looked for in the folder that IMLAB_PEERS names (results/peers/run makes it) and on PATH; one that is not
there is said to be missing, by name.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from imlab.errors import DoorError, InvalidRun
from imlab.lab.plan.design import Trial
from imlab.net.sockets.listening import listen
from imlab.stack.plan import ServerPlan
from imlab.stack.server import start
from imlab.studies.upload.asked import until_answered

PATIENCE = 10.0  # seconds until a process must have ended


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its key, PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Standing:
    """A server that answers: where, its first process, and what it shows if it speaks TLS."""

    address: tuple[str, int]
    pid: int
    certified: Certified | None = None


class Server(Protocol):
    """A server as a value; its repr is its label."""

    def stand(self, folder: Path) -> AbstractContextManager[Standing]:
        """It answers, inside; it keeps what it keeps under ``folder``."""
        ...


@dataclass(frozen=True, slots=True)
class Ours:
    """The product. bodies: where they are kept; memory: nowhere."""

    examine: Literal["structure", "decode"] = "structure"
    bodies: Literal["files", "segments", "blobs", "memory"] = "segments"
    certified: Certified | None = None

    @contextmanager
    def stand(self, folder: Path) -> Iterator[Standing]:
        """See Server."""
        plan = ServerPlan(loop="uvloop", examine=self.examine)
        if self.bodies != "memory":
            plan = replace(plan, data=folder / "data", bodies=self.bodies)
        if self.certified:
            plan = replace(plan, tls=(self.certified.certificate, self.certified.key))
        with start(plan) as running:
            yield Standing(_address(running.media), running.pid, self.certified)


@dataclass(frozen=True, slots=True)
class Floor:
    """uvicorn on uvloop, and no work."""

    @contextmanager
    def stand(self, folder: Path) -> Iterator[Standing]:
        """See Server."""

        with _child([sys.executable, "-P", "-m", "imlab.studies.upload.floor"]) as standing:
            yield standing


@dataclass(frozen=True, slots=True)
class Go:
    """results/peers/article.go. sync: what is acknowledged is durable."""

    sync: bool = False

    @contextmanager
    def stand(self, folder: Path) -> Iterator[Standing]:
        """See Server."""
        (folder / "files").mkdir()
        words = [program("article"), "-dir", str(folder / "files"), *(["-sync"] if self.sync else [])]
        with _child(words) as standing:
            yield standing


@dataclass(frozen=True, slots=True)
class Nginx:
    """One worker; PUT by its WebDAV module, GET of static files by sendfile."""

    @contextmanager
    def stand(self, folder: Path) -> Iterator[Standing]:
        """See Server."""
        with listen("127.0.0.1", 0) as free:
            address = free.getsockname()[:2]
        (folder / "files").mkdir()
        configuration = folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""  # else its worker is nobody, who may not write here
        configuration.write_text(NGINX.format(folder=folder, port=address[1], user=user))
        words = [program("nginx"), "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
        with _process(words) as process:
            until_answered(address, folder / "error.log")
            yield Standing(address, process.pid)


@contextmanager
def standing(server: Server, trial: Trial) -> Iterator[Standing]:
    """The server on its cores, its files in the trial's folder."""
    assert trial.scratch is not None
    with ExitStack() as up:
        with trial.cores.lent():
            here = up.enter_context(server.stand(trial.scratch))
        yield here


NGINX = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  client_max_body_size 1g;
  client_body_temp_path {folder}/temp;
  default_type audio/ogg;
  open_file_cache max=10000;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ root {folder}/files; dav_methods PUT; create_full_put_path on; }}
  }}
}}
"""


def program(name: str) -> str:
    """Where a peer's program is; InvalidRun, with what makes it, when it is nowhere."""
    places = os.pathsep.join((os.environ.get("IMLAB_PEERS", ""), os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which(name, path=places)
    if not found:
        raise InvalidRun(f"the peer {name} is not here: results/peers/run builds and finds the peers")
    return found


@contextmanager
def _child(words: list[str]) -> Iterator[Standing]:
    """A program that says where it listens, and ends when its stdin does."""
    with _process(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        line = process.stdout.readline()
        if not line:
            raise DoorError(f"{Path(words[0]).name} did not start")
        yield Standing(_address("http://" + json.loads(line)["address"]), process.pid)


@contextmanager
def _process(words: list[str], **pipes: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(words, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def _address(url: str) -> tuple[str, int]:
    split = urlsplit(url)
    assert split.hostname and split.port
    return split.hostname, split.port
