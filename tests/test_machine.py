"""Machine facts travel without names or places; gates reject by limits that were written down before."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import pytest

from imlab.errors import UsageError
from imlab.lab.machine.facts import ROOT, SAME, facts, fingerprint, said, virtual
from imlab.lab.machine.gates import Gates, Strain, look, strain, void, worst
from imlab.lab.machine.interpreter import build
from imlab.lab.plan.design import plan
from imlab.lab.plan.studies import load


def test_facts_name_no_host_no_user_and_no_place() -> None:
    told = json.dumps(facts())
    assert platform.node() not in told
    assert str(Path.home()) not in told and str(ROOT) not in told
    assert f"/{getpass.getuser()}" not in told
    assert len(said(facts())) < 250 and "\n" not in said(facts())


def test_the_fingerprint_is_of_the_machine_and_not_of_the_moment() -> None:
    here = facts()
    assert fingerprint(here) == fingerprint(here | {"load": [9.0, 9.0, 9.0], "commit": "other"})
    assert fingerprint(here) != fingerprint(here | {"cores": here["cores"] + 1})
    assert fingerprint(here) != fingerprint(here | {"kernel": "other"})


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("results/*/reference/manifest.json")), ids=lambda path: path.parts[-3]
)
def test_facts_that_came_later_leave_old_fingerprints_as_they_were(path: Path) -> None:
    stored = json.loads(path.read_text())
    assert fingerprint(stored["facts"]) == stored["fingerprint"]
    assert not {"build", "virtual", "clock", "quota_cores"} & set(SAME)
    assert set(stored["facts"]) <= {*facts(), "study"}, "which text of a study it was, the runner adds"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"CONFIG_ARGS": "'--enable-optimizations' '--with-lto'", "PGO_PROF_USE_FLAG": "-fprofile-use",
          "PY_CFLAGS": "-O2 -Wall -O3"}, "-O3, PGO, LTO"),
        ({"CONFIG_ARGS": "'--with-lto=no'", "PGO_PROF_USE_FLAG": "-fprofile-use", "PY_CFLAGS": "-O3"},
         "-O3, no PGO, no LTO"),
        ({"CONFIG_ARGS": "'--enable-shared'", "PGO_PROF_USE_FLAG": "", "PY_CFLAGS": "-g -O2"},
         "-O2, PGO untold, LTO untold"),
        ({"PY_CORE_LDFLAGS": "-flto=auto", "PGO_PROF_USE_FLAG": "-f", "Py_GIL_DISABLED": 1, "Py_DEBUG": 1},
         "-O0, no PGO, LTO, free-threaded, debug"),
    ],
    ids=["best", "plain", "erased by its packager", "for hunting bugs"],
)  # fmt: skip
def test_how_python_was_compiled_is_said_as_far_as_it_is_told(told: dict[str, object], words: str) -> None:
    assert build(told.get) == words


@pytest.mark.parametrize(
    ("text", "answer"), [("flags\t: fpu hypervisor sse\n", True), ("flags : fpu\n", False), ("Features : fp\n", None)]
)
def test_a_virtual_machine_is_known_by_a_flag(tmp_path: Path, text: str, answer: bool | None) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\n" + text)
    assert virtual(tmp_path / "cpuinfo") is answer


PUBLISHED = {"q01_stop_to_play": "9a8b6cf7", "q02_bitrate": "99ccf8e1", "q13_voice_activity": "04ea0c5e"}


@pytest.mark.parametrize(("study", "hashed"), PUBLISHED.items())
def test_rules_that_came_later_leave_published_plans_as_they_were(study: str, hashed: str) -> None:
    assert plan(load(f"imlab.studies.{study}"), "full").hash[:8] == hashed


def test_a_rule_for_no_canary_is_refused() -> None:
    with pytest.raises(UsageError, match="no canary is called disk: there are cpu, loopback, memory, fsync"):
        Gates(drift={"disk": 0.1})


def test_a_rule_that_is_set_is_in_the_plan() -> None:
    assert set(Gates().limits()) == {"steal", "cpu", "io", "memory", "switches"}
    assert Gates(throttled=0.01, drift={"cpu": 0.05}).limits() == Gates().limits() | {
        "throttled": 0.01, "drift": {"cpu": 0.05},
    }  # fmt: skip
    assert Gates(**Gates(drift={"cpu": 0.05}).limits()) == Gates(drift={"cpu": 0.05})


def proc(folder: Path, stolen: int, ticks: int, pressure_us: int | None) -> Path:
    """A /proc with these totals; without pressure, as kernels before 4.20 have it."""
    (folder / "pressure").mkdir(parents=True)
    (folder / "stat").write_text(f"cpu  {ticks - stolen} 0 0 0 0 0 0 {stolen} 0 0\ncpu0 1 2 3\n")
    for what in ("cpu", "io", "memory") if pressure_us is not None else ():
        (folder / "pressure" / what).write_text(f"some avg10=0.00 avg60=0.00 avg300=0.00 total={pressure_us}\n")
    return folder


def test_strain_is_the_difference_of_two_looks(tmp_path: Path) -> None:
    before = look(proc(tmp_path / "a", stolen=100, ticks=1_000, pressure_us=0))
    after = look(proc(tmp_path / "b", stolen=110, ticks=1_200, pressure_us=1_000_000))
    seen = strain(before, after, switches=7)
    seconds = after.at - before.at
    assert seen.steal == pytest.approx(0.05)
    assert seen.cpu == pytest.approx(1.0 / seconds) and seen.switches == pytest.approx(7 / seconds)


def test_what_the_kernel_does_not_tell_cannot_reject(tmp_path: Path) -> None:
    bare = look(proc(tmp_path / "a", stolen=0, ticks=10, pressure_us=None))
    seen = strain(bare, look(tmp_path / "nowhere"))
    assert (seen.cpu, seen.steal, seen.switches) == (None, None, None)
    assert Gates().breaches(seen) == []


@pytest.mark.parametrize(
    ("seen", "reasons"),
    [
        (Strain(steal=0.01, cpu=0.2, io=0.9, memory=0.0, switches=100.0), []),
        (Strain(steal=0.05), ["steal share 0.05 > 0.02"]),
        (Strain(cpu=0.8, switches=9e4), ["CPU pressure share 0.8 > 0.25", "involuntary switches/s 9e+04 > 1e+03"]),
        (Strain(memory=0.02), ["memory pressure share 0.02 > 0.01"]),
    ],
)
def test_a_gate_says_what_it_saw_and_what_it_allows(seen: Strain, reasons: list[str]) -> None:
    assert Gates().breaches(seen) == reasons


def test_canaries_and_throttling_reject_only_where_the_plan_says_so() -> None:
    seen, drifts = Strain(thermal=0.1, quota=0.3, mhz=800.0), {"cpu": 0.2, "fsync": 3.0}
    assert Gates().breaches(seen, drifts) == []
    assert Gates(throttled=0.3, drift={"cpu": 0.2}).breaches(seen, drifts) == []
    assert Gates(throttled=0.2, drift={"cpu": 0.05, "memory": 0.0}).breaches(seen, drifts) == [
        "throttled share 0.3 > 0.2", "drift of cpu 0.2 > 0.05",
    ]  # fmt: skip


def test_a_block_is_as_bad_as_its_worst_trial() -> None:
    assert worst([Strain(mhz=3000.0, quota=0.1), Strain(mhz=800.0, quota=0.0)]) == Strain(mhz=800.0, quota=0.1)
    assert worst([Strain(steal=0.0, cpu=0.9), Strain(steal=0.1, cpu=None)]) == Strain(steal=0.1, cpu=0.9)


@pytest.mark.parametrize(
    ("rejected", "blocks", "nothing"), [(0, 6, False), (1, 6, False), (2, 6, True), (2, 10, False)]
)
def test_a_fifth_of_the_blocks_may_be_rejected(rejected: int, blocks: int, nothing: bool) -> None:
    assert void(rejected, blocks) is nothing
