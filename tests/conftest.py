"""How all tests run: by their marks, without a clock; and the speech that they hear."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

from imlab.audio.clip import Clip
from imlab.audio.join import cut
from imlab.audio.speech.corpus import Corpus, open_corpus

settings.register_profile("imlab", deadline=None, print_blob=True)  # a loaded machine is slow, not wrong
settings.register_profile("ci", parent=settings.get_profile("imlab"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI", "").lower() in ("1", "true") else "imlab")

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # begun in the background of a script: Ctrl-C is tested all the same
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """IMLAB_CORPUS, else what was fetched before, else the synthesiser: a test never needs the network."""
    return open_corpus(download=False)


@pytest.fixture(scope="session")
def speech(corpus: Corpus) -> Clip:
    """Eight seconds at 16 kHz, of one clip where the first is long enough, else of several joined."""
    first = next(iter(corpus.clips(limit=1)))
    return cut(first, 8.0) if first.seconds >= 8 else corpus.note(8.0)
