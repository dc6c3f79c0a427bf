"""What programs that we did not write make of our sockets: Node's WebSocket, and OpenSSL's certificates."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.files import write_clip
from imlab.stack.plan import ServerPlan
from imlab.stack.server import start
from tests.conformance import arrived, note, sent
from tests.test_aio import AioPlace, over_sockets
from tests.tools import need

pytestmark = [pytest.mark.outside, pytest.mark.process]


@pytest.mark.parametrize("size", [3_000, 300_000])
def test_a_client_written_from_the_protocol_alone(size: int) -> None:
    need("node")

    async def run(place: AioPlace) -> None:
        ann = place.phone("ann")
        ann.join("tea", after=0)
        ann.send(note("tea", "ann", 1, size=size))
        await place.until(lambda: bool(sent(ann)))
        script = Path(__file__).with_name("client.mjs")
        node = await asyncio.create_subprocess_exec(
            "node", "--no-warnings", "--experimental-websocket", str(script), place.url, "tea",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(node.communicate(), 60)
        ours = note("tea", "ann", 1, size=size)
        assert [json.loads(line) for line in said.splitlines()] == [
            {"id": ours.id, "sequence": 1, "sha256": sha256(ours.audio).hexdigest()},
            {"acknowledged": "0" * 32, "sequence": 2},
        ]
        await place.until(lambda: len(arrived(ann)) == 2)
        theirs = arrived(ann)[1]
        assert (theirs.sender, theirs.sequence, theirs.audio, theirs.layout) == ("node", 2, ours.audio, ours.layout)

    over_sockets(run)


def test_notes_over_tls(tmp_path: Path) -> None:
    need("openssl")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    write_clip(tmp_path / "tone.wav", Clip(np.sin(np.arange(160_000, dtype=np.float32) * np.float32(0.2)), 16_000))
    with start(ServerPlan(tls=(cert, key))) as server:
        assert (server.ws[:6], server.media[:8]) == ("wss://", "https://")
        for trusted, code in ((cert, 0), (None, 1)):
            words = ["send", tmp_path / "tone.wav", "--room", "tea", "--server", server.ws, "--timeout", "5"]
            done = subprocess.run(
                [sys.executable, "-P", "-m", "imlab", *map(str, words), "--codec", "pcm"], text=True, check=False,
                capture_output=True, env=os.environ | ({"SSL_CERT_FILE": str(trusted)} if trusted else {}),
            )  # fmt: skip
            assert done.returncode == code, done.stderr
        assert "certificate verify failed" in done.stderr
