"""The TUN engine: bytes arrive whole, links lose what their courses say, hosts are apart."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from math import sqrt
from pathlib import Path as File
from random import Random
from threading import Thread
from typing import Any

import pytest

from imlab.errors import DoorError, UsageError
from imlab.net.fate.course import Course
from imlab.net.fate.losses import GilbertElliott
from imlab.net.kernel.namespaces import inside
from imlab.net.kernel.probes import arrivals, echo, stream, udp
from imlab.net.kernel.star import BIN_S, Star, Traffic
from imlab.net.links import Link, Path, Reordering
from imlab.net.tun import Host, Network, refusal
from tests.tools import need_network

SEED = 7
PATIENCE_S = 30.0  # of a busy machine; nothing here waits so long unless it is broken
KIND = Path("kind", Link(delay=0.002), Link(delay=0.003))
NASTY = Path(
    "nasty",
    Link(0.01, jitter=0.01, rate=2e6, loss=0.02, queue=60_000, duplication=0.02, reordering=Reordering(0.02, 0.01)),
    Link(0.01, jitter=0.01, loss=GilbertElliott(0.01, 0.5)),
)

LOSSY = [Link(loss=0.1), Link(loss=GilbertElliott(0.05, 0.4), delay=0.01)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Network]:
    """Three hosts, made once: each test changes the links and begins them anew. The meter never speaks TCP, whose
    late goodbyes would shift the luck of the packets that are counted."""
    need_network()
    with Network({"phone": None, "server": None, "meter": None}, SEED) as network:
        yield network


@pytest.fixture
def network(shared: Network) -> Network:
    """The three hosts, with perfect links."""
    behind(shared, None)
    return shared


def behind(network: Network, path: Path | None) -> None:
    """Phone and meter behind a path, from the path's beginning."""
    network.change("phone", path)
    network.change("meter", path)
    network.restart()


def up(**link: object) -> Path:
    """A path that is bad on the way up only."""
    return Path("up", Link(**link), Link())  # type: ignore[arg-type]


def numbers(network: Network, count: int, apart: float = 2e-4) -> list[int]:
    """Of ``count`` datagrams from meter to server, those that arrive."""
    return [place for _, place in stream(network["meter"], network["server"], count, apart, 100, patience=0.4)]


@pytest.mark.process
@pytest.mark.parametrize("size", [0, 1, 160, 1472, 1473, 9000])
def test_datagrams_arrive_whole_also_in_fragments(network: Network, size: int) -> None:
    behind(network, KIND)
    payload = Random(size).randbytes(size)
    with udp(network["phone"], network["server"]) as (here, there):
        for end, other in ((here, there), (there, here)):
            end.send(payload)
            assert select.select([other], [], [], PATIENCE_S)[0], f"{size} bytes did not arrive"
            assert [got for _, got in arrivals(other)] == [payload]


@pytest.mark.process
def test_tcp_brings_every_byte_in_order_through_a_nasty_link(network: Network) -> None:
    behind(network, NASTY)
    phone, server = network["phone"], network["server"]
    there, back = Random(1).randbytes(300_000), Random(2).randbytes(200_000)
    with server.entered():
        listener = socket.create_server((server.address, 0))
    with listener, phone.entered(), socket.create_connection(listener.getsockname(), PATIENCE_S) as near:
        far, _ = listener.accept()
        with far:
            far.settimeout(PATIENCE_S)
            answer = Thread(target=exchange, args=(far, back, got := bytearray(), len(there)))
            answer.start()
            exchange(near, there, echoed := bytearray(), len(back))
            answer.join()
    assert got == there and echoed == back
    links = network.traffic().links
    assert links["phone up"]["lost on the air"] and links["phone down"]["lost on the air"], "the link was not nasty"


def exchange(end: socket.socket, send: bytes, got: bytearray, wanted: int) -> None:
    """Send and receive at the same time."""
    sender = Thread(target=end.sendall, args=(send,))
    sender.start()
    while len(got) < wanted and (data := end.recv(65_536)):
        got += data
    sender.join()


