"""From a verb to its module: imports that one and no other, and turns an error into one clear line.

A verb is a module of this room with ``main(argv) -> int``; its argparse parser is called ``lab VERB`` and shows
examples. Its one line in ``./lab --help`` stands here, so that help imports nothing.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module

from imlab.errors import DoorError, InvalidRun, PeerError, UsageError

VERBS = {
    "run": "the main job: measure what fits the budget, execute the notebooks, write the report",
    "measure": "one study, measured here: a new run folder",
    "render": "stored rows to notebooks, figures and report; the same bytes each time",
    "runs": "every run that is stored, whole or not, and what it may be called",
    "compare": "two runs of one study side by side: what changed, and how sure that is",
    "ledger": "every published claim, its verdict, and the runs that it rests on",
    "serve": "the server",
    "send": "a client that sends one voice note",
    "listen": "a client that receives, and plays or saves",
    "link": "any command behind a bad network: 4G, a train, a satellite",
    "storm": "a load scenario under Locust: the old architecture and the new, a busy hour, a wave of reconnects",
    "code": "any sound file, of any length, into a coded one, or a coded one into WAV",
    "slice": "a long recording cut into slices that play alone and say where they belong",
    "join": "slices put together again, without loss",
    "corpus": "speech to measure on: what can be fetched, under which licence, and what yours holds",
    "score": "how good files sound beside their original: ViSQOL, PESQ, STOI and more, on two scales",
    "services": "Redis, PostgreSQL and nginx: started, asked, stopped",
    "jupyter": "JupyterLab on the notebooks",
    "doctor": "what is here, what is missing, and the line that installs it",
    "test": "every check and every test",
}

HELP = """usage: ./lab VERB [options]     ./lab VERB --help says more

{verbs}

begin with: ./lab run              a report about this machine, in results/report/index.html
       and: ./lab jupyter          the same questions, as notebooks
"""


def main(argv: list[str]) -> int:
    """Do what was asked. Exit code 0 when it is done, 1 when it failed, 2 when it was asked wrongly, 130 on Ctrl-C."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(HELP.format(verbs="\n".join(f"  {verb:<9}{line}" for verb, line in VERBS.items())), end="")
        return 0 if argv else 2
    verb = argv[0]
    if verb not in VERBS:
        return complain(f"lab: {unknown(verb)}", 2)
    try:
        return int(import_module(f"imlab.desk.{verb}").main(argv[1:]))
    except UsageError as error:
        return complain(f"lab {verb}: {error}", 2)
    except (PeerError, DoorError, InvalidRun) as error:
        return complain(f"lab {verb}: {error}", 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output left, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def unknown(verb: str) -> str:
    """What to say of a word that is no verb."""
    near = get_close_matches(verb, VERBS, n=1)
    guess = f"did you mean {near[0]}?" if near else f"there are {', '.join(VERBS)}"
    return f"no verb {verb}; {guess}"


def complain(line: str, code: int) -> int:
    """One line on stderr."""
    print(line, file=sys.stderr)
    return code
