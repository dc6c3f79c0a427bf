"""A file aloud while it comes: the player's wishes go to the network, its samples to whoever hears them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from imlab.audio.clip import Samples
from imlab.client.backoff import Backoff
from imlab.client.fetching.download import Download
from imlab.client.playing.file_player import FilePlayer
from imlab.net.fetching.downloading import Downloading
from imlab.net.fetching.origin import Origin

BLOCK = 4096  # samples at once: a quarter of a second at 16 kHz


async def play(
    player: FilePlayer,
    target: str,
    origin: Origin,
    random: Random,
    hear: Callable[[int, Samples], Awaitable[None]],
    backoff: Backoff | None = None,
) -> None:
    """Until all was heard. hear: told the rate in Hz and the samples, and waited for, which is what time is."""
    downloading = Downloading(origin, Download(target, player, random, backoff))
    serving = asyncio.create_task(downloading.serve())
    try:
        while not player.done:
            sound = player.take(BLOCK)
            downloading.changed()
            if len(sound):
                await hear(player.rate, sound)
            elif not player.done:
                await _more(downloading, serving)
    finally:
        serving.cancel()
        await asyncio.wait([serving])


async def _more(downloading: Downloading, serving: asyncio.Task[None]) -> None:
    """Until something has come, or never will."""
    more = asyncio.create_task(downloading.more())
    await asyncio.wait([more, serving], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        more.cancel()
        serving.result()
