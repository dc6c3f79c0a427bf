"""./lab link: any command behind a bad network, whichever way it is made."""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Thread

import pytest

from imlab.desk import dispatch
from imlab.desk.linking.owner import owner
from imlab.desk.linking.target import filled, parse
from imlab.errors import UsageError
from imlab.net.kernel.relay import Relay
from imlab.net.profiles import PROFILES
from imlab.net.tun import Network
from tests.tools import need_network

PATIENCE_S = 30.0
NOTE = Random(5).randbytes(50_000)
TALK = """
import socket, sys
host, _, port = sys.argv[1].rpartition(":")
with socket.create_connection((host, int(port)), 30) as end:
    end.sendall(sys.argv[2].encode())
    end.shutdown(socket.SHUT_WR)
    print(b"".join(iter(lambda: end.recv(4096), b"")).decode())
"""
ANSWER = """
import socket, sys
with socket.create_server((sys.argv[1], 7000)) as listener:
    end, _ = listener.accept()
    with end:
        end.sendall(b"far says " + b"".join(iter(lambda: end.recv(4096), b"")))
"""


@contextmanager
def mirror() -> Iterator[int]:
    """A server on this machine's loopback that sends everything back, once it has all of it; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=reflect, args=(listener,))
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def reflect(listener: socket.socket) -> None:
    """Connection after connection, until the listener is shut."""
    while True:
        try:
            end, _ = listener.accept()
        except OSError:
            return
        with end:
            end.settimeout(PATIENCE_S)
            end.sendall(whole(end))


def whole(end: socket.socket) -> bytes:
    """What comes until the other side has no more to say."""
    return b"".join(iter(lambda: end.recv(65_536), b""))


def test_all_networks_are_listed_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["link"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and profile.note in shown for name, profile in PROFILES.items())
    assert dispatch.main(["link", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told] == list(PROFILES)
    assert all(one["up"]["delay_s"] == PROFILES[one["name"]].path.up.delay for one in told)


def test_targets_and_words() -> None:
    assert parse(["8765", "10.0.0.1:80", "[::1]:81"]) == {
        8765: ("127.0.0.1", 8765),
        80: ("10.0.0.1", 80),
        81: ("::1", 81),
    }
    words = filled(["ws://{8765}/ws", "{far}{near}", "{other} {}"], {"8765": "h:1", "far": "f", "near": "n"})
    assert words == ["ws://h:1/ws", "fn", "{other} {}"]


@pytest.mark.parametrize("words", [["x"], ["0"], ["65536"], ["host:"], ["80", "h:80"]], ids=str)
def test_targets_that_cannot_be(words: list[str]) -> None:
    with pytest.raises(UsageError, match=r"port|--to"):
        parse(words)


def test_under_sudo_the_command_is_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = pwd.getpwall()[-1]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    asked = owner({"SUDO_UID": str(somebody.pw_uid), "LANG": "C"})
    assert (asked["user"], asked["group"]) == (somebody.pw_uid, pwd.getpwuid(somebody.pw_uid).pw_gid)
    assert asked["env"]["LANG"] == "C" and asked["env"]["HOME"] == pwd.getpwuid(somebody.pw_uid).pw_dir
    assert owner({}) == {}
    with pytest.raises(UsageError, match="nobody"):
        owner({"SUDO_UID": "4000000000"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert owner({"SUDO_UID": str(somebody.pw_uid)}) == {}


REFUSED = [
    (["worse 4G", "--", "true"], "there are office Wi-Fi"),
    (["3G", "--to", "x", "--", "true"], r"\[HOST:\]PORT"),
    (["3G", "--proxy", "--", "true"], "--to PORT"),
    (["3G", "--proxy", "--to", "9", "--serve", "true", "--", "true"], "neither --serve"),
    (["bad 4G", "--proxy", "--to", "9", "--", "true"], "--no-loss"),
    (["3G", "--proxy", "--to", "9", "--", "no-such-program"], "no-such-program cannot be started"),
]


@pytest.mark.process
@pytest.mark.parametrize(
    ("argv", "said"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_cannot_be_is_one_line(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["link", *argv]) == 2
    shown = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("link: ")]
    assert len(shown) == 1
    assert re.search(said, shown[0])


def test_a_network_without_a_command_asks_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        dispatch.main(["link", "3G"])
    assert left.value.code == 2 and "-- COMMAND" in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.parametrize("root", [True, False])
def test_without_root_a_proxy_leads_there_and_says_so(
    root: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if not root:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with mirror() as port:
        talk = [sys.executable, "-c", TALK, f"{{{port}}}", "a note"]
        options = ["--proxy"] if root else []
        assert dispatch.main(["link", "bad 4G", "--no-loss", *options, "--to", str(port), "--", *talk]) == 0
    shown = capfd.readouterr()
    assert shown.out == "a note\n"
    assert ("--proxy" if root else "need root") in shown.err and f"leads to 127.0.0.1:{port}" in shown.err


@pytest.mark.process
def test_in_a_network_of_its_own_a_command_reaches_this_machines_port(capfd: pytest.CaptureFixture[str]) -> None:
    need_network()
    with mirror() as port:
        talk = [sys.executable, "-c", TALK, f"{{{port}}}", "a note"]
        assert dispatch.main(["link", "office wi-fi", "--to", str(port), "--", *talk]) == 0
    shown = capfd.readouterr()
    assert shown.out == "a note\n"
    assert "packets" in shown.err


@pytest.mark.process
def test_a_server_at_the_far_end_is_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    need_network()
    serve = f"{sys.executable} -c '{ANSWER}' {{far}}"
    talk = [sys.executable, "-c", TALK, "{far}:7000", "hello"]
    assert dispatch.main(["link", "office Wi-Fi", "--quiet", "--serve", serve, "--", *talk]) == 0
    shown = capfd.readouterr()
    assert shown.out == "far says hello\n" and not shown.err
    assert dispatch.main(["link", "office Wi-Fi", "--serve", "sh -c 'exit 3'", "--", "true"]) == 1
    assert "ended with code 3 before it listened" in capfd.readouterr().err


@pytest.mark.process
@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code_is_the_commands(script: str, code: int) -> None:
    need_network()
    assert dispatch.main(["link", "EDGE", "--quiet", "--", "sh", "-c", script]) == code


@pytest.mark.process
def test_the_root_of_a_user_namespace_is_root_enough() -> None:
    need_network()
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs user namespaces: sysctl kernel.unprivileged_userns_clone=1, or user.max_user_namespaces")
    link = [sys.executable, "-m", "imlab", "link", "EDGE", "--quiet", "--", "sh", "-c", "exit 7"]
    assert subprocess.run(["unshare", "-Urn", *link], check=False).returncode == 7


@pytest.mark.process
def test_a_relay_brings_every_byte_both_ways_and_the_end_of_them() -> None:
    need_network()
    with Network({"near": None, "far": None}) as network, mirror() as port:
        near, far = network["near"], network["far"]
        with Relay(far, {80: ("127.0.0.1", port), 81: ("127.0.0.1", 1)}):
            for _ in range(2):
                with near.entered(), socket.create_connection((far.address, 80), PATIENCE_S) as end:
                    end.sendall(NOTE)
                    end.shutdown(socket.SHUT_WR)
                    assert whole(end) == NOTE
            with near.entered(), socket.create_connection((far.address, 81), PATIENCE_S) as end:
                assert end.recv(1) == b"", "nobody listens there"
            with near.entered(), socket.create_connection((far.address, 80), PATIENCE_S) as end:
                end.sendall(b"still open when the relay ends")
        with (
            pytest.raises(UsageError, match="port 80 of host far"),
            far.entered(),
            socket.create_server((far.address, 80)),
        ):
            Relay(far, {80: ("127.0.0.1", port)})
