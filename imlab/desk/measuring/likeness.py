"""In what two runs differ: the machine, the code with its libraries, and the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imlab.lab.machine.facts import SAME
from imlab.lab.record.manifest import Manifest

DECIDED = ("scale", "blocks", "seed", "margin", "warm_up_s", "limit_s")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same."""

    what: str
    old: str
    new: str

    def text(self) -> str:
        """``kernel 6.1 -> 6.2``."""
        return f"{self.what} {self.old or 'unknown'} -> {self.new or 'unknown'}"


@dataclass(frozen=True, slots=True)
class Likeness:
    """What differs between an old run and a new one; nothing where a part is the same."""

    machine: tuple[Difference, ...]
    code: tuple[Difference, ...]
    plan: tuple[Difference, ...]

    @property
    def paired(self) -> bool:
        """Whether blocks of one number had the same arrivals and payloads: one plan draws them alike."""
        return not self.plan

    def plain(self) -> dict[str, dict[str, list[str]]]:
        """As JSON values: part -> thing -> [old, new]."""
        parts = {"machine": self.machine, "code": self.code, "plan": self.plan}
        return {name: {one.what: [one.old, one.new] for one in part} for name, part in parts.items()}


def likeness(old: Manifest, new: Manifest) -> Likeness:
    """Of two runs of one study."""
    return Likeness(tuple(_machine(old, new)), tuple(_code(old, new)), tuple(_plan(old, new)))


def _machine(old: Manifest, new: Manifest) -> Iterator[Difference]:
    """The facts that the fingerprint covers, and the cores that were used of it."""
    if old.fingerprint != new.fingerprint:
        facts = {name: (old.facts.get(name), new.facts.get(name)) for name in SAME}
        found = list(_differences(facts))
        yield from found or [Difference("fingerprint", old.fingerprint, new.fingerprint)]
    yield from _differences({"pinning": (_pinned(old), _pinned(new))})


def _pinned(run: Manifest) -> str:
    """``load 1, system 0``."""
    return ", ".join(f"{part} {'+'.join(map(str, cores))}" for part, cores in run.cores.items())


def _code(old: Manifest, new: Manifest) -> Iterator[Difference]:
    commits = _commit(old.facts), _commit(new.facts)
    locks = old.facts.get("lock"), new.facts.get("lock")
    yield from _differences({"commit": commits, "lock": locks})
    names = sorted(old.versions.keys() | new.versions.keys())
    yield from _differences({name: (old.versions.get(name), new.versions.get(name)) for name in names})


def _commit(facts: Mapping[str, Any]) -> str:
    """The commit, and the digest of what differed from it."""
    return str(facts.get("commit", ""))[:7] + (f"+{facts['diff']}" if facts.get("diff") else "")


def _plan(old: Manifest, new: Manifest) -> Iterator[Difference]:
    if old.hash == new.hash:
        return
    decided = {name: (getattr(old, name), getattr(new, name)) for name in DECIDED}
    limits = {f"gate {name}": (old.gates.get(name), new.gates.get(name)) for name in {**old.gates, **new.gates}}
    factors = {
        f"levels of {name}": (_levels(old, name), _levels(new, name)) for name in {**old.factors, **new.factors}
    }  # fmt: skip
    designs = {"design": (old.design or "every cell", new.design or "every cell")}
    found = list(_differences(decided | designs | limits | factors))
    yield from found or [Difference("what its words say, of plan", old.hash[:8], new.hash[:8])]


def _levels(run: Manifest, factor: str) -> str:
    return ", ".join(run.factors.get(factor, ()))


def _differences(pairs: Mapping[str, tuple[Any, Any]]) -> Iterator[Difference]:
    """Those of the pairs that are no pairs."""
    for what, (old, new) in pairs.items():
        if old != new:
            yield Difference(what, _said(old), _said(new))


def _said(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
