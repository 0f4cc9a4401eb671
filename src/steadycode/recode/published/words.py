"""Inflections, synonyms and translation as published.

The originals tagged with NLTK and spaCy; here ``language.tagger`` does, so that a row is byte-equal
only where the tags agree. All else is as there: tokens, candidates, draws, and the joining that
loses line breaks or splits closing quotes. Each rule says whether it is exact given the tags.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from random import Random

from steadycode.problems import Problem
from steadycode.recode.language import wordnet
from steadycode.recode.language.inflection import Class, forms, lemma
from steadycode.recode.language.tagger import tag
from steadycode.recode.published.docstring import perturbed
from steadycode.recode.published.tokens import joined, tokenized
from steadycode.recode.variant import Context

_CLASSES: dict[str, Class] = {"N": "NOUN", "V": "VERB", "M": "VERB", "J": "ADJ"}
_POS: dict[str, wordnet.Pos] = {"N": "n", "V": "v", "J": "a", "R": "r"}
_CLOSED = (
    "be am is are was were been being do does did has have not n't 's algorithm out yes xor ou"
)
_USUAL: dict[wordnet.Pos, str] = {
    "n": "note none bit average coordinates inclusive",
    "v": "given using following returns eturn rite",
    "a": "non less more binary sorted equal decimal duplicate right mixed numeric lateral quadratic"
    " individual",
    "r": "even",
}
"""Words about which the original's tagger and ours mostly differ, by the class that it gives; the
closed ones have none. The docstring's first letter is never in the text."""
_STOP_WORDS = (
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she"
    " her hers herself it its itself they them their theirs themselves what which who whom this"
    " that these those am is are was were be been being have has had having do does did doing a an"
    " the and but if or because as until while of at by for with about against between into through"
    " during before after above below to from up down in out on off over under again further then"
    " once here there when where why how all any both each few more most other some such no nor not"
    " only own same so than too very s t can will just don should now d ll m o re ve y ain aren"
    " couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn wasn weren won"
    " wouldn"
)
_TRANSLATABLE = 360
"""Texts of as many characters, and longer ones, are left as they are."""


def inflected(text: str, seed: int) -> str:
    """Puts every noun, verb and adjective into a form of its class, which may be its own.

    It is exact: the draw depends on the seed and the word's length alone.
    """
    words, glued = _words(text)
    tags = tag(words)
    after = []
    for word, kind in zip(words, tags, strict=True):
        name = None if "&" in word else _CLASSES.get(kind[:1])
        base = lemma(word, name) if name else None
        others = [form for _, form in forms(base, name)] if name and base else []
        after.append(Random(seed + len(word)).choices(others)[0] if others else word)
    return "".join(
        word if adjacent or not at else " " + word
        for at, (word, adjacent) in enumerate(zip(after, glued, strict=True))
    )


def _words(text: str) -> tuple[list[str], list[bool]]:
    """Returns words and signs, and which of them touch the one before."""
    pieces = [list(_parts(piece)) for piece in text.split()]
    words = [part for parts in pieces for part in parts]
    return words, [at > 0 for parts in pieces for at in range(len(parts))]


def _parts(piece: str) -> Iterator[str]:
    """Yields each sign by itself, and what is between signs."""
    start = 0
    for at, character in enumerate(piece):
        if _is_sign(character):
            if start < at:
                yield piece[start:at]
            yield character
            start = at + 1
    if start < len(piece):
        yield piece[start:]


def _is_sign(character: str) -> bool:
    ascii_sign = character.isascii() and not character.isalnum() and character.isprintable()
    return ascii_sign or unicodedata.category(character).startswith("P")


def substituted(text: str, seed: int) -> str:
    """Replaces nouns, verbs, adjectives and adverbs with probability one half.

    A word becomes the first word of one of its synsets, uninflected and in small letters. It is
    exact.
    """
    from numpy.random import RandomState

    random = RandomState(seed)
    tokens = tokenized(text)
    after = []
    for token, pos in zip(tokens, _classes(tokens), strict=True):
        others = _candidates(token, pos) if pos else []
        drawn = pos is not None and random.random_sample() < 0.5  # drawn also without candidates
        after.append(str(random.choice(others)) if others and drawn else token)
    return joined(after)


def inserted(text: str, seed: int) -> str:
    """Puts a synonym after words that have one and are no stop words, with probability one half.

    It is not exact: the original drew from a set in no fixed order, here the senses give it.
    """
    random = Random(seed)
    tokens = tokenized(text)
    after = []
    for token, pos in zip(tokens, _classes(tokens), strict=True):
        after.append(token)
        asked = pos is not None and token.lower() not in _stop_words()
        others = list(dict.fromkeys(_candidates(token, pos))) if pos and asked else []
        if others and random.random() < 0.5:
            after.append(random.choice(others))
    return joined(after)


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    return frozenset(_STOP_WORDS.split())


def _classes(tokens: list[str]) -> list[wordnet.Pos | None]:
    """Returns the class of each word that may have synonyms; None for the others."""
    kinds = tag(tokens)
    return [_open_class(tokens, at, kind) for at, kind in enumerate(kinds)]


def _open_class(tokens: list[str], at: int, kind: str) -> wordnet.Pos | None:
    """Returns the class that the original's tagger gives where ours says ``kind``: unknown words
    are nouns to it, and words with a capital inside a sentence are names."""
    token = tokens[at]
    if token.lower() in _usual():
        return _usual()[token.lower()]
    if kind.startswith("NNP"):
        return "n" if token.islower() and token.isalpha() and len(token) > 1 else None
    if token[0].isupper() and kind[0] in "NJ" and at and tokens[at - 1].isalpha():
        return None
    return None if kind == "RP" else _POS.get(kind[:1])


@lru_cache(maxsize=1)
def _usual() -> dict[str, wordnet.Pos | None]:
    classes: dict[str, wordnet.Pos | None] = dict.fromkeys(_CLOSED.split())
    for pos, words in _USUAL.items():
        classes |= dict.fromkeys(words.split(), pos)
    return classes


def _candidates(token: str, pos: wordnet.Pos) -> list[str]:
    heads = [head.replace("_", " ").lower() for head in wordnet.heads(token, pos)]
    return [head for head in heads if head != token.lower()]


def translate(problem: Problem, context: Context) -> Problem:
    """Translates the docstring's text there and back, which is exact given the translation."""
    plugin = context.plugins.translate
    assert plugin is not None

    def rule(text: str) -> str:
        return text if len(text) >= _TRANSLATABLE else plugin(problem, text)

    return perturbed(problem, rule, protect=False)
