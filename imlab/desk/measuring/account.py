"""An answer on a terminal: the table, the sentence, what was rejected and why, and where it is stored."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.budget import told
from imlab.desk.measuring.places import shown
from imlab.desk.report.words import count, digits


def account(answer: Answer) -> str:
    """All of it, in paragraphs."""
    parts = (_head(answer), table(answer.table), answer.conclusion, "\n".join(rejected(answer)), _stored(answer))
    return "\n\n".join(part for part in parts if part)


def table(frame: pd.DataFrame) -> str:
    """Columns of text and numbers, four digits each; nothing for an empty one."""
    if frame.empty:
        return ""
    return str(frame.to_string(index=not isinstance(frame.index, pd.RangeIndex), float_format=digits))


def _head(answer: Answer) -> str:
    """What ran and what it cost."""
    run = answer.run.manifest
    ends = ", ".join(f"{count} {outcome}" for outcome, count in run.outcomes.items())
    kept = f"{run.kept} of {count(run.blocks, 'block')} kept"
    first = f"{run.study}, {run.scale}: {kept}; trials: {ends}; {told(run.seconds)}, predicted {told(run.predicted_s)}"
    return f"{first}\n{run.watermark}" if run.watermark else first


def rejected(answer: Answer) -> Iterator[str]:
    """A line for each block that was rejected, and for each way in which trials ended badly."""
    for block, reasons in answer.run.manifest.rejected.items():
        yield f"rejected: block {int(block) + 1}: {', '.join(reasons)}"
    for bad in answer.bad_trials().to_dict("records"):
        yield f"{bad['outcome']}: {count(bad['trials'], 'trial')}: {bad['reason']}"


def _stored(answer: Answer) -> str:
    return f"stored in {shown(answer.run.path)}"
