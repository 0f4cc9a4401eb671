"""The words of a docstring's prose with their parts of speech, and what is done to them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from steadycode.problems import Problem
from steadycode.recode.language import inflection
from steadycode.recode.language.synonyms import synonyms
from steadycode.recode.language.tagger import tag
from steadycode.recode.perturbations.prose import prose_lines, words
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Context

_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_AUXILIARIES = frozenset(("be", "have", "do"))
_INFLECTED: dict[str, inflection.Class] = {"N": "NOUN", "V": "VERB"}
"""The classes of words to inflect, by the first letter of their Penn tags. Degrees of an adjective
stay, as the largest is not the larger."""

_OTHER_FORM, _SYNONYM, _EXPLANATION = 0.35, 0.5, 0.3
"""The probabilities that a word which can be is inflected, replaced, or followed by a synonym."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word or sign of the prose with its Penn tag; it may be changed when it is ``free``."""

    text: str
    span: Span
    tag: str
    free: bool


@lru_cache(maxsize=1024)  # a benchmark asks for each problem once per perturbation and seed
def tagged(problem: Problem) -> tuple[Word, ...]:
    """Returns the words and signs of the docstring's prose; ``_`` stands where it is interrupted.

    An empty line or an example interrupts it.
    """
    source = Source(problem)
    free = set(words(source, also=frozenset(("return",))))
    tokens: list[tuple[str, Span]] = []
    end: int | None = None
    for line in prose_lines(source):
        if end is not None and source.text[end : line.start].count("\n") > 1:
            tokens.append(("_", Span(end, end)))
        for match in _TOKEN.finditer(source.text, line.start, line.end):
            tokens.append((match[0], Span(*match.span())))
        end = line.end
    tags = tag([text for text, _ in tokens])
    return tuple(
        Word(text, span, kind, span in free)
        for (text, span), kind in zip(tokens, tags, strict=True)
    )


def some(places: Sequence[int], rate: float, random: Random) -> list[int]:
    """Returns each place with probability ``rate``, and one at least if there are any."""
    chosen = [place for place in places if random.random() < rate]
    return chosen or ([random.choice(places)] if places else [])


def other_forms(word: str, kind: str) -> list[str]:
    """Returns the other inflections, each once, of a noun or a verb whose Penn tag is ``kind``."""
    name = _INFLECTED.get(kind[:1])
    base = inflection.lemma(word.lower(), name) if name and kind != "NNP" else None
    if name is None or base is None or base in _AUXILIARIES:
        return []
    forms = dict.fromkeys(form for _, form in inflection.forms(base, name))
    return [form for form in forms if form != word.lower() and form.isalpha()]


def inflect(problem: Problem, context: Context) -> Problem:
    """Puts nouns and verbs into another of their forms."""
    sentence = tagged(problem)
    forms = {at: other_forms(word.text, word.tag) for at, word in enumerate(sentence) if word.free}
    places = [at for at, others in forms.items() if others]
    edits = [
        replaced(sentence[at], context.random.choice(forms[at]))
        for at in some(places, _OTHER_FORM, context.random)
    ]
    return Source(problem).edited(edits)


def replaced(word: Word, text: str) -> Edit:
    """Returns the edit that puts ``text``, with the capitals of ``word``, in the word's place."""
    return Edit(word.span, inflection.cased_like(word.text, text))


def substitute(problem: Problem, context: Context) -> Problem:
    """Puts synonyms in the place of words, in the same form and with the article they need."""
    sentence = tagged(problem)
    edits = []
    for at in some(_with_synonyms(sentence), _SYNONYM, context.random):
        other = context.random.choice(synonyms(sentence[at].text, sentence[at].tag))
        edits.append(replaced(sentence[at], other))
        edits += _article(sentence, at, other)
    return Source(problem).edited(edits)


def insert(problem: Problem, context: Context) -> Problem:
    """Adds synonyms in parentheses after words, and explains each word once."""
    sentence = tagged(problem)
    places: dict[str, int] = {}
    for at in _with_synonyms(sentence):
        if not _in_parentheses(sentence, at):
            places.setdefault(sentence[at].text.lower(), at)
    edits = []
    for at in some(list(places.values()), _EXPLANATION, context.random):
        word = sentence[at]
        other = context.random.choice(synonyms(word.text, word.tag))
        edits.append(Edit(Span(word.span.end, word.span.end), f" ({other})"))
    return Source(problem).edited(edits)


def _with_synonyms(sentence: Sequence[Word]) -> list[int]:
    return [at for at, word in enumerate(sentence) if word.free and synonyms(word.text, word.tag)]


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
