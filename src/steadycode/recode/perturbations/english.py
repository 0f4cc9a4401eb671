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

_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_AUXILIARIES = frozenset(("be", "have", "do"))


@dataclass(frozen=True, slots=True)
class Word:
    """A word or sign of the prose. ``free``: it may be changed."""

    text: str
    span: Span
    tag: str
    free: bool


@lru_cache(maxsize=1024)  # a benchmark asks for each problem once per perturbation and seed
def tagged(problem: Problem) -> tuple[Word, ...]:
    """Words and signs of the docstring's prose; ``_`` stands where prose is interrupted."""
    source = Source(problem)
    free = set(words(source, also=frozenset(("return",))))
    found: list[tuple[str, Span]] = []
    end: int | None = None
    for line in prose_lines(source) if source.docstring else []:
        if end is not None and source.text[end : line.start].count("\n") > 1:
            found.append(("_", Span(end, end)))
        for match in _TOKEN.finditer(source.text, line.start, line.end):
            found.append((match[0], Span(*match.span())))
        end = line.end
    tags = tag([text for text, _ in found])
    return tuple(
        Word(text, span, kind, span in free) for (text, span), kind in zip(found, tags, strict=True)
    )


def some(places: Sequence[int], rate: float, random: Random) -> list[int]:
    """Each with probability ``rate``, and one at least if there are any."""
    chosen = [place for place in places if random.random() < rate]
    return chosen or ([random.choice(places)] if places else [])


def other_forms(word: str, kind: str) -> list[str]:
    """The other inflections of a noun or a verb, each once.

    Degrees of an adjective are left: the largest is not the larger.
    """
    name: inflection.Class | None = {"N": "NOUN", "V": "VERB"}.get(kind[:1])  # type: ignore[assignment]
    base = inflection.lemma(word.lower(), name) if name and kind != "NNP" else None
    if name is None or base is None or base in _AUXILIARIES:
        return []
    found = dict.fromkeys(form for _, form in inflection.forms(base, name))
    return [form for form in found if form != word.lower() and form.isalpha()]


def inflect(problem: Problem, random: Random, rate: float = 0.35) -> Problem:
    """Nouns and verbs in another inflection of theirs."""
    sentence = tagged(problem)
    places = [at for at, word in enumerate(sentence) if word.free and _forms(word)]
    edits = [
        replaced(sentence[at], random.choice(_forms(sentence[at])))
        for at in some(places, rate, random)
    ]
    return Source(problem).edited(edits)


def _forms(word: Word) -> list[str]:
    return other_forms(word.text, word.tag)


def replaced(word: Word, text: str) -> Edit:
    return Edit(word.span, inflection.cased_like(word.text, text))


def substitute(problem: Problem, random: Random, rate: float = 0.5) -> Problem:
    """Synonyms in the place of words, in the same form, with the article that they need."""
    sentence = tagged(problem)
    edits = []
    for at in some(_with_synonyms(sentence), rate, random):
        other = random.choice(synonyms(sentence[at].text, sentence[at].tag))
        edits.append(replaced(sentence[at], other))
        edits += _article(sentence, at, other)
    return Source(problem).edited(edits)


def insert(problem: Problem, random: Random, rate: float = 0.3) -> Problem:
    """Synonyms in parentheses after words, each word explained once."""
    sentence = tagged(problem)
    places: dict[str, int] = {}
    for at in _with_synonyms(sentence):
        if not _in_parentheses(sentence, at):
            places.setdefault(sentence[at].text.lower(), at)
    edits = []
    for at in some(list(places.values()), rate, random):
        word = sentence[at]
        other = random.choice(synonyms(word.text, word.tag))
        edits.append(Edit(Span(word.span.end, word.span.end), f" ({other})"))
    return Source(problem).edited(edits)


def _with_synonyms(sentence: Sequence[Word]) -> list[int]:
    return [at for at, word in enumerate(sentence) if word.free and synonyms(word.text, word.tag)]


def _in_parentheses(sentence: Sequence[Word], at: int) -> bool:
    signs = [word.text for word in sentence[:at]]
    return signs.count("(") > signs.count(")") or _text(sentence, at + 1) == "("


def _text(sentence: Sequence[Word], at: int) -> str:
    return sentence[at].text if at < len(sentence) else ""


def _article(sentence: Sequence[Word], at: int, word: str) -> Iterator[Edit]:
    """``a`` or ``an`` before another word than it stood before."""
    if at and sentence[at - 1].text.lower() in ("a", "an"):
        before = sentence[at - 1]
        article = "an" if _begins_with_vowel(word) else "a"
        if article != before.text.lower() and _begins_with_vowel(sentence[at].text) != (
            _begins_with_vowel(word)
        ):
            yield replaced(before, article)


def _begins_with_vowel(word: str) -> bool:
    return bool(re.match(r"(?!uni|us[aeiu]|one|eu)[aeiou]|hour|honest", word, re.I))
