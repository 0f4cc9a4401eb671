"""The words of a docstring's prose with their parts of speech, and what is done to them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from steadycode.problems import Problem
from steadycode.recode.language import inflection
from steadycode.recode.language.tagger import tag
from steadycode.recode.perturbations.prose import prose_lines, words
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Context

_ENDS = frozenset(".:;!?_")
_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_AUXILIARIES = frozenset(("be", "have", "do"))
_INFLECTED: dict[str, inflection.Class] = {"N": "NOUN", "V": "VERB"}
"""The classes of words to inflect, by the first letter of their Penn tags. Degrees of an adjective
stay, as the largest is not the larger."""

_OTHER_FORM = 0.25
"""The probability that a word which can be inflected is."""
_ONE = frozenset(("a", "an", "each", "every", "one", "another"))
_MANY = frozenset(
    ("of", "two", "three", "four", "five", "all", "several", "multiple", "many", "both", "these",
     "those", "few", "any", "some")
)  # fmt: skip
"""Words that tell a noun's number, so that a slip in its ending changes nothing."""


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
    """Makes slips of agreement, one in a sentence at most: ``a lists of number``, ``it return``."""
    sentence = tagged(problem)
    forms = {at: form for at in range(len(sentence)) if (form := _disagreeing(sentence, at))}
    edits, done = [], set[int]()
    for at in some(list(forms), _OTHER_FORM, context.random):
        number = sum(word.text in _ENDS for word in sentence[:at])
        if number not in done:
            edits.append(replaced(sentence[at], forms[at]))
            done.add(number)
    return Source(problem).edited(edits)


def _disagreeing(sentence: Sequence[Word], at: int) -> str:
    """Returns a word of the present tense with its ``s`` or without, and a noun so where the words
    before it tell its number; nothing for other words."""
    word = sentence[at]
    name = _INFLECTED.get(word.tag[:1])
    base = inflection.lemma(word.text.lower(), name) if name and word.free else None
    other = {"VB": "VBZ", "VBP": "VBZ", "VBZ": "VB"}.get(word.tag)
    if word.tag in ("NN", "NNS"):
        before = _determiner(sentence, at)
        told = before in _ONE if word.tag == "NN" else before in _MANY
        told = told and not any(after.tag.startswith("N") for after in sentence[at + 1 : at + 2])
        other = {"NN": "NNS", "NNS": "NN"}[word.tag] if told else None
    if base is None or other is None or base in (*_AUXILIARIES, "one") or (word.tag == "VB" and at):
        return ""
    form = inflection.inflected(base, other)
    return form if form.isalpha() and form != word.text.lower() else ""


def _determiner(sentence: Sequence[Word], at: int) -> str:
    """Returns the word before a noun and its adjectives."""
    before = at - 1
    while before >= 0 and sentence[before].tag in ("JJ", "JJR", "JJS", "VBN", "VBG"):
        before -= 1
    return sentence[before].text.lower() if before >= 0 else ""


def replaced(word: Word, text: str) -> Edit:
    """Returns the edit that puts ``text``, with the capitals of ``word``, in the word's place."""
    return Edit(word.span, inflection.cased_like(word.text, text))
