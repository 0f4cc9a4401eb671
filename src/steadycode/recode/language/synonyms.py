"""Words and phrases for words and phrases, from a table that was made and read by hand.

WordNet's senses are those of general texts: it calls a floating point a drifting one. So a pair is
in ``wording.txt`` or the words are left alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from steadycode.recode.language.inflection import inflected

_FORMS = {"v": ("VB", "VBZ", "VBG", "VBD", "VBN"), "n": ("NN", "NNS"), "p": ("",)}
"""The Penn tags of the forms that each kind of row has."""

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase of the table in a text: the words from ``start`` to ``end``, which may become any of
    ``others``."""

    start: int
    end: int
    phrase: Words
    others: tuple[Words, ...]


def matches(text: Sequence[str]) -> Iterator[Match]:
    """Yields the phrases of the table in the small letters of ``text``, one behind the other.

    Of phrases that begin at the same word the longest is taken.
    """
    table, longest = _phrases()
    start = 0
    while start < len(text):
        for end in range(min(start + longest, len(text)), start, -1):
            phrase = tuple(text[start:end])
            if phrase in table:
                if table[phrase]:
                    yield Match(start, end, phrase, table[phrase])
                start = end
                break
        else:
            start += 1


def name_synonyms(word: str, tag: str) -> tuple[str, ...]:
    """Returns what may stand for a word of a function's name; its Penn tag does not matter."""
    return _rows("f").get(word, ())


@lru_cache(maxsize=1)
def _phrases() -> tuple[dict[Words, tuple[Words, ...]], int]:
    """Returns the table of all forms of all phrases, and the length of the longest.

    Phrases as they stand go before forms of words, and earlier rows before later ones.
    """
    table: dict[Words, tuple[Words, ...]] = {}
    for kind in ("p", "v", "n"):
        for base, others in _rows(kind).items():
            for tag in _FORMS[kind]:
                form = _form(base, kind, tag)
                alternatives = [_form(other, kind, tag) for other in others]
                table.setdefault(form, tuple(other for other in alternatives if other != form))
    return table, max(map(len, table))


def _form(phrase: str, kind: str, tag: str) -> Words:
    """Returns the words of a phrase with its verb or noun in the form of a Penn tag."""
    words = phrase.split()
    at = {"v": 0, "n": len(words) - 1}.get(kind)
    if at is not None:
        words[at] = inflected(words[at], tag)
    return tuple(words)


@lru_cache(maxsize=4)
def _rows(kind: str) -> dict[str, tuple[str, ...]]:
    """Returns the table's rows of one kind: a phrase, and what may stand for it."""
    text = files("steadycode.recode.language").joinpath("wording.txt").read_text("utf-8")
    rows = {}
    for line in text.splitlines():
        if line.startswith(f"{kind} "):
            phrase, _, others = line[2:].partition("=")
            rows[phrase.strip()] = tuple(o.strip() for o in others.split(";") if o.strip())
    return rows
