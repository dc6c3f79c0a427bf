"""A note that was acknowledged survives ``kill -9``, at any moment.

A child commits notes and tells each answer on a pipe; the parent kills it at random moments, opens what is left, and
compares. This proves what a killed process leaves behind; what a power cut leaves depends on fsync and the disk.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from threading import Semaphore
from typing import BinaryIO

import pytest

from imlab.server.doors import Committed
from imlab.store.answers import Answer
from imlab.store.kinds import Blobs, Files, Kind, Segments
from imlab.store.sqlite import SqliteStore
from imlab.store.writer import Batching, Writer
from imlab.wire.messages import File, PacketLayout, VoiceMessage

KILLS = 30  # of each kind of store
ROOMS = ("kitchen", "hall", "cellar")
BIN = "bin"  # a room whose notes are removed as soon as they are there
KINDS: dict[str, Kind] = {"files": Files(), "segments": Segments(roll=100_000, large=6_000), "blobs": Blobs()}
FORKING = multiprocessing.get_context("forkserver")  # a fresh process each time, without importing everything again
FORKING.set_forkserver_preload([__name__])


def sound(number: int) -> bytes:
    """Of the note of that number."""
    random = Random(number)
    return random.randbytes(random.randrange(1, 8_000))


def is_thrown(number: int) -> bool:
    """Does it go into the bin?"""
    return number % 20 >= 17


def note(number: int) -> VoiceMessage:
    """A note whose every byte follows from its number, which is its timestamp too. Every second one is a file."""
    audio = sound(number)
    name = f"{Random(-number).getrandbits(128):032x}"
    room = BIN if is_thrown(number) else ROOMS[number % 3]
    if number % 2:
        file = File(sha256(audio).hexdigest(), len(audio), "audio/ogg")
        return VoiceMessage(name, "ann", room, number, 20, "opus", PacketLayout(), 0, b"", file=file)
    layout = PacketLayout(16_000, 104, 216, 320, (len(audio),))
    return VoiceMessage(name, "ann", room, number, 20, "opus", layout, len(audio), audio)


def commit_forever(directory: Path, kind: str, number: int, pipe: Connection) -> None:
    """The child: notes from a number on, sixteen under way, each answer told as soon as it is there.

    What went into the bin is removed, and collected, so that segments are emptied, too.
    """
    free = Semaphore(16)
    store = SqliteStore(directory, KINDS[kind])

    def tell(answers: Sequence[Answer]) -> None:
        lines = [f"{ticket} {result.sequence}\n" for ticket, result in answers if isinstance(result, Committed)]
        os.write(pipe.fileno(), "".join(lines).encode())  # a few bytes: a pipe takes them whole or not at all
        thrown = [note(ticket).id for ticket, _ in answers if is_thrown(ticket)]
        for each in thrown:
            store.remove(each)
        if thrown:
            store.collect(time.time() + 60)
        free.release(len(answers))

    writer = Writer(store, tell, Batching(notes=8))
    os.write(pipe.fileno(), b"open\n")
    while free.acquire():
        sent = note(number)
        writer.put(number, sent, sound(number) if sent.file else None)
        number += 1


@contextmanager
def committing(directory: Path, kind: str, number: int) -> Iterator[tuple[BaseProcess, BinaryIO]]:
    """A child that has opened its store, and what it tells; killed at the end, if it is not by then."""
    ours, theirs = FORKING.Pipe(duplex=False)
    child = FORKING.Process(target=commit_forever, args=(directory, kind, number, theirs))
    child.start()
    theirs.close()
    with ours, os.fdopen(os.dup(ours.fileno()), "rb") as told:
        try:
            assert told.readline() == b"open\n"
            yield child, told
        finally:
            child.kill()
            child.join()


def killed(directory: Path, kind: str, number: int, heard: int, after: float) -> dict[int, int]:
    """Run a child, kill it some seconds after so many answers; its acknowledgements, number -> sequence."""
    with committing(directory, kind, number) as (child, told):
        lines = [told.readline() for _ in range(heard)]
        child.join(after)
        assert child.exitcode is None, "the child ended by itself"
        child.kill()
        lines += told.readlines()
    return {int(ticket): int(sequence) for ticket, sequence in map(bytes.split, lines)}


def check(store: SqliteStore, acknowledged: dict[int, int], start: dict[str, int]) -> dict[str, int]:
    """Everything acknowledged is in its place, whole, and no place is empty; answers with the rooms' heads."""
    pages = {room: store.load(room, start[room], 1 << 40) for room in (*ROOMS, BIN)}
    for room, page in pages.items():
        assert [kept.sequence for kept in page.notes] == list(range(start[room] + 1, page.head + 1))
    kept = [each for room in ROOMS for each in pages[room].notes]
    assert [each.file or each.audio for each in kept] == [
        note(each.timestamp_ms).file or sound(each.timestamp_ms) for each in kept
    ]
    assert all(store.read(each.file.sha256) == sound(each.timestamp_ms) for each in kept if each.file)
    places = {each.timestamp_ms: each.sequence for page in pages.values() for each in page.notes}
    assert acknowledged.items() <= places.items()
    assert store.damage == ()
    return {room: page.head for room, page in pages.items()}


@pytest.mark.process
@pytest.mark.parametrize("kind", KINDS)
def test_an_acknowledged_note_survives_kill_9(tmp_path: Path, kind: str) -> None:
    random = Random(7)
    everything: dict[int, int] = {}
    heads = dict.fromkeys((*ROOMS, BIN), 0)
    for kill in range(KILLS):
        acknowledged = killed(tmp_path, kind, kill * 1_000_000, random.randrange(5), random.uniform(0, 0.04))
        with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
            heads = check(store, acknowledged, heads)
        everything |= acknowledged
    assert len(everything) > KILLS
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        assert check(store, everything, dict.fromkeys(heads, 0)) == heads
