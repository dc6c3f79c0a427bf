"""One loader, one libopus, and opuslib over exactly that one."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imlab.codec.libopus import VARIABLE, candidates, load
from imlab.codec.opus import Opus

SAY = "from imlab.codec.libopus import load; from imlab.errors import DoorError\n"


def in_a_fresh_process(program: str, *flags: str, **environment: str) -> str:
    """What a fresh interpreter prints, to either stream."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", SAY + program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_opuslib_has_the_library_that_was_found() -> None:
    library = load()
    import opuslib.api  # only now: it must not choose for itself

    assert library.version.startswith("libopus ")
    assert opuslib.api.libopus._name == library.path
    assert Path(ctypes.util.find_library("c") or "").name != Path(library.path).name  # the question is ours no more


def test_the_first_candidate_is_the_one_in_use() -> None:
    if not os.environ.get(VARIABLE):
        assert next(iter(candidates())) == (load().source, load().path)


def test_opuslibs_own_classes_still_work_and_agree_with_us() -> None:
    ours, our_decoder = Opus().encoder(), Opus().decoder()
    import opuslib

    theirs, their_decoder = opuslib.Encoder(16_000, 1, "voip"), opuslib.Decoder(16_000, 1)
    theirs.bitrate, theirs.complexity, theirs.vbr_constraint = 24_000, 10, 0
    for frame in np.random.default_rng(1).normal(0, 0.1, (20, 320)).astype(np.float32):
        packet = ours.encode(frame)
        assert theirs.encode_float(frame.tobytes(), 320) == packet
        assert their_decoder.decode_float(packet, 320) == our_decoder.decode(packet).tobytes()


def test_a_library_is_told_apart_by_value_and_prints_without_its_functions() -> None:
    assert repr(load()) == f"Library(path={load().path!r}, version={load().version!r}, source={load().source!r})"


@pytest.mark.process
def test_the_variable_decides() -> None:
    said = in_a_fresh_process("print(load().source, load().path)", **{VARIABLE: load().path})
    assert said.split() == ["the", "variable", VARIABLE, load().path]


@pytest.mark.process
@pytest.mark.parametrize("wrong", [__file__, "/nowhere/libopus.so", ctypes.util.find_library("m") or "libm.so.6"])
def test_a_variable_that_names_no_libopus_is_an_error_and_not_a_hint(wrong: str) -> None:
    said = in_a_fresh_process("try: load()\nexcept DoorError as error: print(error)", **{VARIABLE: wrong})
    assert f"{wrong} is not a usable libopus" in said
    assert said.count("\n") == 1


@pytest.mark.process
def test_loading_is_silent_and_leaves_av_alone(tmp_path: Path) -> None:
    # An empty bytecode cache: opuslib is compiled again, which is when its SyntaxWarnings come.
    program = "import sys; load(); assert 'av' not in sys.modules and 'numpy' not in sys.modules"
    assert in_a_fresh_process(program, PYTHONPYCACHEPREFIX=str(tmp_path), PYTHONWARNINGS="error") == ""


@pytest.mark.process
def test_threads_load_one_library() -> None:
    program = (
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "with Pool(8) as pool: print(len({id(library) for library in pool.map(lambda _: load(), range(64))}))"
    )
    assert in_a_fresh_process(program) == "1\n"
