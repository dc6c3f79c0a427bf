"""How the threads of a store answer: for each ticket its result, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imlab.server.doors import Committed, Page

Answer = tuple[int, Committed | Page | Exception]
Done = Callable[[Sequence[Answer]], None]  # called in the store's thread: a driver passes the answers on to its own
