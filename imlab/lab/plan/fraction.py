"""A regular fraction of a two-level factorial, 2^(k-p), with everything that it confuses stated.

Box, Hunter and Hunter, Statistics for Experimenters (2nd edition 2005), chapter 6. The factors are lettered in their
order; of each the first level is the old side (-) and the second the new (+). A generator such as ``D=ABC`` says
that D takes, in every cell, the sign of A times B times C. Then the product of all four letters is + in every cell:
``I = ABCD``, where I, the identity, is the column of plus signs (and no factor's letter).

Signs multiply as words: a letter times itself is I, so a product is the letters that are in one word or the other,
not in both. The p generators give p words equal to I; these and all their products are the *defining relation*,
2^p - 1 words. An effect times each of them gives its *aliases*: columns with the same signs, effects that these
cells cannot tell apart. The *resolution* is the length of the shortest word: at III a main effect may be a
two-factor interaction in disguise, at IV two of those may be each other, at V neither.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imlab.errors import UsageError
from imlab.lab.plan.factorial import Factors, Pick

LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


@dataclass(frozen=True, slots=True)
class Word:
    """A product of letters, each once and in order, with its sign; without letters it is the identity."""

    letters: str
    sign: int = 1

    def __mul__(self, other: Word) -> Word:
        """A letter times itself is the identity."""
        return Word("".join(sorted(set(self.letters) ^ set(other.letters))), self.sign * other.sign)

    def __str__(self) -> str:
        """``ABC`` or ``-ABC``."""
        return ("-" if self.sign < 0 else "") + (self.letters or "I")


@dataclass(frozen=True, slots=True)
class Fraction:
    """The cells of a two-level factorial that keep to the generators: ``Fraction(("D=ABC",))``, ``("D=-ABC",)``."""

    generators: tuple[str, ...]

    def __post_init__(self) -> None:
        """Each generator gives one new letter the sign of letters that have no generator."""
        if not self.generators:
            raise UsageError("a fraction without a generator is the full factorial: say Full()")
        for text in self.generators:
            if not (found := re.fullmatch(r"([A-HJ-Z])=-?([A-HJ-Z]+)", text)) or len(set(found[2])) < len(found[2]):
                raise UsageError(f"a generator reads D=ABC or D=-ABC, each letter once and never I, not {text!r}")
        if len(made := {text[0] for text in self.generators}) < len(self.generators):
            raise UsageError(f"one generator for each letter, not {', '.join(self.generators)}")
        if any(made & set(text[2:]) for text in self.generators):
            raise UsageError(f"generators rest on free letters, not on each other's: {', '.join(self.generators)}")
        if self.resolution < 3:
            raise UsageError(f"resolution {ROMAN[self.resolution]}: I = {self.words[0]} makes two factors one")

    @property
    def words(self) -> tuple[Word, ...]:
        """The defining relation: every word whose sign is + in all cells, the shortest first."""
        first = [Word(text[0]) * _word(text[2:]) for text in self.generators]
        chosen = itertools.chain.from_iterable(itertools.combinations(first, n + 1) for n in range(len(first)))
        return tuple(sorted((math.prod(words, start=Word("")) for words in chosen), key=_length))

    @property
    def resolution(self) -> int:
        """The length of the shortest word of the defining relation."""
        return len(self.words[0].letters)

    def aliases(self, effect: Word) -> tuple[Word, ...]:
        """What else has this effect's signs in these cells, the simplest first."""
        return tuple(sorted((effect * word for word in self.words), key=_length))

    def check(self, factors: Factors) -> None:
        """Two levels each, a letter each, and every letter of the generators a factor."""
        if wrong := [name for name, levels in factors.items() if len(levels) != 2]:
            raise UsageError(f"a fraction needs factors of two levels, old and new; see {', '.join(wrong)}")
        if not len(self.generators) < len(factors) <= len(LETTERS):
            raise UsageError(f"{len(self.generators)} generators do not fit {len(factors)} factors")
        if strange := set("".join(self.generators)) - set(LETTERS[: len(factors)]) - {"=", "-"}:
            raise UsageError(f"{', '.join(sorted(strange))} is no factor: {_legend(list(factors))}")

    def picks(self, factors: Factors) -> list[Pick]:
        """The cells that keep to the defining relation, in the order of the full factorial."""
        free = [letter for letter in LETTERS[: len(factors)] if letter not in {text[0] for text in self.generators}]
        cells = [self._whole(dict(zip(free, signs, strict=True))) for signs in _signs(len(free))]
        return sorted(tuple(int(cell[letter] > 0) for letter in LETTERS[: len(factors)]) for cell in cells)

    def told(self, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The defining relation, the resolution and the aliases of every main effect and two-factor interaction."""
        letters = LETTERS[: len(labels)]
        effects = [Word("".join(pair)) for n in (1, 2) for pair in itertools.combinations(letters, n)]
        return {
            "kind": f"2^({len(labels)}-{len(self.generators)})",
            "letters": dict(zip(letters, labels, strict=True)),
            "generators": list(self.generators),
            "defining relation": [str(word) for word in self.words],
            "resolution": ROMAN[self.resolution] if self.resolution < len(ROMAN) else str(self.resolution),
            "aliases": {str(effect): [str(word) for word in self.aliases(effect)] for effect in effects},
        }

    def text(self, labels: Mapping[str, Sequence[Any]]) -> str:
        """The same to be read, by factors in their order (``experiment.factors`` will do)."""
        told = self.told(labels)
        cells = 2 ** (len(labels) - len(self.generators))
        lines = [
            f"{told['kind']}: {cells} of {2 ** len(labels)} cells, resolution {told['resolution']}",
            _legend(list(labels)),
            f"generators: {', '.join(self.generators)}",
            f"defining relation: {' = '.join(['I', *told['defining relation']])}",
            *(" = ".join([effect, *others]) for effect, others in told["aliases"].items()),
        ]
        return "\n".join(lines)

    def _whole(self, cell: dict[str, int]) -> dict[str, int]:
        """The signs of the free letters, and of those that the generators give."""
        words = {text[0]: _word(text[2:]) for text in self.generators}
        return cell | {made: word.sign * math.prod(cell[one] for one in word.letters) for made, word in words.items()}


def _word(text: str) -> Word:
    letters = text.removeprefix("-")
    return Word("".join(sorted(letters)), -1 if text != letters else 1)


def _length(word: Word) -> tuple[int, str]:
    return len(word.letters), word.letters


def _signs(count: int) -> itertools.product[tuple[int, ...]]:
    return itertools.product((-1, 1), repeat=count)


def _legend(factors: Sequence[str]) -> str:
    return ", ".join(f"{letter} = {factor}" for letter, factor in zip(LETTERS, factors, strict=False))
