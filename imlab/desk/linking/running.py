"""A command behind a link: in a network of its own where we may make one, else through a proxy."""

from __future__ import annotations

import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from imlab.desk.linking.far import far_server, started
from imlab.desk.linking.target import Addresses, filled, parse
from imlab.errors import UsageError
from imlab.net.kernel.relay import Relay, Target
from imlab.net.links import Link, Path
from imlab.net.profiles import profile_called
from imlab.net.proxying.thread import proxy_thread
from imlab.net.tun import Network, refusal

TO_END_S = 5.0  # for a command that heard Ctrl-C, as we did


def run(options: Namespace, command: Sequence[str]) -> int:
    """The exit code of the command; 128 and the signal's number where one ended it, as a shell tells it."""
    path = profile_called(options.profile).path
    if options.no_loss:
        path = Path(path.name, _lossless(path.up), _lossless(path.down))
    targets = parse(options.to)
    if why := "as --proxy asks" if options.proxy else refusal():
        return _through_proxy(options, command, path, targets, why)
    return _in_network(options, command, path, targets)


def _in_network(options: Namespace, command: Sequence[str], path: Path, targets: dict[int, Target]) -> int:
    with ExitStack() as stack:
        network = stack.enter_context(Network({"near": path, "far": None}, options.seed, congestion=options.tcp))
        near, far = network["near"], network["far"]
        ends = {"near": near.address, "far": far.address}
        if options.serve:
            stack.enter_context(far_server(far, filled(shlex.split(options.serve), ends)))
        if targets:
            stack.enter_context(Relay(far, targets))
        addresses = {str(port): f"{far.address}:{port}" for port in targets}
        if not options.quiet:
            _say(f"{path.name}; the far end is {far.address}; TCP is {near.congestion}", targets, addresses)
        network.restart()
        code = _ended(started(near, filled(command, ends | addresses)))
        if not options.quiet:
            _tell(network)
    return code


def _through_proxy(options: Namespace, command: Sequence[str], path: Path, targets: dict[int, Target], why: str) -> int:
    if options.serve or options.tcp or not targets:
        raise UsageError(f"only a proxy can be had ({why}); it takes --to PORT, and neither --serve nor --tcp")
    with ExitStack() as stack:
        addresses = {}
        for port, target in targets.items():
            try:
                entrance = stack.enter_context(proxy_thread(*target, path, options.seed))
            except UsageError as error:
                raise UsageError(
                    f"only a proxy can be had ({why}): {error}; or leave the loss out: --no-loss"
                ) from error
            addresses[str(port)] = f"127.0.0.1:{entrance}"
        if not options.quiet:
            _say(f"{path.name}, through a proxy ({why})", targets, addresses)
        words = filled(command, addresses)
        try:
            return _ended(subprocess.Popen(words))
        except OSError as error:
            raise UsageError(f"{words[0]} cannot be started: {error.strerror}") from error


def _lossless(link: Link) -> Link:
    return replace(link, loss=0.0, duplication=0.0, reordering=None)


def _ended(child: subprocess.Popen[Any]) -> int:
    """Its exit code. Ctrl-C reaches it as it reaches us; if that does not end it, we do."""
    try:
        code = child.wait()
    except KeyboardInterrupt:
        try:
            code = child.wait(TO_END_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            child.kill()
            code = child.wait()
    return code if code >= 0 else 128 - code


def _say(what: str, targets: dict[int, Target], addresses: Addresses) -> None:
    """On stderr, where the command's own output is not disturbed."""
    print(f"link: {what}", file=sys.stderr)
    for port, (host, there) in targets.items():
        print(f"link: {{{port}}}, address to use {addresses[str(port)]}, leads to {host}:{there}", file=sys.stderr)


def _tell(network: Network) -> None:
    """What became of the packets."""
    links = network.traffic().links
    for way in ("up", "down"):
        counts = dict(links[f"near {way}"])
        told = ", ".join(f"{count} {why}" for why, count in counts.items() if why != "offered")
        print(f"link: {way}: {counts['offered']} packets, {told}", file=sys.stderr)
