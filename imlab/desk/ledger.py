"""./lab ledger: every published claim, its verdict, and the runs that it rests on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from imlab.desk.measuring.answer import standing
from imlab.desk.measuring.places import here
from imlab.desk.measuring.study import all_studies
from imlab.desk.measuring.verdicts import Line, ledger, summary
from imlab.errors import UsageError

EPILOG = """\
Verdicts, by rules that were written before the data:
  supported      the 95 % interval lies wholly on the claimed side (beyond the claimed size less the margin, if any)
  refuted        it lies wholly on the other side
  equivalent     the 90 % interval lies within the margin around zero: no difference that matters
  inconclusive   none of these, or too little was measured for an interval, or only a part of the claim was tried
  void           the run was disturbed, or the claim cannot be measured; the reason is given
  not yet tried  no run speaks of it
A claim with several endpoints stands when all do, and falls when one does; the line shows the one that decides.

Nothing is measured here: ./lab measure STUDY does, and the newest sound run of a study speaks for it, or its published
reference. A local run overrules the reference only if it can carry an interval: where a quick one cannot, the verdict
is the reference's and is marked "reference machine, not measured here". Smoke runs do not count.

--json prints one array of {"id", "verdict", "effect", "low", "high", "unit", "margin", "study", "evidence"}: effect
with its 95 % interval in the unit, null where there is none; study is the one that judges, null while there is none;
evidence names runs, as folders under results/.

examples:
  ./lab ledger
  ./lab ledger C11               one claim whole: source, doubt, design, controls, every endpoint
  ./lab ledger --json | jq -r '.[] | select(.verdict == "refuted") | .id'
"""


def main(argv: list[str]) -> int:
    """Exit code 0 whatever the verdicts are: a refuted claim is an answer."""
    options = _parser().parse_args(argv)
    places = here()
    answers = [answer for study in all_studies(places) if (answer := standing(study, places))]
    lines = ledger(places, answers)
    if options.claim:
        lines = [_chosen(options.claim, lines)]
    if options.json:
        print(json.dumps([line.plain() for line in lines], indent=2))
    elif options.claim:
        print(lines[0].whole())
    elif lines:
        print("\n".join([*(line.text() for line in lines), "", summary(lines)]))
    else:
        print(f"{places.package} declares no claims: it has no module claims with CLAIMS")
    return 0


def _chosen(word: str, lines: Sequence[Line]) -> Line:
    """The claim that a word names."""
    known = {line.claim.id: line for line in lines}
    if word.upper() not in known:
        raise UsageError(f"no claim {word!r}; there are {', '.join(known) or 'none'}")
    return known[word.upper()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab ledger",
        description="Every published claim, its verdict, and the runs that it rests on.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("claim", nargs="?", metavar="CLAIM", help="only this one, whole: C7")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
