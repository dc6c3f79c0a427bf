"""Connections that are kept: the one used last goes first, too many and too old are closed, dead ones are replaced."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from imlab.errors import DoorError
from imlab.server.service.kept import Broken, Idle, Kept
from imlab.server.service.lines import Lines


@dataclass(eq=False)
class Line:
    """A connection as its door sees it."""

    number: int
    dead: bool = False
    closed: bool = False


@dataclass
class Door:
    """Numbers the connections that it opens; its clock is a number, too."""

    lines: list[Line] = field(default_factory=list)
    now: float = 0.0

    def kept(self, lines: Lines) -> Kept[Line]:
        """What is tested."""
        return Kept(lines, self._connect, self._close, lambda: self.now)

    def standing(self) -> list[int]:
        """Those that are not closed."""
        return [line.number for line in self.lines if not line.closed]

    def _connect(self) -> Line:
        self.lines.append(Line(len(self.lines)))
        return self.lines[-1]

    def _close(self, line: Line) -> None:
        assert not line.closed, "closed twice"
        line.closed = True


def number(line: Line) -> int:
    """A question."""
    if line.dead:
        raise Broken(f"{line.number} is dead")
    return line.number


def test_the_one_used_last_goes_first() -> None:
    idle: Idle[str] = Idle(Lines())
    assert [idle.give(name, 0.0) for name in ("a", "b", "c")] == [[], [], []]
    assert [idle.take() for _ in range(4)] == ["c", "b", "a", None]


@pytest.mark.parametrize(("most", "over"), [(0, ["a", "b", "c"]), (1, ["a", "b"]), (2, ["a"]), (3, [])])
def test_those_that_are_too_many_are_closed(most: int, over: list[str]) -> None:
    idle: Idle[str] = Idle(Lines(most))
    assert [gone for name in ("a", "b", "c") for gone in idle.give(name, 0.0)] == over
    assert len(idle.drain()) == most and idle.take() is None


def test_those_idle_for_too_long_are_closed() -> None:
    idle: Idle[str] = Idle(Lines(idle_s=60.0))
    assert [idle.give(name, at) for name, at in (("a", 0.0), ("b", 30.0), ("c", 60.0))] == [[], [], []]
    assert idle.give("d", 95.0) == ["a", "b"]


def test_a_connection_is_used_again_or_never() -> None:
    for most, opened in ((1, [0, 0, 0]), (0, [0, 1, 2])):
        door = Door()
        kept = door.kept(Lines(most))
        assert [kept.ask(number) for _ in range(3)] == opened
        assert kept.opened == len(door.lines) and len(door.standing()) == most
        kept.close()
        assert not door.standing()


def test_two_at_once_have_two_and_both_are_kept() -> None:
    door = Door()
    kept = door.kept(Lines())
    assert kept.ask(lambda line: (line.number, kept.ask(number))) == (0, 1)
    assert door.standing() == [0, 1] and kept.ask(number) == 0


def test_a_dead_one_is_replaced_and_those_that_were_idle_for_longer_go_with_it() -> None:
    door = Door()
    kept = door.kept(Lines())
    kept.ask(lambda _: kept.ask(lambda _: kept.ask(number)))
    door.lines[0].dead = True  # the one used last
    assert kept.ask(number) == 3 and door.standing() == [3]


def test_a_new_one_that_breaks_is_a_fault_and_asked_no_more() -> None:
    door, asked = Door(), []

    def breaks(line: Line) -> None:
        asked.append(line.number)
        raise Broken("gone")

    kept = door.kept(Lines())
    with pytest.raises(Broken):
        kept.ask(breaks)
    assert asked == [0] and not door.standing()
    kept.ask(number)
    with pytest.raises(Broken):
        kept.ask(breaks)
    assert asked == [0, 1, 2] and not door.standing(), "on the kept one, and once more"


def test_one_that_answered_by_an_error_is_not_used_again_and_not_asked_twice() -> None:
    door, asked = Door(), []

    def refuses(line: Line) -> None:
        asked.append(line.number)
        raise DoorError("no")

    kept = door.kept(Lines())
    kept.ask(number)
    with pytest.raises(DoorError):
        kept.ask(refuses)
    assert asked == [0] and not door.standing() and kept.ask(number) == 1
