"""Inflections, synonyms and translation as published.

The originals tagged with NLTK and spaCy; here ``language.tagger`` does, so a row is byte-equal only
where the tags agree. All else is as there: tokens, candidates, draws, and the joining that loses
line breaks or splits closing quotes. What is exact is said at each rule.
"""

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random

from steadycode.problems import Problem
from steadycode.recode.language import wordnet
from steadycode.recode.language.inflection import Class, forms, lemma
from steadycode.recode.language.tagger import tag
from steadycode.recode.published.docstring import perturbed
from steadycode.recode.published.function_name import camel_case, renamed
from steadycode.recode.published.tense import future, past
from steadycode.recode.published.tokens import joined, tidied, tokenized
from steadycode.recode.variant import Plugged, Plugin, Published

_CLASSES: dict[str, Class] = {"N": "NOUN", "V": "VERB", "M": "VERB", "J": "ADJ"}
_POS: dict[str, wordnet.Pos] = {"N": "n", "V": "v", "J": "a", "R": "r"}
_AUXILIARIES = frozenset(
    ("be", "am", "is", "are", "was", "were", "been", "being", "do", "does", "did")
)
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


def inflected(text: str, seed: int) -> str:
    """Every noun, verb and adjective in a form of its class, which may be its own.

    Exact given the tags: the draw depends on the seed and the word's length alone.
    """
    words, glued = _words(text)
    tags = tag(words)
    after = []
    for word, kind in zip(words, tags, strict=True):
        name = None if "&" in word else _CLASSES.get(kind[:1])
        base = lemma(word, name) if name else None
        found = [form for _, form in forms(base, name)] if name and base else []
        after.append(Random(seed + len(word)).choices(found)[0] if found else word)
    return "".join(
        word if adjacent or not at else " " + word
        for at, (word, adjacent) in enumerate(zip(after, glued, strict=True))
    )


def _words(text: str) -> tuple[list[str], list[bool]]:
    """Words and signs, and which of them touch the one before."""
    pieces = [list(_parts(piece)) for piece in text.split()]
    words = [part for parts in pieces for part in parts]
    return words, [at > 0 for parts in pieces for at in range(len(parts))]


def _parts(piece: str) -> Iterator[str]:
    """Each sign by itself, and what is between signs."""
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
    """One draw per noun, verb, adjective and adverb; below one half it becomes the first word of
    one of its synsets, uninflected and in small letters.

    Exact given the tags.
    """
    from numpy.random import RandomState

    random = RandomState(seed)
    tokens = tokenized(text)
    after = []
    for token, kind in zip(tokens, tag(tokens), strict=True):
        pos = _open_class(token, kind)
        found = _candidates(token, pos) if pos else []
        drawn = pos is not None and random.random_sample() < 0.5
        after.append(str(random.choice(found)) if found and drawn else token)
    return tidied(joined(after))


def inserted(text: str, seed: int) -> str:
    """A synonym after words that have one, with probability one half, stop words left out.

    Not exact: the original took candidates in the order of a set; here it is that of the senses.
    """
    random = Random(seed)
    tokens = tokenized(text)
    after = []
    for token, kind in zip(tokens, tag(tokens), strict=True):
        after.append(token)
        pos = None if token.lower() in _stop_words() else _open_class(token, kind)
        found = list(dict.fromkeys(_candidates(token, pos))) if pos else []
        if found and random.random() < 0.5:
            after.append(random.choice(found))
    return tidied(joined(after))


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    return frozenset(_STOP_WORDS.split())


def _open_class(token: str, kind: str) -> wordnet.Pos | None:
    if kind.startswith("NNP") or kind == "RP" or token.lower() in _AUXILIARIES:
        return None
    return _POS.get(kind[:1])


def _candidates(token: str, pos: wordnet.Pos) -> list[str]:
    return [
        head.replace("_", " ").lower()
        for head in wordnet.heads(token, pos)
        if head.replace("_", " ").lower() != token.lower()
    ]


def _in_docstring(rule: Callable[[str, int], str]) -> Published:
    def apply(problem: Problem, seed: int, random: Random) -> Problem:
        return perturbed(problem, lambda text: rule(text, seed))

    return apply


def _in_name(rule: Callable[[str, int], str]) -> Published:
    """The words of a snake-case name, as a sentence; a camel-case one is turned there and back."""

    def apply(problem: Problem, seed: int, random: Random) -> Problem:
        name = problem.entry_point
        snake = name if "_" in name else camel_case(name)
        after = rule(snake.replace("_", " "), seed).replace(" ", "_")
        return renamed(problem, after if "_" in name else camel_case(after))

    return apply


def _translated(problem: Problem, translate: Plugin) -> Problem:
    """Exact given the translation; long texts are left as they are."""

    def rule(text: str) -> str:
        return text if len(text) >= _TRANSLATABLE else translate(problem, text)

    return perturbed(problem, rule, protect=False)


APPLY: dict[str, Published] = {
    "EnglishInflectionalVariation": _in_docstring(inflected),
    "SynonymInsertion": _in_docstring(inserted),
    "SynonymSubstitution": _in_docstring(substituted),
    "TenseTransformationPast": _in_docstring(lambda text, seed: past(text)),
    "TenseTransformationFuture": _in_docstring(lambda text, seed: future(text)),
    "FuncRenameInflectionalVariation": _in_name(inflected),
    "FuncRenameSynonymSub": _in_name(substituted),
}
PLUGGED: dict[str, Plugged] = {"BackTranslation": _translated}
