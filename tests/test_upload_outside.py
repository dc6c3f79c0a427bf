"""Clients that we did not write upload whole notes: curl, and fetch with FormData as browsers have it (node)."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from imlab.store.sqlite import SqliteStore
from tests.test_uploading import MB, MOST, Host, hosted
from tests.tools import lacking, need
from tests.uploads import kept

pytestmark = [pytest.mark.outside, pytest.mark.process]

SOUND = Random(7).randbytes(3 * MB)


def curl(host: Host, path: str, *words: str, data: bytes = b"") -> tuple[int, Any]:
    """Status, and what was told."""
    if shutil.which("curl") is None:
        lacking("curl", "apt-get install curl")
    command = ["curl", "-sS", "-w", "\n%{http_code}", *words, f"http://127.0.0.1:{host.port}{path}"]
    told, _, status = subprocess.run(command, input=data, capture_output=True, check=True).stdout.rpartition(b"\n")
    return int(status), json.loads(told)


def test_curl_puts_and_posts(tmp_path: Path) -> None:
    file = tmp_path / "note.ogg"
    file.write_bytes(SOUND)
    key = ["-H", f"Idempotency-Key: {'ab' * 16}"]
    with hosted(tmp_path / "server") as host:
        for status in (201, 200):  # asks with Expect: 100-continue; the second time it is the same note
            assert curl(host, "/notes/tea%20room?sender=ann", *key, "-T", str(file))[0] == status
        assert curl(host, "/notes/hall", "-T", "-", data=SOUND)[0] == 201  # chunked: the length is not known
        status, told = curl(
            host, "/upload", "-F", "room=hall", "-F", "sender=ann", "-F", f"file=@{file};type=audio/ogg"
        )
        assert (status, told["seq"], told["sha256"]) == (201, 2, sha256(SOUND).hexdigest())
        assert curl(host, "/upload", "-d", "room=hall")[0] == 415
    with closing(SqliteStore(tmp_path / "server" / "store")) as store:
        assert [kept(store, room) for room in ("tea room", "hall")] == [[SOUND], [SOUND, SOUND]]


def test_curl_is_told_why_it_was_refused_while_it_sends(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(MOST + 1)
    with hosted(tmp_path / "server") as host:
        for expect in ("Expect: 100-continue", "Expect:"):
            status, told = curl(host, "/notes/hall", "-T", str(file), "-H", expect)
            assert (status, told["error"]) == (413, "too_large")


def test_a_page_sends_both_forms_in_parallel(tmp_path: Path) -> None:
    need("node")
    length, size = 1_000_003, 70_000
    sound = bytes((index * 31 + (index >> 8)) & 255 for index in range(length))
    script = str(Path(__file__).with_name("forms.mjs"))
    with hosted(tmp_path) as host:
        words = ["node", script, f"http://127.0.0.1:{host.port}", str(length), str(size)]
        said = subprocess.run(words, capture_output=True, check=True, timeout=60).stdout
        whole, missing, last = (json.loads(line) for line in said.splitlines())
        assert (whole["status"], whole["told"]["sha256"]) == (201, sha256(sound).hexdigest())
        assert missing == [0, 3, 6, 9, 12]
        (finished,) = last
        assert finished["told"]["sha256"] == sha256(sound).hexdigest()
    with closing(SqliteStore(tmp_path / "store")) as store:
        assert kept(store, "hall") == [sound, sound]
