"""One archive of the user's package index, through pip: its finder and session know the index, proxy and certificates.

Run as ``python -m imlab.audio.speech.download PROJECT ARCHIVE BYTES PLACE``: pip allows no use but in its own process.
``pip download`` itself will not do: it runs the build of a source archive only to learn its name. Here nothing
of the archive is run or unpacked. Progress goes to stderr when that is a terminal; the exit code says how it went.
"""

from __future__ import annotations

import sys
from optparse import Values
from pathlib import Path

from pip._internal.commands.download import DownloadCommand
from pip._internal.models.format_control import FormatControl
from pip._internal.models.link import Link
from pip._internal.network.session import PipSession
from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks
from tqdm import tqdm

from imlab.audio.speech.recordings import LACKING, UNANSWERED

OPTIONS = ("--no-cache-dir", "--retries=1", "--timeout=15", "--no-input", "--disable-pip-version-check", "--quiet")


class Fetch(DownloadCommand):
    """pip's own download command up to the point where it knows the link."""

    def run(self, options: Values, args: list[str]) -> int:
        """args: project, archive, its size in bytes, the place to write to."""
        project, archive, size, place = args
        options.format_control = FormatControl(set(), set())  # a user's "no source archives" is about building them
        session = self.get_default_session(options)
        finder = self._build_package_finder(options=options, session=session, ignore_requires_python=True)
        known = [found.link for found in finder.find_all_candidates(project)]
        links = [link for link in known if link.filename == archive]
        if not links:
            return LACKING if known else UNANSWERED
        _save(session, links[0], int(size), Path(place))
        return 0


def _save(session: PipSession, link: Link, size: int, place: Path) -> None:
    """Every byte, or one chunk more than there should be: enough to see that it is another file."""
    response = session.get(link.url_without_fragment, headers=HEADERS, stream=True)
    raise_for_status(response)
    with place.open("wb") as file, tqdm(total=size, unit="B", unit_scale=True, desc=link.filename, disable=None) as bar:
        for chunk in response_chunks(response):
            file.write(chunk)
            bar.update(len(chunk))
            if file.tell() > size:
                return


if __name__ == "__main__":
    sys.exit(Fetch("download", "an archive").main([*OPTIONS, *sys.argv[1:]]))
