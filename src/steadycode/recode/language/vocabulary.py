"""Whether some letters are a word of English, so that a slip of the hand does not write another."""

from functools import lru_cache
from typing import get_args

from steadycode.recode.language.inflection import Class, lemma
from steadycode.recode.language.tagger import FUNCTION_WORDS


@lru_cache(maxsize=8192)
def is_english(text: str) -> bool:
    """Says whether a text is an English word in any of its forms, capitals or not."""
    word = text.lower()
    return word in FUNCTION_WORDS or any(lemma(word, kind) for kind in get_args(Class))


def is_another_word(before: str, after: str) -> bool:
    """Says whether ``before`` has become another word: ``of`` that is ``if`` now."""
    return after.lower() != before.lower() and is_english(after)
