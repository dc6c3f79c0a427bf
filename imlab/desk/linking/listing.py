"""The networks that there are, with their numbers."""

from __future__ import annotations

import json
from math import inf

from imlab.net.fate.ratetrace import RateTrace
from imlab.net.links import Link
from imlab.net.profiles import PROFILES

COLUMNS = ("delay ms", "jitter ms", "kB/s", "loss %", "queue kB")


def show(as_json: bool) -> int:
    """One line for each direction, and where its numbers come from; or as JSON."""
    if as_json:
        paths = [(profile.path, profile.note) for profile in PROFILES.values()]
        told = [{"name": p.name, "up": _told(p.up), "down": _told(p.down), "note": note} for p, note in paths]
        print(json.dumps(told))
        return 0
    print(f"{'':15}{'':6}" + "".join(f"{column:>10}" for column in COLUMNS))
    for name, profile in PROFILES.items():
        for way, link in (("up", profile.path.up), ("down", profile.path.down)):
            numbers = "".join(f"{_number(value):>10}" for value in _numbers(link))
            print(f"{name if way == 'up' else '':15}{way:6}{numbers}  {_more(link)}".rstrip())
        print(f"{'':15}{profile.note}")
    print('\ndelays are one way; letters name sources, in imlab/net/profiles.py\n./lab link "bad 4G" -- COMMAND...')
    return 0


def _numbers(link: Link) -> tuple[float, ...]:
    return (link.delay * 1e3, link.jitter * 1e3, _rate(link) / 1e3, link.loss_model.mean * 100, link.queue / 1e3)


def _number(value: float) -> str:
    return "-" if value == inf else f"{value:.4g}"


def _rate(link: Link) -> float:
    """Bytes per second, in the mean."""
    return link.rate.mean if isinstance(link.rate, RateTrace) else link.rate


def _more(link: Link) -> str:
    """What no column holds."""
    facts = ["rate varies"] if isinstance(link.rate, RateTrace) else []
    return ", ".join([*facts, *([repr(link.outages)] if link.outages else [])])


def _told(link: Link) -> dict[str, object]:
    """delay and jitter in seconds, rate in bytes per second, loss as a share, queue in bytes; null: no bound."""
    return {
        "delay_s": link.delay,
        "jitter_s": link.jitter,
        "rate": None if _rate(link) == inf else _rate(link),
        "loss": link.loss_model.mean,
        "queue": None if link.queue == inf else link.queue,
        "link": repr(link),
    }
