"""WordNet 3.0 as far as single words go: senses, synonyms, base forms.

It is read from the table that ``build`` derives; the form of its rows is told there.
"""

import gzip
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

Pos = Literal["n", "v", "a", "r"]
"""The parts of speech by WordNet's letters: noun, verb, adjective and adverb."""

_ENDINGS: dict[Pos, tuple[tuple[str, str], ...]] = {
    "n": (("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"), ("ches", "ch"),
          ("shes", "sh"), ("men", "man"), ("ies", "y")),
    "v": (("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"),
          ("ing", "")),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}  # fmt: skip
"""The endings that WordNet's own rules take off a word, and what they put in the place of each."""


@dataclass(frozen=True, slots=True)
class Sense:
    """A meaning of a word, which WordNet calls a synset.

    ``head`` is the first word of the synset, with ``_`` for blanks. ``count`` says how often
    WordNet's tagged texts use the word in this sense; ``synonyms`` are the other words that they
    use in it, with their counts.
    """

    head: str
    count: int = 0
    synonyms: tuple[tuple[str, int], ...] = ()


@lru_cache(maxsize=1)
def _table() -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], list[str]]]:
    """Returns count and senses, as text, by part of speech and base form, and the base forms by
    part of speech and irregular form."""
    packed = files("steadycode.recode.language").joinpath("words.txt.gz").read_bytes()
    rows, irregular = {}, {}
    for line in gzip.decompress(packed).decode().splitlines():
        pos, word, rest = line.split("\t", 2)
        if pos.endswith("!"):
            irregular[pos[0], word] = rest.split(" ")
        else:
            rows[pos, word] = rest
    return rows, irregular


def count(lemma: str, pos: Pos) -> int:
    """Returns how often WordNet's tagged texts use the base form as this part of speech."""
    return int(_table()[0].get((pos, lemma), "").partition("\t")[0] or 0)


@lru_cache(maxsize=4096)
def senses(lemma: str, pos: Pos) -> tuple[Sense, ...]:
    """Returns the senses of a base form in WordNet's order; none for a word without synonyms."""
    row = _table()[0].get((pos, lemma))
    if row is None:
        return ()
    return tuple(_sense(lemma, text) for text in row.partition("\t")[2].split(" "))


def _sense(lemma: str, text: str) -> Sense:
    head, *rest = text.split("|")
    if not rest:
        return Sense(head or lemma)
    pairs = (pair.rsplit("=", 1) for pair in rest[1:])
    return Sense(head or lemma, int(rest[0]), tuple((word, int(uses)) for word, uses in pairs))


def lemmas(word: str, pos: Pos) -> list[str]:
    """Returns the base forms that WordNet's own rules find for a word; it may be one itself."""
    irregular = _table()[1]
    if (pos, word) in irregular:
        return _known([word, *irregular[pos, word]], pos)
    forms = _without_ending([word], pos)
    known = _known([word, *forms], pos)
    while forms and not known:
        forms = _without_ending(forms, pos)
        known = _known(forms, pos)
    return known


def heads(word: str, pos: Pos) -> list[str]:
    """Returns the first word of each synset of the word's base forms, in the order of senses."""
    word = word.lower()
    return [sense.head for lemma in lemmas(word, pos) for sense in senses(lemma, pos)]


def _known(forms: list[str], pos: Pos) -> list[str]:
    rows = _table()[0]
    return list(dict.fromkeys(form for form in forms if (pos, form) in rows))


def _without_ending(forms: list[str], pos: Pos) -> list[str]:
    return [
        form[: -len(old)] + new
        for form in forms
        for old, new in _ENDINGS[pos]
        if form.endswith(old)
    ]