@pytest.mark.process
@pytest.mark.parametrize("link", LOSSY, ids=repr)
def test_what_is_lost_is_what_the_course_loses_each_time(network: Network, link: Link) -> None:
    course = Course(link, f"{SEED} meter up")
    expected = [place for place in range(1000) if course.send(0.0, 100)]
    for _ in range(2):
        behind(network, Path("lossy", link, Link()))
        assert numbers(network, 1000) == expected


@pytest.mark.process
def test_loss_is_within_its_binomial_interval_and_counted(network: Network) -> None:
    behind(network, up(loss=0.2))
    before = network.traffic()
    arrived = len(numbers(network, 2000))
    after = network.traffic()
    assert abs(arrived - 1600) < 4 * sqrt(2000 * 0.2 * 0.8)
    counted = {what: count - before.links["meter up"][what] for what, count in after.links["meter up"].items()}
    assert counted == {"offered": 2000, "lost on the air": 2000 - arrived, "queue full": 0, "outage": 0}
    assert after.clean


@pytest.mark.process
def test_nothing_arrives_in_an_outage_and_all_does_after_it(network: Network) -> None:
    behind(network, up(outages=((0.0, 3600.0),)))
    before = network.traffic().links["meter up"]["outage"]
    assert numbers(network, 50) == []
    assert network.traffic().links["meter up"]["outage"] - before == 50
    network.change("meter", up(outages=((0.0, 1e-6),)))
    assert numbers(network, 50) == list(range(50))


@pytest.mark.process
def test_links_change_under_a_connection(network: Network) -> None:
    deaf, mute = Path("deaf", Link(), Link(loss=1.0)), up(loss=1.0)
    for path, patience, answers in ((None, PATIENCE_S, 10), (mute, 0.2, 0), (KIND, PATIENCE_S, 10), (deaf, 0.2, 0)):
        network.change("phone", path)
        assert len(echo(network["phone"], network["server"], 10, 0.001, patience)) == answers, path


@pytest.mark.process
def test_nothing_is_ever_early(network: Network) -> None:
    behind(network, Path("slow", Link(delay=0.02, jitter=0.01), Link(delay=0.03)))
    trips = echo(network["phone"], network["server"], 100, 0.001, PATIENCE_S)
    assert len(trips) == 100
    assert min(trips) > 0.0499
    behind(network, up(rate=100_000.0))
    begin = time.time()
    arrived = stream(network["phone"], network["server"], 40, 1e-4, 1000, PATIENCE_S)
    early = [place for at, place in arrived if at - begin < (place + 1) * 0.01 - 1e-4]
    assert len(arrived) == 40 and not early


@pytest.mark.process
def test_a_full_queue_drops_the_tail(network: Network) -> None:
    behind(network, up(rate=1_000.0, queue=3_000))
    arrived = stream(network["phone"], network["server"], 200, 1e-5, 500, patience=0.0)
    assert network.traffic().links["phone up"]["queue full"] >= 190
    assert [place for _, place in arrived] == list(range(len(arrived)))


@pytest.mark.process
def test_every_host_reaches_every_other_and_nobody_else(network: Network) -> None:
    hosts = list(network.hosts.values())
    for near in hosts:
        for far in hosts:
            if near is not far:
                assert len(echo(near, far, 3, 0.001, PATIENCE_S)) == 3, f"{near.name} to {far.name}"
    with socket.create_server(("127.0.0.1", 0)) as machine, network["phone"].entered():
        assert attempt(machine.getsockname()) == errno.ECONNREFUSED, "the machine's loopback is the host's"
        assert attempt(("192.0.2.1", 9)) == errno.ENETUNREACH
        before = network.traffic().strays
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"x", ("198.18.0.99", 9))
    assert network.traffic().strays == before + 1


def attempt(address: tuple[str, int]) -> int:
    """The error of connecting there, or 0."""
    with socket.socket() as end:
        end.settimeout(PATIENCE_S)
        return end.connect_ex(address)


