"""What a hot download of 20 kB costs our server, on either event loop, beside nginx sending the same file.

    .venv/bin/python results/peers/downloads.py      about 10 s; nginx as ./lab services finds it

Microseconds of a server's CPU for one GET (all its threads and workers, by schedstat), over 32 connections that stay;
the rivals take turns, and each turn is shown, then the median and its ratio to nginx's.
"""
# ruff: noqa: T201

from __future__ import annotations

import io
import random
import re
import select
import socket
import tempfile
import wave
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from imlab.stack.plan import ServerPlan
from imlab.stack.server import start
from imlab.stack.services.nginx import Nginx
from imlab.stack.services.private import private

GETS, CONNECTIONS, TURNS = 5000, 32, 5
ID = "1" * 32
PATH = f"/audio/{ID}"


@dataclass(frozen=True)
class Rival:
    """A server that has the file. cpu: seconds that it took so far."""

    name: str
    port: int
    cpu: Callable[[], float]


def note() -> bytes:
    """0.62 s of noise: a WAV file of 20 kB."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(random.Random(1).randbytes(19_956))
    return file.getvalue()


def cpu_of(*pids: int) -> float:
    """Seconds of CPU of all threads of these processes."""
    threads = (each for pid in pids for each in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def ours(house: ExitStack, loop: str) -> Rival:
    """Our whole server, told of the note by an upload."""
    directory = house.enter_context(tempfile.TemporaryDirectory())
    server = house.enter_context(start(ServerPlan(data=Path(directory), loop=loop, examine="structure")))  # type: ignore[arg-type]
    port = urlsplit(server.media).port or 0
    uploader = HTTPConnection("127.0.0.1", port)
    uploader.request("PUT", "/notes/tea", note(), {"Content-Type": "audio/wav", "Idempotency-Key": ID})
    answer = uploader.getresponse()
    if answer.status != 201:
        raise SystemExit(f"our server took no note: {answer.read()!r}")
    return Rival(f"imlab, {loop}", port, lambda: cpu_of(server.pid))


def nginx(house: ExitStack) -> Rival:
    """One worker, sendfile, no log."""
    server = house.enter_context(private(Nginx()))
    place = server.directory / "files" / PATH[1:]
    place.parent.mkdir()
    place.write_bytes(note())
    pid = server.process.pid
    workers = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return Rival(server.version, urlsplit(server.endpoint.url).port or 0, lambda: cpu_of(pid, *workers))


def turn(rival: Rival) -> float:
    """CPU for one GET, microseconds: every connection asks again as soon as it is answered."""
    asked = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{rival.port}\r\nAccept: */*\r\n\r\n".encode()
    connections = {
        each.fileno(): each
        for each in (socket.create_connection(("127.0.0.1", rival.port)) for _ in range(CONNECTIONS))
    }
    size = length(next(iter(connections.values())), asked)
    left, polled, buffer = dict.fromkeys(connections, size), select.epoll(), bytearray(1 << 18)
    began, answered = rival.cpu(), 0
    for fileno, connection in connections.items():
        polled.register(fileno, select.EPOLLIN)
        connection.sendall(asked)
    while answered < GETS:
        for fileno, _ in polled.poll():
            left[fileno] -= connections[fileno].recv_into(buffer)
            if not left[fileno]:
                answered += 1
                left[fileno] = size
                connections[fileno].sendall(asked)
    took = rival.cpu() - began
    for connection in connections.values():
        connection.close()
    return took / answered * 1e6


def length(connection: socket.socket, asked: bytes) -> int:
    """Of an answer with its headers, in bytes; it holds the note."""
    connection.sendall(asked)
    got = b""
    while not got.endswith(note()):
        got += connection.recv(1 << 16)
    if not re.match(rb"HTTP/1.1 200 ", got):
        raise SystemExit(f"no note: {got[:60]!r}")
    return len(got)


def main() -> None:
    """Measure, and tell."""
    with ExitStack() as house:
        rivals = [nginx(house), ours(house, "uvloop"), ours(house, "asyncio")]
        seen: dict[str, list[float]] = {rival.name: [] for rival in rivals}
        for _ in range(TURNS):
            for rival in rivals:
                seen[rival.name].append(turn(rival))
    least = median(seen[rivals[0].name])
    print(f"us of CPU for one GET of {len(note())} bytes over {CONNECTIONS} connections")
    print(f"{'':24}{'median':>8}{'ratio':>8}  turns")
    for name, turns in seen.items():
        told = " ".join(f"{each:.1f}" for each in turns)
        print(f"{name:24}{median(turns):8.1f}{median(turns) / least:8.2f}  {told}")


if __name__ == "__main__":
    main()
