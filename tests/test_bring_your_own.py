"""What docs/bring_your_own.md promises: its studies, as printed, measure a service that we did not write."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imlab.desk.measuring import plain
from imlab.desk.measuring.places import here
from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.load.endpoint import CONTROLS, Control, knock, open_loop
from imlab.lab.load.lanes import Lanes
from imlab.lab.load.openloop import Send
from imlab.lab.load.schedule import Poisson
from imlab.lab.plan.design import Experiment, Trial
from imlab.lab.plan.studies import load
from imlab.lab.record.latencies import Latencies
from imlab.lab.record.reading import latest
from tests.test_house import loads

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "bring_your_own.md"
SERVICE = """
import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

SHORT_S, LONG_S = 0.04, 0.08


class Echo(WebSocketHandler):
    async def on_message(self, message):
        await asyncio.sleep(SHORT_S if len(message) < 1000 else LONG_S)
        await self.write_message(message, binary=True)


class Notes(RequestHandler):
    def post(self):
        self.write({"bytes": len(self.request.body)})


async def main():
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application([("/echo", Echo), ("/notes", Notes)])).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
"""
TINY = {  # in the study as printed -> in a test: short windows, few blocks, and a machine as busy as it likes
    "EXPERIMENT = ": (
        "from imlab.lab.load.validity import Validity\nfrom imlab.lab.machine.gates import Gates\n\nEXPERIMENT = "
    ),
    "warm_up_s=1.0": (
        "warm_up_s=0.1, gates=Gates(1.0, 1.0, 1.0, 1.0, 1e9), blocks={'smoke': 1, 'quick': 6, 'full': 7}"
    ),
    "Poisson(200, 2 if": "Poisson(150, 2 if",
    "else 10)": "else 0.3)",
    "lanes=32": "lanes=32, validity=Validity(achieved=0.01, busy=10.0)",
}


def examples() -> dict[str, str]:
    """The whole studies of the document, by the names of their experiments."""
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return {found[1]: text for text in blocks if (found := re.search(r'name="(q\w+)"', text))}


def changed(text: str, changes: Mapping[str, str]) -> str:
    """A study with some of its words replaced; each of them is there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Desk:
    """Somebody with an empty home, a folder of studies and nothing else."""

    home: Path

    @property
    def studies(self) -> Path:
        return self.home / "my_studies"

    @property
    def environment(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("IMLAB_", "PYTHON"))}
        return mine | {"HOME": str(self.home / "nothing"), "IMLAB_STUDIES": "my_studies"}

    def write(self, name: str, text: str) -> None:
        self.studies.mkdir(exist_ok=True)
        (self.home / "nothing").mkdir(exist_ok=True)
        (self.studies / f"{name}.py").write_text(text)

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output and complaints of a verb of the lab."""
        command = [sys.executable, "-m", "imlab", *words]
        done = subprocess.run(command, cwd=self.home, env=self.environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A service of another framework, a process of its own, on a free port."""
    with subprocess.Popen([sys.executable, "-c", SERVICE], stdin=-1, stdout=-1, text=True) as service:
        assert service.stdin and service.stdout
        yield int(service.stdout.readline())
        service.stdin.close()


def test_the_examples_are_short_and_two() -> None:
    assert set(examples()) == {"q50_echo", "q51_two_builds"}
    assert all(text.count("\n") < 30 for text in examples().values())


