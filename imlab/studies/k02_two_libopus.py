"""Does another libopus sound better than ours, or cost less, and what do its complexities buy?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from imlab.audio.clip import Clip
from imlab.audio.speech.corpus import open_corpus
from imlab.codec.opus import BITRATES
from imlab.errors import DoorError, PeerError, UsageError
from imlab.lab.running.pool import workers
from imlab.studies.two_libopus.build import open_build
from imlab.studies.two_libopus.comparison import measure, ways
from imlab.studies.two_libopus.report import Found, plain, tables

USUAL = (6_000, 8_000, 12_000, 16_000, 24_000)  # bit/s
RATE = 16_000  # Hz
SEED = 20_260_202  # of the clips

EPILOG = """\
Three questions, each answered clip by clip with 95 % intervals over clips (none under 6):
  builds       the other libopus over ours, both complexities of the encoder
  complexity   the encoder's complexity 3 over 10, within each libopus
  networks     decoder complexity 6 (LACE) and 7 (NoLACE) over 0, within a libopus that was built with them

Ours is the one that ./lab doctor names. Each works in a process of its own, and the two take turns on every clip, so
that a busy machine is busy for both; scores (ViSQOL, PESQ where it is installed) are computed by all cores when neither
works, and kept. LACE and NoLACE mend wide-band voice only: where the encoder has gone down to narrow or medium band, at
the lowest bitrates, they change nothing.

--json prints {"machine", "corpus", "clips", "seconds", "against", "builds": [{"side", "libopus", "source", "path"}],
"levels": [{"side", "bitrate", "complexity", "decoder_complexity", "kbps", "encode_ms", "decode_ms", "scores": {metric:
mean}, "reasons": [text]}], "differences": [{"question", "new", "old", "scores": {metric: interval}, "size", "encode",
"decode": interval}]}; new and old are a side and settings as in levels; an interval is {"estimate", "low", "high", "n",
"method", "level"}: points for scores, and for the rest parts of the old (0.1: a tenth more); low and high are null
where there is no interval.

examples:
  python -m imlab.studies.k02_two_libopus libopus.so.0              the system's
  python -m imlab.studies.k02_two_libopus ~/opus/build/libopus.so --clips 20
  python -m imlab.studies.k02_two_libopus ./libopus.so --bitrates 12000 16000 --json
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when it was measured, 1 when it could not be, 2 when it was asked wrongly, 130 on Ctrl-C."""
    options = _parser().parse_args(argv)
    try:
        found = _measured(options)
    except (UsageError, DoorError, PeerError) as error:
        sys.stderr.write(f"k02: {error}\n")
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(json.dumps(plain(found), indent=1) + "\n" if options.json else "\n".join(tables(found)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m imlab.studies.k02_two_libopus",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("other", metavar="OTHER.so", help="another libopus: a file, or a name that the linker knows")
    parser.add_argument("--clips", type=int, default=12, metavar="N", help="recordings of the corpus (12)")
    parser.add_argument("--seconds", type=float, default=6.0, metavar="S", help="of each, from its beginning (6)")
    parser.add_argument(
        "--bitrates",
        type=int,
        nargs="+",
        default=USUAL,
        metavar="BITS",
        help=f"bits per second ({' '.join(map(str, USUAL))})",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _measured(options: argparse.Namespace) -> Found:
    if options.clips < 1 or not 1 <= options.seconds <= 20:
        raise UsageError("take one clip or more, of 1 to 20 s: what ViSQOL and PESQ can judge")
    if wrong := [bitrate for bitrate in options.bitrates if bitrate not in BITRATES]:
        raise UsageError(f"Opus has no bitrate {wrong[0]}: from {BITRATES[0]} to {BITRATES[-1]} bit/s")
    return compare(options.other, options.bitrates, options.clips, options.seconds)


def compare(other: str, bitrates: Sequence[int], count: int, seconds: float) -> Found:
    """Measure, with a bar where somebody looks."""
    corpus = open_corpus()
    count = min(count, len(corpus.entries))
    clips = (_beginning(clip, seconds) for clip in corpus.clips(RATE, limit=count, seed=SEED))
    file = str(Path(other).expanduser().resolve()) if Path(other).expanduser().exists() else other
    with ExitStack() as stack:
        builds = [stack.enter_context(open_build(path)) for path in ("", file)]
        pool = stack.enter_context(workers())
        chosen = ways(builds, bitrates)
        total = 2 * count * len(chosen)  # each is sent, then scored
        bar = stack.enter_context(tqdm(total=total, desc="sent and scored", unit="clip", disable=None))
        outcomes = measure(builds, chosen, clips, pool, bar.update)
    return Found(builds, outcomes, str(corpus), count, seconds, RATE)


def _beginning(clip: Clip, seconds: float) -> Clip:
    return Clip(clip.samples[: round(seconds * clip.rate)], clip.rate)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
