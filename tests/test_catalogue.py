"""The catalogue: every codec has its row, and a library that is missing has its reason and its line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from imlab.codec.catalogue import FAMILIES, survey, versions
from imlab.codec.named import CODECS, open_codec
from imlab.codec.opus import Opus
from imlab.desk.environment import findings

SAY = """
import json
from imlab.codec.catalogue import survey
from imlab.desk.environment.findings import codecs
from imlab.errors import DoorError
def opened(make):
    try:
        make()
    except DoorError as error:
        return str(error)
entries = {entry.family.name: entry for entry in survey()}
found = {name: [opened(entry.family.examples[0].encoder), entry.missing] for name, entry in entries.items()}
print(json.dumps([found, {each.name: [each.state, each.detail, each.install] for each in codecs()}]))
"""
GONE = {  # the variable that hides a library -> the family, its title, the line that installs it
    "IMLAB_LIBOPENCORE_AMRNB": ("amr", "AMR-NB", "libopencore-amrnb0"),
    "IMLAB_LIBVO_AMRWBENC": ("amr-wb", "AMR-WB", "apt-get install libvo-amrwbenc0"),
    "IMLAB_LIBLC3": ("lc3", "LC3", "pip install lc3py"),
    "IMLAB_LIBCODEC2": ("codec2", "Codec 2", "pip install pycodec2"),
}


def test_every_name_on_the_wire_has_its_family_and_every_example_opens_by_name() -> None:
    examples = [example for family in FAMILIES for example in family.examples]
    assert {example.name for example in examples} == set(CODECS)
    for family in FAMILIES:
        for example in family.examples:
            assert (
                example.name.startswith(family.name)
                and eval(repr(example), vars(sys.modules[type(example).__module__])) == example
            )
            assert open_codec(example.name, example.rate, example.frame).delay == example.delay
            assert (family.band == "narrow") <= (example.rate == 8_000)


def test_what_is_in_the_wheels_is_here_with_its_version() -> None:
    entries = {entry.family.title: entry for entry in survey()}
    assert len(entries) == len(FAMILIES)
    for title, entry in entries.items():
        assert title == "AMR-WB" or not entry.missing, entry.missing
        assert entry.decoder and entry.decoder.version[0].isdigit()
    assert entries["AMR-WB"].decoder and entries["AMR-WB"].decoder.library == "opencore-amrwb"


def test_manifests_name_the_libraries() -> None:
    found = versions()
    assert {"libopus", "opencore-amrnb", "opencore-amrwb", "lame", "lc3", "codec2", "libavcodec"} <= found.keys()
    assert found["libopus"].count(".") >= 1 and "libopus" not in found["libopus"]
    assert list(found) == sorted(found) and Opus().name in {family.name for family in FAMILIES}


def test_the_doctor_has_a_line_for_each() -> None:
    assert [each.name for each in findings.codecs()] == [family.title for family in FAMILIES]


@pytest.mark.process
def test_a_missing_library_is_a_named_row_and_a_named_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        env=os.environ | dict.fromkeys(GONE, "/nowhere/lib.so"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told, rows = json.loads(done.stdout)
    for name, title, line in GONE.values():
        error, missing = told[name]
        assert error == missing and "/nowhere/lib.so is not a usable lib" in error
        state, detail, install = rows[title]
        assert (state, error in detail, line in install) == ("missing", True, True)
    assert "decodes by opencore-amrwb" in rows["AMR-WB"][1]
    assert [name for name, (error, _) in told.items() if error] == [name for name, _, _ in GONE.values()]
