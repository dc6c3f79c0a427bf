"""Two or more hosts on one machine, and between them bad links through which the kernel's real TCP and UDP run.

    with Network({"phone": PROFILES["bad 4G"].path, "server": None}, seed=1) as network:
        server = network["server"].popen(["iperf3", "-s"])
        network["phone"].popen(["iperf3", "-c", network["server"].address]).wait()

Each host is a network namespace with a TUN device; a forwarder process carries each packet through a Course, the core
that the virtual engine runs too. Needs root. Nothing of this machine's own network is read or changed.

What is true of it: TCP sees a far bottleneck, as through a modem: its packets leave the sending host at once, one by
one (no TSO), and wait in the link's queue. Sizes count IP headers. IPv4 alone. TCP's congestion control is the
kernel's default unless named (see ``facts``), and no connection learns from an earlier one (tcp_no_metrics_save).
The way through device, forwarder and device adds some ten microseconds of CPU a packet and what the scheduler adds;
``imlab.net.kernel.validation`` measures both.
"""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from imlab.errors import DoorError, UsageError
from imlab.net.kernel import tcpcontrol
from imlab.net.kernel.device import DOOR
from imlab.net.kernel.namespaces import inside
from imlab.net.kernel.star import Star, Traffic
from imlab.net.links import Path

GONE = "the forwarder of this network is gone, and with it the network: make another"
PATIENCE_S = 20.0  # for an answer of the forwarder, on a machine that is very busy


def refusal() -> str:
    """Why this process cannot make a network, and what would change that; empty where it can."""
    if sys.platform != "linux":
        return f"namespaces and TUN devices are Linux's; this is {sys.platform}"
    if os.geteuid() != 0:
        return f"namespaces and TUN devices need root: sudo, or unshare -Urn where {DOOR} is open to all users"
    if not pathlib.Path(DOOR).exists():
        return f"{DOOR} is missing: modprobe tun, or docker run --cap-add NET_ADMIN --cap-add SYS_ADMIN --device {DOOR}"
    return ""


class Host:
    """One machine of the network."""

    def __init__(self, name: str, address: str, place: str) -> None:
        self.name, self.address = name, address
        self._place = place
        self._children: list[subprocess.Popen[Any]] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        """What this thread opens or starts meanwhile (a socket, a process) belongs to this host; the rest does not."""
        with inside(self._place):
            yield

    def popen(self, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """subprocess.Popen with its options, on this host; it is killed when the network ends, its children too."""
        with self.entered():
            child = subprocess.Popen(command, **options)
        self._children.append(child)
        return child

    @property
    def congestion(self) -> str:
        """TCP's congestion control on this host."""
        with self.entered():
            return tcpcontrol.chosen()

    @congestion.setter
    def congestion(self, name: str) -> None:
        with self.entered():
            tcpcontrol.choose(name)

    @property
    def namespace(self) -> int:
        """The number of this host's namespace."""
        return pathlib.Path(self._place).stat().st_ino

    def reap(self) -> None:
        """Kill what still runs and was started here, and take leave of it."""
        for child in self._children:
            with suppress(ProcessLookupError):
                child.kill()
            child.wait()


class Network:
    """Hosts by name, each behind its path to the middle (None: a perfect one), joined by a forwarder process."""

    def __init__(
        self,
        paths: Mapping[str, Path | None],
        seed: int = 0,
        *,
        congestion: str = "",
        core: int | None = None,
        mtu: int = 1500,
    ) -> None:
        star = Star(tuple(paths.items()), seed, mtu, congestion, core)
        if why := refusal():
            raise DoorError(why)
        self._lock = threading.Lock()
        self._control, theirs = _pair()
        command = [sys.executable, "-P", "-m", "imlab.net.kernel.forwarder", str(theirs.fileno()), str(os.getpid())]
        self._forwarder = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        try:
            self._control.send(star)
            started = self._answer()
        except BaseException:
            self.close()
            raise
        place = f"/proc/{self._forwarder.pid}/fd"
        self.hosts = {n: Host(n, star.addresses[n], f"{place}/{fd}") for n, fd in started.namespaces.items()}
        self.facts: dict[str, object] = {"engine": "tun", "seed": seed, "mtu": mtu, **started.facts}

    def __getitem__(self, name: str) -> Host:
        if name not in self.hosts:
            raise UsageError(f"no host {name}; there are {', '.join(self.hosts)}")
        return self.hosts[name]

    def change(self, name: str, path: Path | None) -> None:
        """Another path for a host, from its next packet on; what is under way arrives as it would have."""
        self._ask("change", self[name].name, path)

    def restart(self) -> None:
        """Every link begins anew: its randomness from the same seed, its outages and traces from now."""
        self._ask("restart")

    def traffic(self) -> Traffic:
        """What was carried since the start, and how punctually."""
        return self._ask("traffic")

    @property
    def forwarder_pid(self) -> int:
        """The process in the middle, for whoever counts CPU."""
        return self._forwarder.pid

    def close(self) -> None:
        """End every process on every host, then the hosts."""
        for host in getattr(self, "hosts", {}).values():
            host.reap()
        with suppress(OSError):  # it may be gone
            self._control.send(("end", "", None))  # closing is not enough: a fork of ours may hold the other copy
        self._control.close()
        self._forwarder.wait()

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, verb: str, host: str = "", path: Path | None = None) -> Traffic:
        with self._lock:
            try:
                self._control.send((verb, host, path))
            except OSError as error:
                raise DoorError(GONE) from error
            answer = self._answer()
        assert isinstance(answer, Traffic)
        return answer

    def _answer(self) -> Any:
        """What the forwarder says; a string is its reason not to."""
        try:
            if not self._control.poll(PATIENCE_S):
                raise DoorError(f"the forwarder did not answer within {PATIENCE_S:g} s")
            answer = self._control.recv()
        except (EOFError, ConnectionError) as error:
            raise DoorError(GONE) from error
        if isinstance(answer, str):
            raise DoorError(answer)
        return answer


def _pair() -> tuple[Connection, Connection]:
    """A two-way pipe that carries values."""
    ours, theirs = socket.socketpair()
    return Connection(ours.detach()), Connection(theirs.detach())
