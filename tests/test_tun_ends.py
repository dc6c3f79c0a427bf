"""The TUN engine leaves nothing behind, whoever dies and however: no process, no namespace, and so no device."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path as File

import pytest

from imlab.net.kernel.namespaces import inhabitants
from imlab.net.tun import GONE
from tests.tools import need_network

PATIENCE_S = 30.0  # of a busy machine; nothing here waits so long unless it is broken


OWNER = """
import json, subprocess, sys
from imlab.net.tun import Network
try:
    with Network({"a": None, "b": None}) as network:
        strays = network["a"].popen(["sh", "-c", "setsid sleep 1000 & echo; exec sleep 1000"], stdout=subprocess.PIPE)
        strays.stdout.readline()
        network["b"].popen(["sleep", "1000"])
        numbers = [host.namespace for host in network.hosts.values()]
        print(json.dumps({"forwarder": network.forwarder_pid, "numbers": numbers}), flush=True)
        sys.stdin.read()
        network.traffic()
except KeyboardInterrupt:
    print("interrupted", flush=True)
except BaseException as error:
    print(type(error).__name__, error, flush=True)
"""
ENDS = {
    "the parent, by kill -9": ("parent", signal.SIGKILL, ""),
    "the parent, by SIGTERM": ("parent", signal.SIGTERM, ""),
    "the parent, by Ctrl-C": ("parent", signal.SIGINT, "interrupted"),
    "the parent, in peace": ("parent", None, ""),
    "the forwarder, by kill -9": ("forwarder", signal.SIGKILL, f"DoorError {GONE}"),
    "the guard, by kill -9": ("guard", signal.SIGKILL, f"DoorError {GONE}"),
}


@pytest.mark.process
@pytest.mark.parametrize(("who", "how", "said"), ENDS.values(), ids=ENDS)
def test_whoever_dies_nothing_is_left(who: str, how: signal.Signals | None, said: str) -> None:
    need_network()
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with owner:
        assert owner.stdin and owner.stdout
        told = json.loads(owner.stdout.readline())
        forwarder, spaces = told["forwarder"], set(told["numbers"])
        guard = int(File(f"/proc/{forwarder}/task/{forwarder}/children").read_text())
        living = inhabitants(spaces)
        assert len(living) >= 3
        handles = [os.pidfd_open(pid) for pid in (forwarder, guard, *living)]
        if how:
            os.kill({"parent": owner.pid, "forwarder": forwarder, "guard": guard}[who], how)
        if who == "parent":
            assert owner.stdin.close() is None
        for handle in handles:
            assert select.select([handle], [], [], PATIENCE_S)[0], f"a process outlives {who}"
            os.close(handle)
        assert not inhabitants(spaces) and not holders(spaces - {0})
        if who != "parent":
            owner.stdin.close()
        assert owner.stdout.read().strip() == said


def holders(spaces: set[int]) -> list[str]:
    """Open descriptors, of whatever process, that keep one of the namespaces."""
    names, found = {f"net:[{number}]" for number in spaces}, []
    for descriptor in File("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(descriptor.readlink()) in names:
                found.append(str(descriptor))
    return found


FORKED = """
import os, signal
from imlab.net.tun import Network
network = Network({"a": None, "b": None})
child = os.fork()
if not child:
    signal.pause()
network.close()
os.kill(child, signal.SIGKILL)
print(os.waitpid(child, 0)[0] == child)
"""


@pytest.mark.process
def test_a_fork_of_the_parent_does_not_keep_the_network_open() -> None:
    need_network()
    done = subprocess.run([sys.executable, "-c", FORKED], stdout=subprocess.PIPE, check=True, timeout=PATIENCE_S)
    assert done.stdout == b"True\n"
