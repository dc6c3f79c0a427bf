"""Who is found saying the same headers twice is hung up; nobody else is."""

from __future__ import annotations

from dataclasses import dataclass, field

from imlab.net.web.serving.slow_heads import SlowHeads


@dataclass(eq=False)
class Line:
    """What a connection of uvicorn's shows: its transport, too."""

    headers: list[tuple[bytes, bytes]] | None = None
    cycle: Line | None = None
    timeout_keep_alive_task: object | None = None
    response_complete: bool = False
    open: bool = True
    transport: Line = field(init=False)

    def __post_init__(self) -> None:
        self.transport = self

    def close(self) -> None:
        self.open = False


def test_the_same_headers_twice_are_once_too_often() -> None:
    slow, line = SlowHeads(), Line(headers=[])
    assert slow.look([line]) == 0
    line.headers = []  # another request, whose headers are still coming
    assert slow.look([line]) == 0
    assert line.headers == []
    line.headers.append((b"host", b"a"))  # they come, but slowly
    assert slow.look([line]) == 1
    assert not line.open


def test_a_request_takes_as_long_as_it_takes_and_idle_is_not_ours() -> None:
    slow = SlowHeads()
    lines = [Line(headers=[], cycle=Line()), Line(headers=[], timeout_keep_alive_task="uvicorn's")]
    assert [slow.look(lines) for _ in range(20)] == [0] * 20


def test_a_connection_in_advance_may_wait_but_not_for_ever() -> None:
    slow, line = SlowHeads(silent=3), Line()
    assert [slow.look([line]) for _ in range(4)] == [0, 0, 0, 1]


def test_who_has_gone_is_forgotten() -> None:
    slow, line = SlowHeads(), Line(headers=[])
    assert [slow.look([line]), slow.look([]), slow.look([line])] == [0, 0, 0]
