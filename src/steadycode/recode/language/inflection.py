"""Base forms and inflections of English words, by lemminflect's tables."""

from functools import lru_cache
from typing import Literal

Class = Literal["NOUN", "VERB", "ADJ", "ADV"]


@lru_cache(maxsize=8192)
def lemma(word: str, kind: Class) -> str | None:
    """Returns the first base form that the tables know for a word of this class, or None."""
    from lemminflect import getAllLemmas

    lemmas: dict[str, tuple[str, ...]] = getAllLemmas(word, upos=kind)
    return next(iter(lemmas.get(kind, ())), None)


@lru_cache(maxsize=8192)
def forms(base: str, kind: Class) -> tuple[tuple[str, str], ...]:
    """Returns (Penn tag, form) for every inflection of a base form; tags may share a form."""
    from lemminflect import getAllInflections

    inflections: dict[str, tuple[str, ...]] = getAllInflections(base, upos=kind)
    return tuple((tag, form) for tag, several in inflections.items() for form in several)


@lru_cache(maxsize=8192)
def inflected(base: str, tag: str) -> str:
    """Returns a base form as its Penn tag wants it; by rule where the tables do not know it."""
    if tag in ("NN", "VB", "JJ"):
        return base
    from lemminflect import getInflection

    inflections: tuple[str, ...] = getInflection(base, tag=tag)
    return inflections[0] if inflections else base


def cased_like(model: str, word: str) -> str:
    """Returns ``word`` with the capitals of ``model``: all, the first, or none but its own."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
