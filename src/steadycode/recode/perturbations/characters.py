"""Slips of the typing hand, on words. The rates are those of the published benchmark."""

from collections.abc import Callable, Sequence
from random import Random

Slip = Callable[[Sequence[str], Random], list[str]]
"""Returns as many words as it gets, of which at least one differs if any can."""

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_OFFSETS = (0.0, 0.25, 0.75)  # a standard keyboard's rows are staggered, in key widths


def _neighbours() -> dict[str, str]:
    """Returns for each letter the adjacent ones, which are less than 1.3 key widths away."""
    place = {
        letter: (column + offset, row)
        for row, (letters, offset) in enumerate(zip(_ROWS, _OFFSETS, strict=True))
        for column, letter in enumerate(letters)
    }
    return {
        letter: "".join(
            other
            for other, (x2, y2) in sorted(place.items())
            if other != letter and (x - x2) ** 2 + (y - y2) ** 2 < 1.3**2
        )
        for letter, (x, y) in place.items()
    }


NEIGHBOURS = _neighbours()


def press_neighbours(words: Sequence[str], random: Random, rate: float = 0.05) -> list[str]:
    """Replaces letters by those of a neighbouring key, in the same case."""

    def slip(letters: list[str], at: int) -> None:
        pressed = random.choice(NEIGHBOURS[letters[at].lower()])
        letters[at] = pressed.upper() if letters[at].isupper() else pressed

    def can(word: str, at: int) -> bool:
        return word[at].lower() in NEIGHBOURS

    return _at_random(words, random, rate, can, slip, once=True)


def swap_neighbours(words: Sequence[str], random: Random, rate: float = 0.05) -> list[str]:
    """Exchanges letters that stand side by side and differ."""

    def can(word: str, at: int) -> bool:
        return word[at : at + 2].isalpha() and at + 1 < len(word) and word[at] != word[at + 1]

    def slip(letters: list[str], at: int) -> None:
        letters[at], letters[at + 1] = letters[at + 1], letters[at]

    return _at_random(words, random, rate, can, slip, once=True)


def change_case(words: Sequence[str], random: Random, rate: float = 0.35) -> list[str]:
    """Turns capitals into small letters and the other way round."""

    def can(word: str, at: int) -> bool:
        other = word[at].swapcase()
        return len(other) == 1 and other != word[at]  # the capital of "ß" is "SS"

    def slip(letters: list[str], at: int) -> None:
        letters[at] = letters[at].swapcase()

    return _at_random(words, random, rate, can, slip)


def _at_random(
    words: Sequence[str],
    random: Random,
    rate: float,
    can: Callable[[str, int], bool],
    slip: Callable[[list[str], int], None],
    once: bool = False,
) -> list[str]:
    """Slips at each possible place with probability ``rate``, and at one place at least.

    A word in which it has slipped ``once`` can take no more: with two slips few are readable.
    """
    places = [(i, at) for i, word in enumerate(words) for at in range(len(word)) if can(word, at)]
    if not places:
        return list(words)
    chosen = [place for place in places if random.random() < rate] or [random.choice(places)]
    letters = [list(word) for word in words]
    for i, at in {i: (i, at) for i, at in reversed(chosen)}.values() if once else chosen:
        if can("".join(letters[i]), at):  # an earlier slip may have moved what stood here
            slip(letters[i], at)
    return ["".join(word) for word in letters]