@pytest.mark.process
def test_a_process_runs_on_its_host_with_loopback_and_the_thread_comes_back(network: Network) -> None:
    home = File("/proc/thread-self/ns/net").readlink()
    code = "import os, socket; socket.create_server(('127.0.0.1', 0)); print(os.readlink('/proc/self/ns/net'))"
    said = [
        host.popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True).communicate()[0].strip()
        for host in network.hosts.values()
    ]
    assert said == [f"net:[{host.namespace}]" for host in network.hosts.values()]
    assert len({*said, str(home)}) == 4
    assert File("/proc/thread-self/ns/net").readlink() == home
    with pytest.raises(FileNotFoundError):
        network["phone"].popen(["no-such-program"])
    assert File("/proc/thread-self/ns/net").readlink() == home


@pytest.mark.process
def test_congestion_control_is_each_hosts_own_and_told(network: Network) -> None:
    usual = network["server"].congestion
    assert network.facts["congestion"] == dict.fromkeys(network.hosts, usual)
    network["phone"].congestion = "reno"
    with network["phone"].entered(), socket.socket() as end:
        assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0") == b"reno"
    assert (network["phone"].congestion, network["server"].congestion) == ("reno", usual)
    with pytest.raises(DoorError, match="tcp_congestion_control"):
        network["phone"].congestion = "carrier-pigeon"
    with pytest.raises(DoorError, match="tcp_congestion_control"):
        Network({"a": None, "b": None}, congestion="carrier-pigeon")
    told = json.loads(json.dumps(network.facts))
    assert told["priority"]
    for name in told["congestion_available"]:
        network["phone"].congestion = name
    network["phone"].congestion = usual


@pytest.mark.process
def test_a_congestion_control_that_namespaces_may_not_choose_is_named_with_the_remedy(network: Network) -> None:
    known = File("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    withheld = [name for name in known if name not in network.facts["congestion_available"]]  # type: ignore[operator]
    if not withheld:
        pytest.skip("the kernel allows every congestion control that it has to everybody")
    for choose in (lambda: setattr(network["phone"], "congestion", withheld[0]),
                   lambda: Network({"a": None, "b": None}, congestion=withheld[0])):  # fmt: skip
        with pytest.raises(DoorError, match=f'sysctl -w net.ipv4.tcp_allowed_congestion_control=".*{withheld[0]}"'):
            choose()


@pytest.mark.process
def test_a_device_goes_with_its_namespace_and_nobody_waits_for_it() -> None:
    with Network({"near": None, "far": None}) as ending, ending["near"].entered():
        place = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        with inside(place):
            assert "link0:" in File("/proc/thread-self/net/dev").read_text()
    finally:
        os.close(place)


def test_without_root_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo" in refusal()
    with pytest.raises(DoorError, match="need root"):
        Network({"a": None, "b": None})


@pytest.mark.parametrize(
    ("names", "options", "fault"),
    [(("a",), {}, "2 to 100"), (("a", "a"), {}, "different"), (("a", "b"), {"mtu": 100}, "mtu")],
)
def test_impossible_stars_are_refused(names: tuple[str, ...], options: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        Star(tuple((name, None) for name in names), **options)


def test_lateness_is_read_from_its_bins() -> None:
    traffic = Traffic(10, 10, {}, 0, 0, 0, (5, 4, 0, 1))
    assert [traffic.lateness(share) / BIN_S for share in (0.1, 0.5, 0.9, 1.0)] == pytest.approx([1, 1, 2, 4])
    assert Traffic(0, 0, {}, 0, 0, 0, (0, 0)).lateness(0.99) == 0
    assert not Traffic(1, 1, {}, 0, 1, 0, ()).clean and not Traffic(1, 1, {}, 0, 0, 1, ()).clean


def test_a_host_whose_forwarder_is_gone_says_so() -> None:
    lost = Host("a", "198.18.0.1", "/proc/0/fd/3")
    with pytest.raises(DoorError, match="gone"), lost.entered():
        pytest.fail("entered what is not there")
