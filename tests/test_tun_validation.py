"""The engine is measured before it is believed: what is told, and known answers of the arithmetic."""

from __future__ import annotations

import json

import pytest

from imlab.net.kernel.probes import bulk
from imlab.net.kernel.validation import Finding, Validation, mathis, quantile, validate
from imlab.net.links import Link, Path
from imlab.net.tun import Network
from tests.tools import need_network


@pytest.mark.process
def test_a_quick_validation_tells_all_it_found_and_loses_nothing() -> None:
    need_network()
    validation = validate(quick=True)
    told = json.loads(json.dumps(validation.told))
    assert len(told["findings"]) == 5 and told["facts"]["engine"] == "tun"
    sure = {finding.what: finding.ok for finding in validation.findings if finding.what in ("loss", "packets missing")}
    assert sure == {"loss": True, "packets missing": True}


@pytest.mark.process
def test_many_connections_share_a_link() -> None:
    need_network()
    path = Path("1 MB/s", Link(delay=0.005, rate=1e6, queue=50_000), Link())
    with Network({"near": path, "far": None}) as network:
        rates = bulk([(network["near"], network["far"])] * 4, "reno", settle=0.2, seconds=0.5)
    assert len(rates) == 4 and all(rate > 0 for rate in rates)
    assert sum(rates) < 1.2e6, "a link gives more than it has"


def test_known_answers_of_a_validation() -> None:
    assert mathis(0.01, 0.1) == pytest.approx(1448 / 0.1 * 12.247, rel=1e-4)
    assert [quantile([1.0, 2.0, 3.0, 4.0], share) for share in (0.25, 0.5, 0.51, 1.0)] == [1, 2, 3, 4]
    good, bad = Finding("x", "s", 1.0, 1.0, 0.9, 1.1), Finding("y", "s", 2.0, 1.0, 0.9, 1.1)
    assert Validation((good,), {}, 1.0).ok and not Validation((good, bad), {}, 1.0).ok
    assert str(bad).startswith("NOT OK y: 2 s")