@pytest.mark.process
def test_http_walks_every_path(tmp_path: Path, port: int) -> None:
    desk, text = Desk(tmp_path), changed(examples()["q51_two_builds"], {"seconds=8": "seconds=1.2"})
    desk.write("q51_two_builds", re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", text))
    code, out, complaints = desk.run("measure", "q51", "--scale", "smoke")
    assert code == 0, complaints
    assert "trials: 2 ok" in out and "SMOKE: not a measurement" in out
    assert re.search(r"At p50, against build old: build new .* \(n=1: no interval\): inconclusive\.|late by", out), out


@pytest.mark.process
def test_a_known_difference_is_found_told_and_drawn(tmp_path: Path, port: int) -> None:
    desk = Desk(tmp_path)
    desk.write("q50_echo", changed(examples()["q50_echo"], TINY | {"127.0.0.1:8888": f"127.0.0.1:{port}"}))
    code, out, complaints = desk.run("measure", "q50", "--json")
    assert code == 0, complaints
    end = json.loads(out.splitlines()[-1])
    assert end["outcomes"] == {"ok": 12} and not end["void"]
    told = re.search(r"bytes 30000 \+([\d.]+) % \[\+[\d.]+, \+[\d.]+\].*?: slower. At p99, withheld", end["conclusion"])
    assert told and 50 < float(told[1]) < 150, end["conclusion"]
    assert [line["bytes"] for line in end["answer"]] == [300, 30000]
    assert desk.run("render", "q50")[0] == 0
    figures = Path(end["run"]) / "figures"
    drawn = {path.name for path in figures.iterdir()}
    assert {"effects.svg", "percentiles.svg"} <= drawn <= {"effects.svg", "percentiles.svg", "distribution.svg"}
    assert (desk.studies / "results" / "report" / "index.html").is_file()
    lawful(desk.studies / "results", end["trusted"])


def lawful(results: Path, trusted: int) -> None:
    """Every arrival is a row, drawn before, alike in all cells of a block; the histograms count what may be counted."""
    run = latest(results, "q50_echo")
    rows = run.rows()
    for _, block in rows.groupby("block"):
        one, other = (cell["intended_s"].to_numpy() for _, cell in block.groupby("cell"))
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(rows["lag_s"] + rows["service_s"], rows["latency_s"], atol=3e-7)
    assert (rows["latency_s"] >= 0.04).all() and (rows["lane_wait_s"] >= 0).all()
    assert (rows["warm_up"] == (rows["intended_s"] < 0.1)).all()
    counted = [one.n for cell in run.histograms()["latency"].values() for one in cell.values()]
    assert sum(counted) == trusted == (~rows["warm_up"]).sum()


@pytest.mark.process
def test_nobody_at_home_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    desk = Desk(tmp_path)
    desk.write("q50_echo", examples()["q50_echo"].replace("127.0.0.1:8888", address))
    code, _, complaints = desk.run("measure", "q50")
    assert code == 1
    assert complaints == f"lab measure: nothing listens on ws://{address}/echo: start the service first\n"
    assert not list(desk.studies.rglob("manifest.json")), "what was never measured stands for nothing"


@pytest.mark.parametrize("url", ["127.0.0.1:80", "/echo", "ftp://127.0.0.1/x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="names no host and port"):
        knock(url)


def trial(**settings: object) -> Trial:
    factors = {name: (level,) for name, level in settings.items()}
    return Trial(Experiment("q50_echo", "Why?", "Because.", lambda trial: iter(()), factors, warm_up_s=0.01), settings)


class Line:
    """Somebody's connections: at most one request on each at a time, every third request fails."""

    def __init__(self) -> None:
        self.opened = self.closed = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Send]:
        self.opened += 1
        asking = False

        async def send(index: int) -> None:
            nonlocal asking
            assert not asking, "two requests on one lane"
            asking = True
            for _ in range(index % 5):
                await asyncio.sleep(0)
            if index % 3 == 2:
                raise ConnectionError("cut")
            asking = False

        yield send
        self.closed += 1


def test_lanes_take_one_request_each_and_are_opened_anew_after_a_failure() -> None:
    line = Line()

    async def ask() -> list[Mapping[str, float] | BaseException | None]:
        async with Lanes(line.connect, 4) as send:
            assert line.opened == 4
            return await asyncio.gather(*(send(index) for index in range(60)), return_exceptions=True)

    told = asyncio.run(ask())
    assert [index for index, one in enumerate(told) if isinstance(one, ConnectionError)] == list(range(2, 60, 3))
    assert all("asked" in one for one in told if isinstance(one, dict)) and sum(map(bool, told)) == 60
    assert line.opened == line.closed and 4 < line.opened <= 4 + 20


@asynccontextmanager
async def mute(trial: Trial) -> AsyncIterator[Send]:
    """A connection on which nothing succeeds."""

    async def send(index: int) -> None:
        raise ConnectionError("cut")

    yield send


@asynccontextmanager
async def shut(trial: Trial) -> AsyncIterator[Send]:
    """A connection that is never made."""
    if trial.scale == "smoke":
        raise PermissionError("no token")
    yield lambda index: asyncio.sleep(0)


@pytest.mark.process
@pytest.mark.parametrize(
    ("connect", "lanes", "told"),
    [(mute, 0, "no request to ws://.* succeeded; the first: ConnectionError: cut"), (mute, 3, "no request to"),
     (shut, 0, "ws://.* takes no connection: PermissionError: no token"), (shut, 3, "takes no connection")],
)  # fmt: skip
def test_what_never_succeeds_is_loud_at_every_scale(connect: object, lanes: int, told: str, port: int) -> None:
    attempt = open_loop(connect, Poisson(500, 0.05), f"ws://127.0.0.1:{port}/echo", lanes)  # type: ignore[arg-type]
    assert attempt.__module__ == __name__, "the runner imports the study, not the lab"
    with pytest.raises(DoorError, match=told):
        list(attempt(trial()))


@pytest.mark.process
def test_a_window_that_ends_within_the_warm_up_is_misuse(port: int) -> None:
    with pytest.raises(UsageError, match="no arrival after the warm-up"):
        list(open_loop(mute, Poisson(500, 0.01), f"ws://127.0.0.1:{port}")(trial()))


def told(factor: float, n: int = 1000, blocks: int = 6) -> pd.DataFrame:
    """Rows of two cells that differ by a known factor, request by request."""
    draws = np.random.default_rng(7).lognormal(-5, 0.5, (blocks, n))
    parts = [
        pd.DataFrame(
            {"block": block, "cell": cell, "order": 0, "seed": 1, "server": name, "outcome": "ok", "reason": "",
             "kept": True, "latency_s": draws[block] * size, "lag_s": 1e-5}
        )
        for block in range(blocks)
        for cell, (name, size) in enumerate({"old": 1.0, "new": factor}.items())
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.2, "+20.0 % [+20.0, +20.0]"), (0.8, "faster"), (1.01, "equivalent")]
)
def test_a_cell_is_held_against_the_first(factor: float, verdict: str) -> None:
    seen = Latencies(told(factor), ("server",), 0.03)
    for q in (0.5, 0.99):
        (name, effect), *rest = seen.effects(q).items()
        assert (name, rest) == ("server new", []) and verdict in effect.text()
    table = plain.answer(told(factor))
    assert table["server"].tolist() == ["old", "new"] and table["requests"].tolist() == [6000, 6000]
    assert table["p99_ms"][1] / table["p99_ms"][0] == pytest.approx(factor)


