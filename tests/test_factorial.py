"""Chosen cells: balanced, confused exactly as they say, stated in the plan before anything runs."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.lab.plan.design import Experiment, Row, Trial, plan
from imlab.lab.plan.factorial import Design, Full, Sweeps
from imlab.lab.plan.fraction import LETTERS, Fraction, Word

TEXTBOOK = [  # Box, Hunter and Hunter 2005, chapter 6: k, generators, resolution, words of the defining relation
    (3, ("C=AB",), "III", "ABC"),
    (4, ("D=ABC",), "IV", "ABCD"),
    (5, ("D=AB", "E=AC"), "III", "ABD ACE BCDE"),
    (5, ("E=ABCD",), "V", "ABCDE"),
    (6, ("E=ABC", "F=BCD"), "IV", "ABCE ADEF BCDF"),
    (7, ("D=AB", "E=AC", "F=BC", "G=ABC"), "III",
     "ABD ACE AFG BCF BEG CDG DEF ABCG ABEF ACDF ADEG BCDE BDFG CEFG ABCDEFG"),
    (4, ("D=-ABC",), "IV", "-ABCD"),
]  # fmt: skip


def two_level(count: int) -> dict[str, tuple[Any, ...]]:
    """Factors with an old and a new level."""
    return {f"change {letter}": ("old", "new") for letter in LETTERS[:count]}


def attempt(trial: Trial) -> Iterator[Row]:
    """Nothing, once."""
    yield {"one": 1}


def experiment(factors: dict[str, tuple[Any, ...]], design: Design) -> Experiment:
    return Experiment("q99_chosen", "Which?", "These.", attempt, factors, design=design)


def signs(fraction: Fraction, count: int) -> dict[str, tuple[int, ...]]:
    """The column of signs of every effect in the cells of the fraction, by its letters."""
    cells = [dict(zip(LETTERS, (2 * level - 1 for level in pick), strict=False))
             for pick in fraction.picks(two_level(count))]  # fmt: skip
    effects = itertools.chain.from_iterable(itertools.combinations(LETTERS[:count], n) for n in range(count + 1))
    return {"".join(effect): tuple(math.prod(cell[one] for one in effect) for cell in cells) for effect in effects}


@pytest.mark.parametrize(("count", "generators", "resolution", "relation"), TEXTBOOK)
def test_a_fraction_is_the_textbooks(count: int, generators: tuple[str, ...], resolution: str, relation: str) -> None:
    told = Fraction(generators).told(two_level(count))
    assert told["resolution"] == resolution
    assert told["defining relation"] == relation.split()


@pytest.mark.parametrize(("count", "generators"), [case[:2] for case in TEXTBOOK])
def test_aliases_are_the_effects_with_the_same_signs_and_no_others(count: int, generators: tuple[str, ...]) -> None:
    fraction = Fraction(generators)
    columns = signs(fraction, count)
    assert len(columns["A"]) == len(set(fraction.picks(two_level(count)))) == 2 ** (count - len(generators))
    for effect, aliases in fraction.told(two_level(count))["aliases"].items():
        same = {other for other in columns if other != effect and columns[other] == columns[effect]}
        opposed = {f"-{other}" for other in columns if columns[other] == tuple(-one for one in columns[effect])}
        assert sum(columns[effect]) == 0, f"{effect} has as many old as new cells"
        assert set(aliases) == same | opposed


@given(st.permutations("ABCDEF"), st.integers(1, 3), st.data())
def test_any_fraction_keeps_to_its_own_relation(letters: list[str], made: int, data: st.DataObject) -> None:
    free = st.sets(st.sampled_from(letters[made:]), min_size=2)
    generators = tuple(
        f"{one}={data.draw(st.sampled_from(['', '-']))}{''.join(data.draw(free))}" for one in letters[:made]
    )
    try:
        fraction = Fraction(generators)
    except UsageError as error:
        assert "makes two factors one" in str(error)
        return
    columns = {word: np.array(column) for word, column in signs(fraction, 6).items()}
    assert all((columns[word.letters] == word.sign).all() for word in fraction.words)
    assert len({word.letters for word in fraction.words}) == 2**made - 1
    assert len(set(fraction.picks(two_level(6)))) == 2 ** (6 - made)


def test_words_multiply_as_signs_do() -> None:
    assert str(Word("ABC") * Word("AD", -1)) == "-BCD"
    assert str(Word("AB") * Word("AB")) == "I"


def test_the_plan_states_what_is_confused_and_it_can_be_read() -> None:
    chosen = experiment(two_level(4), Fraction(("D=ABC",)))
    drawn = plan(chosen, "quick")
    design = json.loads(json.dumps(drawn.description))["design"]
    assert design["kind"] == "2^(4-1)" and design["resolution"] == "IV"
    assert design["aliases"]["A"] == ["BCD"] and design["aliases"]["AB"] == ["CD"] and len(design["aliases"]) == 10
    assert drawn.description["cells"][0] == ["old"] * 4 and len(drawn.description["cells"]) == 8
    other = plan(experiment(two_level(4), Fraction(("D=-ABC",))), "quick")
    whole = plan(experiment(two_level(4), Full()), "quick")
    assert len({drawn.hash, other.hash, whole.hash}) == 3 and "design" not in whole.description
    text = Fraction(("D=ABC",)).text(chosen.factors)
    assert "2^(4-1): 8 of 16 cells, resolution IV\nA = change A, B = change B" in text
    assert "\ndefining relation: I = ABCD\nA = BCD\n" in text and text.endswith("\nCD = AB")


def test_sweeps_leave_the_centre_one_factor_at_a_time() -> None:
    factors = {"size": (1, 2, 3), "codec": ("opus", "pcm"), "sync": (True, 1)}
    drawn = plan(experiment(factors, Sweeps({"codec": "opus", "size": 2, "sync": 1})), "smoke")
    assert drawn.experiment.cells == [
        {"size": 2, "codec": "opus", "sync": 1},
        {"size": 1, "codec": "opus", "sync": 1},
        {"size": 3, "codec": "opus", "sync": 1},
        {"size": 2, "codec": "pcm", "sync": 1},
        {"size": 2, "codec": "opus", "sync": True},
    ]
    assert [cell["sync"] is True for cell in drawn.experiment.cells] == [False, False, False, False, True]
    assert drawn.description["design"]["centre"] == {"size": "2", "codec": "opus", "sync": "1"}
    assert drawn.description["cells"][1] == ["1", "opus", "1"]


@pytest.mark.parametrize(
    ("count", "design"),
    [(5, Full()), (5, Fraction(("D=AB", "E=AC"))), (5, Sweeps(dict.fromkeys(two_level(5), "new")))],
    ids=lambda case: type(case).__name__,
)
def test_chosen_cells_fill_randomised_blocks_on_common_seeds(count: int, design: Design) -> None:
    drawn = plan(experiment(two_level(count), design), "full")
    assert json.loads(json.dumps(drawn.description)) == drawn.description, "a stored plan is recognised"
    cells = drawn.experiment.cells
    for block in range(12):
        trials = [trial for trial in drawn.trials if trial.block == block]
        assert sorted(trial.cell for trial in trials) == list(range(len(cells)))
        assert all(trial.settings == cells[trial.cell] for trial in trials)
        assert len({trial.seed for trial in trials}) == 1
    assert len({tuple(trial.cell for trial in drawn.trials if trial.block == block) for block in range(12)}) > 6


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        (lambda: Fraction(()), "say Full"),
        (lambda: Fraction(("D=ABCI",)), "never I"),
        (lambda: Fraction(("D=AAB",)), "each letter once"),
        (lambda: Fraction(("D=",)), "a generator reads"),
        (lambda: Fraction(("D=AB", "D=AC")), "one generator for each letter"),
        (lambda: Fraction(("D=AB", "E=AD")), "free letters"),
        (lambda: Fraction(("D=DAB",)), "free letters"),
        (lambda: Fraction(("D=-A",)), "resolution II: I = -AD makes two factors one"),
        (lambda: Fraction(("D=AB", "C=AB")), "resolution II: I = CD"),
        (lambda: Fraction(("E=AB",)), "E is no factor: A = change A"),
        (lambda: Sweeps({"change A": "old"}), "one level of each factor"),
        (lambda: Sweeps(dict.fromkeys(two_level(4), "older")), "'older' of change A is not among"),
    ],
)
def test_what_cannot_be_crossed_is_refused(design: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        experiment(two_level(4), design())


def test_a_fraction_crosses_two_levels_only() -> None:
    with pytest.raises(UsageError, match="two levels, old and new; see size"):
        experiment({"size": (1, 2, 3), "codec": ("opus", "pcm"), "sync": (0, 1)}, Fraction(("C=AB",)))
