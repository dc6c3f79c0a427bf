"""An upload in parts, by the article's form: what a part must say, where it lies in the file, what is missing.

All parts but the last have one size, so part ``i`` lies at ``i * size`` and needs no other part to find its place.
Where that size comes from, the first that is there:

1. the upload, which knows it since its first part;
2. field ``chunkSize``, or field ``offset`` (of part ``i`` > 0; it is a multiple of ``i``);
3. the part's own length, if it is not the last, or if it is the only one.

So a client that says only fileId, chunkIndex, totalChunks and data may send parts in any order and in parallel, but
not the last one first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imlab.errors import PeerError
from imlab.server.upload_terms import UploadTerms
from imlab.wire import limits

DIGITS = 16  # of a number in a field: what a JavaScript client counts exactly
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"  # of an id: a file name, too


class Malformed(PeerError):
    """It is not what it has to be, whatever came before."""


class TooLarge(PeerError):
    """More bytes than are taken."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is said of a part: number ``index``, from 0, of ``total``. size: bytes of all but the last, if said."""

    file: str
    index: int
    total: int
    size: int | None

    @property
    def last(self) -> bool:
        """Is it the one that may be shorter?"""
        return self.index == self.total - 1


@dataclass(frozen=True, slots=True)
class Cut:
    """How a file is cut: in ``total`` parts, each but the last of ``size`` bytes."""

    total: int
    size: int

    def fit(self, index: int, length: int) -> None:
        """Refuse a part that is longer or shorter than its place."""
        last = index == self.total - 1
        if not (0 < length <= self.size if last else length == self.size):
            exactly = f"1 to {self.size}" if last else str(self.size)
            raise Malformed(f"part {index} of {self.total} has {length} bytes, not {exactly}")


def part(fields: Mapping[str, str], terms: UploadTerms) -> Part:
    """What the fields of a form say; Malformed or TooLarge when that cannot be."""
    total = _number(fields, "totalChunks", least=1, most=terms.parts)
    index = _number(fields, "chunkIndex", most=total - 1)
    size = _number(fields, "chunkSize", least=1) if "chunkSize" in fields else None
    if "offset" in fields:
        size = _size_of(index, _number(fields, "offset"), size)
    if size is not None and (total - 1) * size >= terms.file:
        raise TooLarge(f"{total} parts of {size} bytes, the limit is {terms.file} bytes")
    return Part(file_id(fields.get("fileId", "")), index, total, size)


def file_id(text: str) -> str:
    """The id as a client may choose it: also a name on any disk, and no other than itself."""
    if 0 < len(text) <= limits.NAME and text[0] != "." and not text.strip(LETTERS):
        return text
    raise Malformed(f"fileId is 1..{limits.NAME} letters, digits, '.', '_' or '-', the first no '.', not {text!r:.60}")


def cut(said: Part, known: Cut | None, length: int | None, terms: UploadTerms) -> Cut | None:
    """How the file is cut, as far as can be told; None: when the part's length is known. PeerError: it contradicts."""
    if known is not None:
        if said.total != known.total or said.size not in (None, known.size):
            raise PeerError(
                f"{said.file} has {known.total} parts of {known.size} bytes, not {said.total} of {said.size or 'some'}"
            )
        return known
    if said.size is None and length is not None:
        return _by_length(said, length, terms)
    return None if said.size is None else Cut(said.total, said.size)


def _by_length(said: Part, length: int, terms: UploadTerms) -> Cut:
    if length < 1:
        raise Malformed(f"part {said.index} of {said.file} is empty")
    if said.last and said.total > 1:
        raise PeerError(f"where does the last part of {said.file} begin? say chunkSize, or send another part first")
    if (said.total - 1) * length >= terms.file:
        raise TooLarge(f"{said.total} parts of {length} bytes, the limit is {terms.file} bytes")
    return Cut(said.total, length)


def _size_of(index: int, offset: int, size: int | None) -> int | None:
    """What an offset tells of the size of parts."""
    if index == 0 and offset == 0:
        return size
    if index == 0 or offset == 0 or offset % index or size not in (None, offset // index):
        raise Malformed(f"part {index} cannot begin at byte {offset}, where every part before it has the same size")
    return offset // index


def _number(fields: Mapping[str, str], name: str, least: int = 0, most: int = limits.INTEGER) -> int:
    text = fields.get(name, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else -1
    if not least <= number <= most:
        raise Malformed(f"{name} is {least}..{most}, not {text!r:.40}")
    return number