def test_what_a_percentile_may_not_say() -> None:
    few = Latencies(told(1.2, n=900), ("server",), 0.03)
    assert few.effects(0.5)
    with pytest.raises(InvalidRun, match=r"server old, block 1: n too small \(900, needs 1000\)"):
        few.effects(0.99)
    late = Latencies(told(1.2).assign(lag_s=0.01), ("server",), 0.03)
    with pytest.raises(InvalidRun, match="generator late"):
        late.effects(0.5)
    assert plain.answer(told(1.2, n=90))["p99_ms"].isna().all()
    assert plain.answer(told(1.2).drop(columns="latency_s")).empty
    assert Latencies(told(1.2).assign(lane_wait_s=0.0), ("server",), 0.03).waited == 0


def test_cells_are_named_by_what_differs() -> None:
    rows = pd.concat([told(1.2), told(1.5).query("cell == 1").assign(cell=2)]).assign(size="300")
    rows.loc[rows["cell"] == 2, "size"] = "9"
    seen = Latencies(rows, ("server", "size"), 0.03)
    assert list(seen.cells) == ["server old, size 300", "server new, size 300", "server new, size 9"]
    assert list(seen.effects(0.5)) == ["server new", "server new, size 9"]


def test_controls_are_levels() -> None:
    assert trial(control=CONTROLS[1]).labels == {"control": "A/A"}
    assert [control.added_ms for control in CONTROLS] == [0, 0, 2]
    assert repr(Control("+5 ms", 5.0)) == "+5 ms"


@pytest.mark.parametrize(
    ("name", "told"),
    [("json", "name that Python can import"), ("my-studies", "name that Python can import"), ("./none", "not there")],
)
def test_a_folder_that_cannot_be_studies(name: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("IMLAB_STUDIES", name)
    if "/" not in name:
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=told):
        here()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import numpy as np\n\nRATE = 1 / 0\n", "ZeroDivisionError: division by zero, line 3"),
        ("EXPERIMENT = = 3\n", r"SyntaxError: invalid syntax \(q66_\w+.py, line 1\)"),
        ("import no_such_client\n", "ModuleNotFoundError: No module named 'no_such_client', line 1"),
    ],
)
def test_a_study_that_does_not_import_says_where(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"q66_broken_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=told):
        load(name)


def test_a_trial_stays_light() -> None:
    assert not loads("import imlab.lab.load.endpoint")
