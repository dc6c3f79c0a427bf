"""A note that was acknowledged survives ``kill -9``, at any moment.

A child commits notes and tells each answer on a pipe; the parent kills it at random moments, opens what is left, and
compares. This proves what a killed process leaves behind; what a power cut leaves depends on fsync and the disk.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from threading import Semaphore

import pytest

from imlab.server.doors import Committed
from imlab.store.answers import Answer
from imlab.store.sqlite import SqliteStore
from imlab.store.writer import Batching, Writer
from imlab.wire.messages import PacketLayout, VoiceMessage

KILLS = 50
ROOMS = ("kitchen", "hall", "cellar")
FORKING = multiprocessing.get_context("forkserver")  # a fresh process each time, without importing everything again
FORKING.set_forkserver_preload([__name__])


def note(number: int) -> VoiceMessage:
    """A note whose every byte follows from its number, which is its timestamp too."""
    random = Random(number)
    audio = random.randbytes(random.randrange(1, 8_000))
    layout = PacketLayout(16_000, 104, 216, 320, (len(audio),))
    name = f"{random.getrandbits(128):032x}"
    return VoiceMessage(name, "ann", ROOMS[number % 3], number, 20, "opus", layout, len(audio), audio)


def commit_forever(directory: Path, number: int, pipe: Connection) -> None:
    """The child: notes from a number on, sixteen under way, each answer told as soon as it is there."""
    free = Semaphore(16)

    def tell(answers: Sequence[Answer]) -> None:
        lines = [f"{ticket} {result.sequence}\n" for ticket, result in answers if isinstance(result, Committed)]
        os.write(pipe.fileno(), "".join(lines).encode())  # a few bytes: a pipe takes them whole or not at all
        free.release(len(answers))

    writer = Writer(SqliteStore(directory), tell, Batching(notes=8))
    os.write(pipe.fileno(), b"open\n")
    while free.acquire():
        writer.put(number, note(number))
        number += 1


def killed(directory: Path, number: int, heard: int, after: float) -> dict[int, int]:
    """Run a child, kill it some seconds after so many answers; its acknowledgements, number -> sequence."""
    ours, theirs = FORKING.Pipe(duplex=False)
    child = FORKING.Process(target=commit_forever, args=(directory, number, theirs))
    child.start()
    theirs.close()
    with ours, os.fdopen(os.dup(ours.fileno()), "rb") as told:
        assert told.readline() == b"open\n"
        lines = [told.readline() for _ in range(heard)]
        child.join(after)
        assert child.exitcode is None, "the child ended by itself"
        child.kill()
        lines += told.readlines()
    child.join()
    return {int(ticket): int(sequence) for ticket, sequence in map(bytes.split, lines)}


def check(store: SqliteStore, acknowledged: dict[int, int], start: dict[str, int]) -> dict[str, int]:
    """Everything acknowledged is in its place, whole, and no place is empty; answers with the rooms' heads."""
    pages = {room: store.load(room, start[room], 1 << 40) for room in ROOMS}
    for room, page in pages.items():
        assert [kept.sequence for kept in page.notes] == list(range(start[room] + 1, page.head + 1))
        assert all(kept.audio == note(kept.timestamp_ms).audio for kept in page.notes)
    places = {kept.timestamp_ms: kept.sequence for page in pages.values() for kept in page.notes}
    assert acknowledged.items() <= places.items()
    return {room: page.head for room, page in pages.items()}


@pytest.mark.process
def test_an_acknowledged_note_survives_kill_9(tmp_path: Path) -> None:
    random = Random(7)
    everything: dict[int, int] = {}
    heads = dict.fromkeys(ROOMS, 0)
    for kill in range(KILLS):
        acknowledged = killed(tmp_path, kill * 1_000_000, random.randrange(5), random.uniform(0, 0.04))
        with closing(SqliteStore(tmp_path)) as store:
            heads = check(store, acknowledged, heads)
        everything |= acknowledged
    assert len(everything) > KILLS
    with closing(SqliteStore(tmp_path)) as store:
        assert check(store, everything, dict.fromkeys(ROOMS, 0)) == heads
