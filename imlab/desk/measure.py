"""./lab measure: one study, measured here, into a new run folder."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from imlab.desk.measuring import account, watch
from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.budget import told
from imlab.desk.measuring.places import Places, here, shown
from imlab.desk.measuring.study import Study, all_studies, open_study
from imlab.desk.measuring.taking import stored, take
from imlab.desk.report.words import count
from imlab.errors import UsageError
from imlab.lab.plan.design import SCALES, Plan, plan
from imlab.lab.record.reading import publish
from imlab.lab.running.run import begin

EPILOG = """\
Without STUDY, lists them. Ctrl-C loses nothing that has ended: the same command goes on where it stopped, as long
as the plan, the code and the machine are the same.

--json prints one object a line: {"event": "begin", "study", "scale", "trials", "stored", "predicted_s"}, then
{"event": "trial", "done", "total", "block", "cell", "outcome", "reason", "seconds"} as each ends, then
{"event": "end", "run", "trusted", "void", "rejected", "outcomes", "conclusion", "answer"}; run is a folder.

Exit code 1 when no trial can be believed; its rows are kept all the same.

examples:
  ./lab measure q01                    by number, by name, or by the beginning of a name
  ./lab measure q01 --scale smoke      every path in seconds; no measurement
  ./lab measure q01 --scale full --publish
  ./lab measure q02 --cluster tcp://10.0.0.5:8786     score there; what is timed is timed here
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when there is something to believe, 1 when not, 130 after Ctrl-C."""
    options = _parser().parse_args(argv)
    places = here()
    if not options.study:
        print("\n\n".join(_listed(study) for study in all_studies(places)))
        return 0
    if options.publish and options.scale == "smoke":
        raise UsageError("SMOKE is not a measurement and is never published: choose --scale quick or full")
    study = open_study(options.study, places)
    if options.corpus:
        use_corpus(options.corpus)
    drawn = plan(study.experiment, options.scale)
    try:
        return _measure(study, drawn, places, options)
    except KeyboardInterrupt:
        print(f"\nstopped; what has ended is stored. To go on: {_again(options)}", file=sys.stderr)
        return 130


def use_corpus(corpus: Path) -> None:
    """Let every trial hear the recordings in a directory; trials are processes and inherit the environment."""
    if not corpus.is_dir():
        raise UsageError(f"the corpus {corpus} is not a directory")
    os.environ["IMLAB_CORPUS"] = str(corpus.resolve())


def promise(drawn: Plan, ended: int) -> str:
    """What will run and what it will cost, before it does."""
    size = f"{count(drawn.experiment.blocks[drawn.scale], 'block')} of {count(len(drawn.experiment.cells), 'cell')}"
    first = f"{drawn.experiment.name}, {drawn.scale}: {size}, about {told(drawn.experiment.predicted_s(drawn.scale))}"
    return f"{first}; {ended} of {len(drawn.trials)} trials are stored already" if ended else first


def _measure(study: Study, drawn: Plan, places: Places, options: argparse.Namespace) -> int:
    """Promise, take, account."""
    ended = stored(drawn, begin(drawn, places.results))
    if options.json:
        _tell("begin", study=study.name, scale=drawn.scale, trials=len(drawn.trials), stored=ended,
              predicted_s=study.experiment.predicted_s(drawn.scale))  # fmt: skip
    else:
        print(promise(drawn, ended), flush=True)
    run = take(drawn, places.results, watch.objects if options.json else watch.usual(), cluster=options.cluster)
    assert run is not None, "never late"
    answer = Answer(study, run)
    _tell_end(answer) if options.json else print(f"\n{account.account(answer)}")
    if options.publish and not answer.silent:
        print(f"published as {shown(publish(run).path)}; ./lab render {study.name} draws it", file=sys.stderr)
    return 1 if answer.silent else 0


def _tell_end(answer: Answer) -> None:
    """The last line of --json."""
    run = answer.run.manifest
    _tell("end", run=str(answer.run.path), trusted=len(answer.rows), void=run.void, rejected=run.rejected,
          outcomes=run.outcomes, conclusion=answer.conclusion,
          answer=json.loads(answer.table.reset_index(drop=True).to_json(orient="records")))  # fmt: skip


def _tell(event: str, **what: object) -> None:
    print(json.dumps({"event": event, **what}), flush=True)


def _listed(study: Study) -> str:
    """A study in the list: its name, its question, its price."""
    prices = ", ".join(f"{scale} {told(study.experiment.predicted_s(scale))}" for scale in SCALES)
    return f"{study.name}   {prices}\n  {' '.join(study.experiment.question.split())}"


def _again(options: argparse.Namespace) -> str:
    """The same command."""
    corpus = f" --corpus {options.corpus}" if options.corpus else ""
    cluster = f" --cluster {options.cluster}" if options.cluster else ""
    publish = " --publish" if options.publish else ""
    return f"./lab measure {options.study} --scale {options.scale}{corpus}{cluster}{publish}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab measure",
        description="One study, measured here, into a new run folder.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", nargs="?", metavar="STUDY", help="name, number, or beginning of a name")
    parser.add_argument("--scale", choices=SCALES, default="quick", help="smoke measures nothing (quick)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="recordings to use (IMLAB_CORPUS)")
    parser.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="Dask scheduler for untimed work, tcp://HOST:PORT"
    )
    parser.add_argument("--publish", action="store_true", help="a sound run becomes the study's reference")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
