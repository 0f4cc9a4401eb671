"""Base forms and inflections of English words, by lemminflect's tables."""

from functools import lru_cache
from typing import Literal

Class = Literal["NOUN", "VERB", "ADJ", "ADV"]


@lru_cache(maxsize=8192)
def lemma(word: str, kind: Class) -> str | None:
    """The first base form that the tables know for a word of this class."""
    from lemminflect import getAllLemmas

    found = getAllLemmas(word, upos=kind)
    return found[kind][0] if found.get(kind) else None


@lru_cache(maxsize=8192)
def forms(base: str, kind: Class) -> tuple[tuple[str, str], ...]:
    """(Penn tag, form) of every inflection; several tags may share a form."""
    from lemminflect import getAllInflections

    found: dict[str, tuple[str, ...]] = getAllInflections(base, upos=kind)
    return tuple((tag, form) for tag, several in found.items() for form in several)


@lru_cache(maxsize=8192)
def inflected(base: str, tag: str) -> str:
    """The form of a base form for a Penn tag; by rule where the tables do not know it."""
    if tag in ("NN", "VB", "JJ"):
        return base
    from lemminflect import getInflection

    found: tuple[str, ...] = getInflection(base, tag=tag)
    return found[0] if found else base


def cased_like(model: str, word: str) -> str:
    """``word`` with the capital letters of ``model``: all, the first, or none of its own."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
