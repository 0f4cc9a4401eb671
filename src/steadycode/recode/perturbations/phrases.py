"""Other words and phrases for some of the docstring's, from the table of synonyms."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from steadycode.problems import Problem
from steadycode.recode.language.inflection import cased_like
from steadycode.recode.language.synonyms import Match, Words, matches
from steadycode.recode.perturbations.english import Word, replaced, some, tagged
from steadycode.recode.perturbations.prose import content
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Context

_SYNONYM, _EXPLANATION = 0.5, 0.3
"""The probabilities that a phrase is replaced, and that a word is followed by a synonym."""
_SHORT = 3
"""The most letters of a word, as ``of``, that may be brought in though the text has it already."""

_Place = tuple[int, int, tuple[Words, ...]]
"""The first word of a phrase and the one behind it, and what may stand for the phrase there."""


def substitute(problem: Problem, context: Context) -> Problem:
    """Puts other words and phrases in the place of some, each the same wherever it stands."""
    sentence, source = tagged(problem), Source(problem)
    choices = _others(source, sentence)
    phrases = list(choices)
    edits: list[Edit] = []
    for number in some(range(len(phrases)), _SYNONYM, context.random):
        places = choices[phrases[number]]
        other = context.random.choice(places[0][2])
        for start, end, _ in places:
            edits += _reworded(sentence, start, end, other)
    return source.edited(edits)


def insert(problem: Problem, context: Context) -> Problem:
    """Adds synonyms in parentheses after words, and explains each phrase once."""
    sentence, source = tagged(problem), Source(problem)
    places: list[tuple[int, list[str]]] = []
    for phrase, found in _others(source, sentence).items():
        start, _, others = found[0]
        before, after = _shared(phrase, others[0])
        last = start + len(phrase) - after - 1
        if len(phrase) > before + after and not _in_parentheses(sentence, last):
            explained = [o for o in others if _shared(phrase, o) == (before, after)]
            texts = [" ".join(o[before : len(o) - after]) for o in explained]
            places.append((last, [text for text in texts if text]))
    edits = []
    for number in some([n for n, (_, texts) in enumerate(places) if texts], _EXPLANATION,
                       context.random):  # fmt: skip
        last, texts = places[number]
        end = sentence[last].span.end
        edits.append(Edit(Span(end, end), f" ({context.random.choice(texts)})"))
    return source.edited(edits)


def _others(source: Source, sentence: Sequence[Word]) -> dict[Words, list[_Place]]:
    """Returns what the table of synonyms has for the phrases of a text, and where they stand.

    What may stand for a phrase brings in no word that the text has already, be it of the prose or a
    name of the code: an ``item`` beside another one would be a riddle.
    """
    said = {word.text.lower() for word in sentence} | source.names
    found: dict[Words, list[_Place]] = {}
    for match in matches([word.text.lower() for word in sentence]):
        others = tuple(
            other
            for other in match.others
            if _may_change(source, sentence, match, other)
            and not any(len(w) > _SHORT and w in said for w in set(other).difference(match.phrase))
        )
        if others:
            found.setdefault(match.phrase, []).append((match.start, match.end, others))
    return found


def _may_change(source: Source, sentence: Sequence[Word], match: Match, other: Words) -> bool:
    """Says whether the words that change are free, with one blank between all of the phrase."""
    words = sentence[match.start : match.end]
    before, after = _shared(match.phrase, other)
    changing = words[before : len(words) - after]
    gaps = [source.text[a.span.end : b.span.start] for a, b in pairwise(words)]
    closes = any("'" in word for word in other) and _quoted_once(source)
    return all(gap == " " for gap in gaps) and all(w.free for w in changing) and not closes


def _quoted_once(source: Source) -> bool:
    """Says whether the docstring ends at its first quote, so that an apostrophe may end it."""
    assert source.docstring is not None
    return source.docstring.end - content(source).end < len("'''")


def _shared(phrase: Words, other: Words) -> tuple[int, int]:
    """Returns how many words two phrases share at their beginnings and at their ends."""
    shorter = min(len(phrase), len(other))
    before = next((n for n in range(shorter) if phrase[n] != other[n]), shorter)
    rest = shorter - before
    after = next((n for n in range(rest) if phrase[-1 - n] != other[-1 - n]), rest)
    return before, after


def _reworded(sentence: Sequence[Word], start: int, end: int, other: Words) -> Iterator[Edit]:
    """Yields the edits that put ``other`` in the place of words, with the article it needs."""
    phrase = tuple(word.text.lower() for word in sentence[start:end])
    before, after = _shared(phrase, other)
    old = sentence[start + before : end - after]
    new = " ".join(other[before : len(other) - after])
    if old and new:
        text = cased_like(old[0].text, new)
        yield Edit(Span(old[0].span.start, old[-1].span.end), text)
    elif old:  # the words go, with the blank after them
        yield Edit(Span(old[0].span.start, sentence[end - after].span.start), "")
    else:
        at = sentence[start + before].span.start
        yield Edit(Span(at, at), f"{new} ")
    if old and new:
        yield from _article(sentence, start + before, new)


def _in_parentheses(sentence: Sequence[Word], at: int) -> bool:
    """Says whether a word stands in parentheses or before them."""
    signs = [word.text for word in sentence[:at]]
    following = [word.text for word in sentence[at + 1 : at + 2]]
    return signs.count("(") > signs.count(")") or following == ["("]


def _article(sentence: Sequence[Word], at: int, word: str) -> Iterator[Edit]:
    """Yields the edit that ``a`` or ``an`` before the word needs when ``word`` takes its place."""
    if at and sentence[at - 1].text.lower() in ("a", "an"):
        before = sentence[at - 1]
        article = "an" if _begins_with_vowel(word) else "a"
        if article != before.text.lower() and _begins_with_vowel(sentence[at].text) != (
            _begins_with_vowel(word)
        ):
            yield replaced(before, article)


def _begins_with_vowel(word: str) -> bool:
    return bool(re.match(r"(?!uni|us[aeiu]|one|eu)[aeiou]|hour|honest", word, re.I))
