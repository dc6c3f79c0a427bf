"""Canaries over a run are drawn between its blocks, beside those that were rejected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imlab.errors import UsageError
from imlab.lab.plots.timeline import canary_timeline
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.lab.running.folder import table
from imlab.lab.running.song import sung
from tests.test_canary import song
from tests.test_reading import stored


def run(home: Path) -> Run:
    """Three blocks, the second rejected; the disk could not be asked once."""
    path = stored(home, "run", blocks=3, rejected={"1": ["drift of cpu 0.5 > 0.2"]})
    songs = [song(0, cpu=1e-3, fsync=2e-4), song(1, cpu=1e-3, fsync=0.0), song(2, cpu=1.5e-3, fsync=2e-4),
             song(2, "within", cpu=1e-3, fsync=2e-4), song(2, "after", cpu=1e-3, fsync=4e-4)]  # fmt: skip
    (path / "canaries.csv").write_bytes(table([line for one in songs for line in sung(one)]))
    return Run(path, read_manifest(path))


def test_songs_stand_between_the_blocks_and_are_told_in_words(tmp_path: Path) -> None:
    done = run(tmp_path)
    plot = canary_timeline(done)
    assert "3 blocks, 1 rejected" in plot.alt
    assert "cpu: median 1,000 us, 1 to 1.5 of it. fsync: median 200 us, 1 to 2 of it." in plot.alt
    curves = {str(line.get_label()).split(":")[0]: line for line in plot.figure.axes[0].get_lines()}
    assert np.asarray(curves["cpu"].get_xdata()).tolist() == [-0.5, 0.5, 1.5, 2.0, 2.5]
    assert np.asarray(curves["fsync"].get_xdata()).tolist() == [-0.5, 1.5, 2.0, 2.5], "what was not sung is not drawn"
    legend = plot.figure.axes[0].get_legend()
    assert legend is not None and legend.get_texts()[-1].get_text() == "a: drift of cpu over 0.2"
    assert plot.svg() == canary_timeline(done).svg()


def test_a_run_older_than_the_canaries_has_no_such_figure(tmp_path: Path) -> None:
    path = stored(tmp_path, "older")
    with pytest.raises(UsageError, match="no canary sang in run older"):
        canary_timeline(Run(path, read_manifest(path)))
