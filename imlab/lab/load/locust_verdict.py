"""May a run of Locust be believed? Its table from our histograms, and the reasons why not."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlab.lab.load.tally import Tally
from imlab.lab.record.histogram import COUNTED

LOG = logging.getLogger("imlab")
BUSY = 0.90  # of a core: Locust's own limit, which it looks at every ten seconds only
KEPT = 0.995  # of the moments of users with a pace, as for our own generator (validity.py)
SHOWN = (0.5, 0.9, 0.99)
FILES = ("hist.csv", "records.json")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run: its counts, how many workers asked, how many of them were lost, and what its users raised."""

    tally: Tally
    workers: int = 0
    lost: int = 0
    raised: Sequence[str] = ()

    @property
    def n(self) -> int:
        """Requests, failed ones included."""
        return sum(each.n for name, each in self.tally.histograms.items() if name.startswith("latency "))

    @property
    def failures(self) -> int:
        """Requests that failed."""
        return sum(each.failed for name, each in self.tally.histograms.items() if name.startswith("latency "))

    @property
    def reasons(self) -> list[str]:
        """Why it may not be believed; none: it may."""
        return list(self._reasons())

    def _reasons(self) -> Iterator[str]:
        tally = self.tally
        if not self.n:
            yield "not one request was made"
        if self.failures:
            yield f"{self.failures} of {self.n} requests failed; most often: {tally.failures.most_common(1)[0][0]}"
        yield from (f"a user raised: {what}" for what in self.raised)
        for name, each in tally.histograms.items():
            if each.outside:
                yield f"{each.outside} times of {name} lie outside the histogram's range"
        yield from tally.warnings
        if (worst := max(tally.busy, default=0.0)) > BUSY:
            yield f"Locust used {worst:.0%} of a core, over {BUSY:.0%}: its own delays are in these times (--processes)"
        if tally.asked < KEPT * tally.offered:
            yield f"missed its pace: {tally.asked} of {tally.offered} moments, {tally.asked / tally.offered:.1%}, asked"
        if self.lost:
            yield f"{self.lost} of {max(self.workers, self.lost)} workers were lost, with what they counted last"


def write(verdict: Verdict, folder: Path) -> None:
    """hist.csv, exact, and records.json, which sums it up."""
    folder.mkdir(parents=True, exist_ok=True)
    tally = verdict.tally
    with (folder / FILES[0]).open("w", newline="") as file:
        rows = csv.DictWriter(file, COUNTED)
        rows.writeheader()
        for _, each in sorted(tally.histograms.items()):
            rows.writerows(each.rows())
    (folder / FILES[1]).write_text(json.dumps(summary(verdict), indent=1) + "\n")


def summary(verdict: Verdict) -> dict[str, Any]:
    """What records.json holds. Times in milliseconds; None: withheld, by the rules of quantiles.py."""
    tally = verdict.tally
    told = {name: value for name, value in tally.wire().items() if name != "rows"}
    head = {"n": verdict.n, "failed": verdict.failures, "valid": not verdict.reasons, "reasons": verdict.reasons}
    return {**head, "workers": verdict.workers, "lost": verdict.lost, **told, "times": table(tally)}


def table(tally: Tally) -> list[dict[str, Any]]:
    """One row for each histogram: n, failed, and the shown percentiles in milliseconds, or why there is none."""
    return [
        {"name": name, "n": each.n, "failed": each.failed, **_percentiles(tally, name)}
        for name, each in sorted(tally.histograms.items())
    ]


def _percentiles(tally: Tally, name: str) -> dict[str, Any]:
    each = tally.histograms[name]
    if each.outside:
        return {"withheld": f"{each.outside} outside the range"}
    found = [each.quantile(q) for q in SHOWN]
    values = {f"{q.name}_ms": None if q.value is None else round(q.value * 1000, 3) for q in found}
    return values | {"withheld": "; ".join(f"{q.name}: {q.withheld}" for q in found if q.withheld)}


def lines(verdict: Verdict) -> None:
    """The table, and the reasons, loudly, into the log that Locust shows."""
    for row in table(verdict.tally):
        shown = "  ".join(f"{name} {value:g}" for name, value in row.items() if name.endswith("_ms") and value)
        LOG.info("%s: n %d, failed %d  %s  %s", row["name"], row["n"], row["failed"], shown, row["withheld"])
    for reason in verdict.reasons:
        LOG.error("THIS RUN IS NOT VALID: %s", reason)
