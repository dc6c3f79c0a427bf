"""The kernel's own emulator (tc-netem(8)) on the devices of a Network: a second opinion where the kernel has it.

It is asked for and never taken by itself, because for our questions the courses are better, not only a substitute:
netem draws losses of its own (a seed came with Linux 6.6), so that nothing can be predicted packet by packet; its
queue counts packets and holds those in flight too, so that no bottleneck's buffer can be named; it knows no outage and
no trace; its jitter lets packets overtake each other, which TCP takes for loss. Where it is better: the kernel's timers
keep its rate and delay, not a process that must be woken.

So ``words`` translates what both understand (delay, rate, queue, loss, duplication) and refuses the rest, and
``behind`` puts a host of two behind it. Packets are single ones here also (gso_max_segs 1): netem would lose a batch
of 64 kB at once. NOT RUN on the machine that this was written on, whose kernel is built without netem; translation,
detection and refusal are tested there, and the rest wherever ``has_netem`` says yes.
"""

from __future__ import annotations

import os
import subprocess
from math import ceil, inf, isinf
from threading import Thread

from imlab.errors import DoorError, UsageError
from imlab.net.fate.losses import GilbertElliott
from imlab.net.fate.ratetrace import RateTrace
from imlab.net.kernel.forwarder import DEVICE
from imlab.net.kernel.namespaces import leave
from imlab.net.links import Link, Path
from imlab.net.tun import Host, Network

PACKET = 1500  # bytes
BOUNDLESS = 1_000_000  # packets; netem's own default of 1,000 would drop what no link of ours drops


def has_netem() -> bool:
    """Whether this kernel and this user can add one, tried in a namespace of a thread that ends with it."""
    answers: list[bool] = []
    trial = Thread(target=_try, args=(answers,))
    trial.start()
    trial.join()
    return answers == [True]


def words(link: Link) -> list[str]:
    """What tc is told after ``netem``."""
    if isinstance(link.rate, RateTrace) or link.jitter or link.reordering or link.outages:
        raise UsageError(
            f"netem knows delay, rate, queue, loss and duplication alone, not {link!r}; the TUN engine does"
        )
    told = ["limit", str(_limit(link)), "delay", f"{round(link.delay * 1e6)}us"]
    if link.rate != inf:
        told += ["rate", f"{round(link.rate * 8)}bit"]
    if isinstance(model := link.loss_model, GilbertElliott):
        told += ["loss", "gemodel", *map(_percent, (model.p_enter, model.p_leave, model.bad, model.good))]
    elif model.share:
        told += ["loss", "random", _percent(model.share)]
    if link.duplication:
        told += ["duplicate", _percent(link.duplication)]
    return told


def behind(network: Network, name: str, path: Path) -> None:
    """Let netem be the path of one of two hosts, whose courses stay perfect; another call changes it."""
    hosts = [network[name], *(host for host in network.hosts.values() if host.name != name)]
    if len(hosts) != 2:
        raise UsageError(f"netem joins two hosts, not {len(hosts)}")
    for host, link in zip(hosts, (path.up, path.down), strict=True):
        _run(host, ["ip", "link", "set", "dev", DEVICE, "gso_max_segs", "1"])
        _run(host, ["tc", "qdisc", "replace", "dev", DEVICE, "root", "netem", *words(link)])


def _limit(link: Link) -> int:
    """Packets waiting and in flight: netem does not tell them apart."""
    if isinf(link.queue) or isinstance(link.rate, RateTrace) or isinf(link.rate):
        return BOUNDLESS
    return ceil((link.queue + link.rate * link.delay) / PACKET)


def _percent(share: float) -> str:
    return f"{share * 100:.6g}%"


def _run(host: Host, command: list[str]) -> None:
    """On the host, or why not."""
    done = host.popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, complaint = done.communicate()
    if done.returncode:
        raise DoorError(f"{' '.join(command)}: {complaint.strip()}; has this kernel netem?")


def _try(answers: list[bool]) -> None:
    try:
        os.close(leave())
        command = ["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
        answers.append(subprocess.run(command, capture_output=True, check=False).returncode == 0)
    except (DoorError, OSError):  # no root, or no tc
        answers.append(False)
