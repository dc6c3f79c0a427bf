"""Where a sound device's thread leaves blocks for the thread that reads them; what it had to drop is counted, aloud."""

from __future__ import annotations

import queue
import warnings
from collections.abc import Iterator

from imlab.audio.clip import Samples
from imlab.errors import DoorError

PATIENCE = 2.0  # seconds without a block until the device counts as gone; blocks come every 10-60 ms


class Intake:
    """Blocks in order, from one thread to one other; room for ``most`` blocks."""

    def __init__(self, most: int, patience: float = PATIENCE) -> None:
        self.overruns = 0
        self._patience = patience
        self._blocks: queue.Queue[Samples | None] = queue.Queue(most + 1)
        self._most = most

    def put(self, block: Samples, overrun: bool = False) -> None:
        """From the device's thread: never waits. overrun: the device says that sound was lost before this block."""
        if overrun:
            self._count("the device had to drop sound")
        if self._blocks.qsize() < self._most:
            self._blocks.put_nowait(block)
        else:
            self._count(f"{self._most} blocks wait unread, the newest is dropped")

    def end(self) -> None:
        """No block will follow; what waits is still read. A second end changes nothing."""
        try:
            self._blocks.put_nowait(None)
        except queue.Full:
            return  # the place beyond ``most`` is taken by the first end

    def __iter__(self) -> Iterator[Samples]:
        while (block := self._next()) is not None:
            yield block

    def _next(self) -> Samples | None:
        try:
            return self._blocks.get(timeout=self._patience)
        except queue.Empty:
            raise DoorError(f"no sound has come from the device for {self._patience:g} s") from None

    def _count(self, why: str) -> None:
        self.overruns += 1
        warnings.warn(f"sound is lost: {why}", RuntimeWarning, stacklevel=3)
