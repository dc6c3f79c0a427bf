"""Execute a notebook without a screen, and make of it either the file that git keeps or a page that opens offline.

Executed twice over the same rows, a notebook is the same bytes: what changes by itself (clocks, versions, where the
kernel lay) is not kept.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from html import unescape
from pathlib import Path
from typing import IO, Any

import nbformat
from markupsafe import Markup
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from traitlets.config import Config

from imlab.desk.report.page import fill, image
from imlab.errors import DoorError

LIMIT_S = 1200  # for one cell: a notebook may measure at smoke scale
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}

Notebook = Any  # nbformat's own is a dictionary that answers to attributes


def execute(path: Path, scale: str) -> Notebook:
    """Run from top to bottom in a fresh kernel with IMLAB_SCALE set; DoorError names the cell that failed."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as complaints:
        client = NotebookClient(
            notebook,
            timeout=LIMIT_S,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(path.parent)}},
            config=_apart(home),
        )
        try:
            # IPYTHONDIR: the reader's own IPython profile has no say
            environment = {**os.environ, "IMLAB_SCALE": scale, "IPYTHONDIR": home}
            _finish(client.async_execute(env=environment, stderr=complaints))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise DoorError(f"{path.name}: {_cause(error, complaints)}") from error
    return tidy(notebook)


def tidy(notebook: Notebook) -> Notebook:
    """Without what changes by itself."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {})
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("text/plain", None) if _richer(output) else None
    return notebook


def text(notebook: Notebook) -> str:
    """As git keeps it."""
    return str(nbformat.writes(notebook, version=4)).rstrip("\n") + "\n"


def page(notebook: Notebook, title: str) -> str:
    """As HTML that needs nothing from anywhere, in the report's own look."""
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    body, _ = exporter.from_notebook_node(_with_words(notebook))
    return fill("notebook.html", title=title, body=_moved(body))


def _with_words(notebook: Notebook) -> Notebook:
    """Its figures as images with their own description, where nbconvert would leave them without."""
    told = deepcopy(notebook)
    for output in (output for cell in told.cells for output in cell.get("outputs", [])):
        if svg := output.get("data", {}).pop("image/svg+xml", ""):
            output["data"]["text/html"] = Markup("<figure>{}</figure>").format(image(svg, _description(svg)))
    return told


def _description(svg: str) -> str:
    """The words that a figure carries."""
    found = re.search("<desc>(.*?)</desc>", svg, re.DOTALL)
    return unescape(found.group(1)) if found else ""


def _moved(body: str) -> str:
    """Links that led from notebooks/ lead from results/report/notebooks/; another notebook is another page."""
    body = re.sub(r'((?:src|href)=")\.\./results/', r"\1../../", body)
    return re.sub(r'(href="[\w-]+)\.ipynb"', r'\1.html"', body)


def _finish(work: Coroutine[Any, Any, object]) -> None:
    """Run to the end in a thread, where nbclient sets no signal handlers: Ctrl-C is ours, and ends the kernel first."""
    with asyncio.Runner() as runner, ThreadPoolExecutor(1) as apart:
        loop = runner.get_loop()
        try:
            apart.submit(runner.run, work).result()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(_cancel_all, loop)
            raise


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


def _apart(home: str) -> Config:
    """A kernel that is spoken to through files of its own: no port, nobody listens in."""
    return Config({"ConnectionFileMixin": {"transport": "ipc", "connection_file": f"{home}/kernel.json"}})


def _richer(output: Notebook) -> bool:
    """Whether an output has a form that is better than its repr."""
    return any(kind != "text/plain" for kind in output.get("data", {}))


def _cause(error: Exception, complaints: IO[bytes]) -> str:
    """What went wrong, without the traceback's pages: the cell's error, or the last word of a kernel that died."""
    complaints.seek(0)
    said = complaints.read().decode(errors="replace").strip().split("\n")[-1] if type(error) is DeadKernelError else ""
    named = getattr(error, "ename", ""), getattr(error, "evalue", "")
    return ": ".join(part for part in (*(named if any(named) else (str(error).strip().split("\n")[-1],)), said) if part)
