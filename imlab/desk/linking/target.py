"""What a command wants to reach at the far end, and how its words name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.errors import UsageError
from imlab.net.kernel.relay import Target

Addresses = Mapping[str, str]  # {word} -> what it stands for


def parse(words: Sequence[str]) -> dict[int, Target]:
    """[HOST:]PORT, each to its port at the far end."""
    targets: dict[int, Target] = {}
    for word in words:
        host, _, port = word.rpartition(":")
        if not (port.isdigit() and 0 < int(port) < 65_536):
            raise UsageError(f"--to takes [HOST:]PORT, as in 8765 or 127.0.0.1:8765, not {word!r}")
        if int(port) in targets:
            raise UsageError(f"two targets with port {port}: at the far end they would be one")
        targets[int(port)] = (host.strip("[]") or "127.0.0.1", int(port))
    return targets


def filled(command: Sequence[str], addresses: Addresses) -> list[str]:
    """The command with {far}, {near} and each {PORT} replaced; other braces stay."""
    done = list(command)
    for word, address in addresses.items():
        done = [part.replace(f"{{{word}}}", address) for part in done]
    return done
