"""WordNet 3.0 as far as single words go: senses, synonyms, base forms. See ``build``."""

import gzip
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

Pos = Literal["n", "v", "a", "r"]
"""Noun, verb, adjective, adverb."""

_ENDINGS: dict[Pos, tuple[tuple[str, str], ...]] = {
    "n": (("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"), ("ches", "ch"),
          ("shes", "sh"), ("men", "man"), ("ies", "y")),
    "v": (("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"),
          ("ing", "")),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sense:
    """``head``: the first word of the synset, blanks as ``_``. ``count``: how often WordNet's
    tagged texts use the word in this sense. ``synonyms``: the other words that they use in it,
    with their counts."""

    head: str
    count: int = 0
    synonyms: tuple[tuple[str, int], ...] = ()


@lru_cache(maxsize=1)
def _table() -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], list[str]]]:
    """(part of speech, lemma) -> count and senses as text; (same, irregular form) -> lemmas."""
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
    """How often WordNet's tagged texts use the lemma as this part of speech."""
    return int(_table()[0].get((pos, lemma), "").partition("\t")[0] or 0)


@lru_cache(maxsize=4096)
def senses(lemma: str, pos: Pos) -> tuple[Sense, ...]:
    """Senses of a base form, in WordNet's order; none for a word without any synonym."""
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
    """Base forms that WordNet's own rules find for a word; it may be one itself."""
    irregular = _table()[1]
    if (pos, word) in irregular:
        return _known([word, *irregular[pos, word]], pos)
    forms = _without_ending([word], pos)
    found = _known([word, *forms], pos)
    while forms and not found:
        forms = _without_ending(forms, pos)
        found = _known(forms, pos)
    return found


def heads(word: str, pos: Pos) -> list[str]:
    """The first word of each synset of the word's base forms, in the order of their senses."""
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
