"""The bytes of a file that have come so far, from wherever in it."""

from __future__ import annotations

from bisect import bisect_right


class Held:
    """Stretches of a file, apart where bytes between them are missing. It keeps all that came: going back is free."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._parts: list[bytearray] = []

    def add(self, at: int, data: bytes) -> None:
        """Bytes from ``at`` on; what is there already is not overwritten."""
        while data:
            missing = self.gap(at)
            data, at = data[missing - at :], missing
            following = bisect_right(self._starts, at)
            room = self._starts[following] - at if following < len(self._starts) else len(data)
            self._put(at, data[:room], following)
            data, at = data[room:], at + room

    def gap(self, at: int) -> int:
        """The first byte at or after ``at`` that is missing."""
        number = bisect_right(self._starts, at) - 1
        return max(at, self._end(number)) if number >= 0 else at

    def read(self, start: int, stop: int) -> bytes:
        """Bytes start..stop, or as many of them as are held without a gap."""
        number = bisect_right(self._starts, start) - 1
        if number < 0:
            return b""
        begin = self._starts[number]
        return bytes(self._parts[number][start - begin : stop - begin])

    def _end(self, number: int) -> int:
        return self._starts[number] + len(self._parts[number])

    def _put(self, at: int, data: bytes, following: int) -> None:
        """Bytes into a gap: behind the stretch before, and joined to the one after where they meet."""
        if not data:
            return
        if following and self._end(following - 1) == at:
            self._parts[following - 1] += data
        else:
            self._starts.insert(following, at)
            self._parts.insert(following, bytearray(data))
            following += 1
        if following < len(self._starts) and self._end(following - 1) == self._starts[following]:
            self._parts[following - 1] += self._parts.pop(following)
            del self._starts[following]
