"""Native libraries are found in the stated order, and what is no such library is named."""

from __future__ import annotations

import ctypes.util
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from imlab.codec import amr, amr_wb, codec2, lc3
from imlab.codec.library import Native, candidates, load
from imlab.errors import DoorError

NATIVES = [amr.LIBRARY, amr_wb.DECODER, lc3.LIBRARY, codec2.LIBRARY]
HIDDEN = "IMLAB_LIBRARY_OF_A_TEST"  # a variable that nobody sets, so that each test asks anew


@pytest.mark.parametrize("native", NATIVES, ids=lambda native: native.name)
def test_the_copy_in_the_wheel_is_found_with_its_version(native: Native) -> None:
    found = load(replace(native, variable=HIDDEN))
    assert (found.source, found.path) == next(candidates(native))
    assert found.source in (f"{native.wheel} wheel", "conda")
    assert all(part.isdigit() for part in found.version.split(".")), found
    assert "CDLL" not in repr(found)


def test_the_variable_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    path = load(amr.LIBRARY).path
    monkeypatch.setenv("IMLAB_LIBRARY_ASKED", path)
    found = load(replace(amr.LIBRARY, variable="IMLAB_LIBRARY_ASKED"))
    assert (found.source, found.path) == ("the variable IMLAB_LIBRARY_ASKED", path)


@pytest.mark.parametrize("wrong", [__file__, "/nowhere/lib.so", ctypes.util.find_library("m") or "libm.so.6"])
def test_a_variable_that_names_another_library_is_an_error_and_not_a_hint(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMLAB_LIBRARY_WRONG", wrong)
    for _ in range(2):
        with pytest.raises(DoorError, match=f"{wrong} is not a usable libopencore-amrnb"):
            load(replace(amr.LIBRARY, variable="IMLAB_LIBRARY_WRONG"))


def test_conda_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "lib").mkdir()
    there = tmp_path / "lib" / "libopencore-amrnb.so.0"
    there.symlink_to(load(amr.LIBRARY).path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert [source for source, _ in candidates(amr.LIBRARY)][:2] == ["conda", "av wheel"]
    found = load(replace(amr.LIBRARY, variable=HIDDEN + "_2"))
    assert (found.source, found.path) == ("conda", str(there))


def test_where_there_is_none_the_places_and_the_line_are_named() -> None:
    nothing = Native("amr-of-nobody", HIDDEN, "no_such_wheel", ("sing",), "apt-get install nobody")
    with pytest.raises(DoorError) as error:
        load(nothing)
    assert str(error.value) == (
        "no libamr-of-nobody: nothing in the conda prefix, the no_such_wheel wheel or the system; "
        f"install one: apt-get install nobody, or set {HIDDEN} to the file"
    )


def test_threads_load_one_library() -> None:
    fresh = replace(lc3.LIBRARY, variable=HIDDEN + "_3")
    with ThreadPoolExecutor(8) as pool:
        assert len({id(found) for found in pool.map(lambda _: load(fresh), range(64))}) == 1
