"""A small part-of-speech tagger for technical English.

lemminflect tells what a word can be, WordNet's counts what it mostly is, and rules on the words
around it which of these it is here. It has the same tags on every machine, and needs no model.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from steadycode.recode.language import wordnet
from steadycode.recode.language.inflection import Class, forms, lemma

TAGGER = "steadycode-rules-1"
"""The name of the tagger, for the metadata of what was made with it."""

_CLOSED = {
    "DT": "a an the this these those each every some any all both another no either neither",
    "PRP": "i you he she it we they him them us me itself themselves",
    "PRP$": "my your his her its our their whose",
    "IN": "of in on at by for with from into as if than because while whether between within"
    " without through over under after before during about against among per until upon via since"
    " unless like along except towards onto inside outside above below across though although using"
    " following",
    "CC": "and or but nor",
    "MD": "can could may might must shall should will would cannot",
    "WDT": "which who whom",
    "WRB": "how when where why",
    "WP": "what",
    "TO": "to",
    "EX": "there",
    "UH": "please",
    "RB": "not also only then exactly never always so otherwise else instead respectively very too"
    " more most less least still once again just wise",
    "CD": "zero one two three four five six seven eight nine ten hundred thousand",
    "JJ": "same other such many few several own certain next last previous first second third odd"
    " even prime empty maximum minimum given",
    "VBZ": "is has does",
    "VBP": "are am have do",
    "VBD": "was were had did",
    "VB": "be",
    "VBN": "been done",
    "VBG": "being having doing",
    "NN": "input output type sum max min",
}  # fmt: skip
_TAGS = {word: tag for tag, words in _CLOSED.items() for word in words.split()}
FUNCTION_WORDS = frozenset(_TAGS)
"""The words that have the same tag wherever they stand: articles, prepositions and their like."""
_BE = frozenset(("is", "are", "am", "was", "were", "be", "been", "being", "has", "have", "had"))
_COUNTED: dict[wordnet.Pos, Class] = {"n": "NOUN", "v": "VERB", "a": "ADJ", "r": "ADV"}

_MOSTLY_VERBS = frozenset(("sort", "sorts", "reverse", "encode", "decode", "order", "filter"))
_BEFORE_NOUN = frozenset(("DT", "PRP$", "JJ", "JJR", "JJS", "CD", "IN", "VBG", "VBN"))
_BEGINS_OBJECT = frozenset(("DT", "PRP$", "PRP", "CD", "IN", "JJ", "WDT", "WP", "WRB", "TO", "EX"))
_CLAUSE_START = re.compile(r"[.:;,!?()_-]|then|please|also|otherwise|else", re.I)


def tag(words: Sequence[str]) -> list[str]:
    """Returns a tag of the Penn Treebank for each word or sign of a text.

    Signs have the tag ``.``, what is no English word has ``NNP``, and the word ``_`` stands for
    anything that is no prose.
    """
    tags: list[str] = []
    for at in range(len(words)):
        tags.append(_tag(words, at, tags))
    return tags


@lru_cache(maxsize=16384)
def readings(word: str) -> dict[Class, int]:
    """Returns the classes that a word can have, with WordNet's count of its base form in each."""
    counts: dict[Class, int] = {}
    for pos, kind in _COUNTED.items():
        base = lemma(word, kind)
        if base is not None:
            counts[kind] = wordnet.count(base, pos)
    return counts


def _tag(words: Sequence[str], at: int, tags: Sequence[str]) -> str:  # noqa: PLR0911
    word = words[at].lower()
    following = words[at + 1].lower() if at + 1 < len(words) else "."
    if not word.isalpha():
        return "CD" if word.isdigit() else "NNP" if any(map(str.isalnum, word)) else "."
    if word == "that":
        return _that(tags)
    if word in ("input", "output", "sum") and _is_clause_start(words, at, tags):
        return "VB" if _begins_object(following) and following not in ("of", "to", "is") else "NN"
    if word in ("have", "do") and (_previous(tags) in ("TO", "MD") or _asks(words, at)):
        return "VB"
    if word in _TAGS:
        return _TAGS[word]
    kinds = readings(word)
    if not kinds:
        return "NNP"
    form = _verb_form(word) if "VERB" in kinds else ""
    if form in ("VB", "VBZ"):
        return _verb_or_noun(words, at, tags, kinds, form, following)
    if form in ("VBG", "VBN", "VBD"):
        noun = "NOUN" in kinds and form == "VBG" and kinds["NOUN"] > kinds["VERB"]
        if noun or (form == "VBG" and "NOUN" in kinds and tags[-1:] in (["DT"], ["JJ"])):
            return "NN"
        if word.endswith("ed") and tags[-1:] == ["PRP"] and words[at - 1].lower() not in _BE:
            return "VBD"
        return form
    return _open(word, max(kinds, key=lambda kind: kinds[kind]))


def _that(tags: Sequence[str]) -> str:
    """Tells the relative ``that``, which follows a noun, from the conjunction."""
    if tags and tags[-1] in ("NN", "NNS", "NNP", "VBN", "CD"):
        return "WDT"
    return "IN"


@lru_cache(maxsize=4096)
def _verb_form(word: str) -> str:
    """Returns the tag of a verb's form; VBN where it could be VBD, which is rare in docstrings."""
    base = lemma(word, "VERB")
    known = forms(base, "VERB") if base else ()
    tags = {tag for tag, form in known if form == word}
    if "VBD" in tags and "VBN" not in {tag for tag, _ in known}:
        return "VBN"  # the tables leave out a participle that looks like the past
    return next((tag for tag in ("VB", "VBZ", "VBN", "VBG", "VBD") if tag in tags), "")


def _open(word: str, kind: Class) -> str:
    """Returns the tag of a noun, adjective or adverb with its number or degree."""
    base = lemma(word, kind) or word
    tags = {tag for tag, form in forms(base, kind) if form == word != base}
    order = {"NOUN": ("NNS", "NN"), "ADJ": ("JJR", "JJS", "JJ"), "ADV": ("RBR", "RBS", "RB")}
    plain = {"NOUN": "NN", "ADJ": "JJ", "ADV": "RB", "VERB": "VB"}[kind]
    return next((tag for tag in order.get(kind, ()) if tag in tags), plain)


def _verb_or_noun(  # noqa: PLR0911
    words: Sequence[str], at: int, tags: Sequence[str], kinds: dict[Class, int], form: str,
    following: str,
) -> str:  # fmt: skip
    """Returns the tag of a word that may be a verb, and mostly a noun or an adjective too."""
    others = {kind: count for kind, count in kinds.items() if kind != "VERB"}
    other = max(others, key=lambda kind: others[kind], default=None)
    previous = _previous(tags)
    noun = "NN" if other is None else _open(words[at].lower(), other)
    if previous == "TO" and form == "VB":
        return noun if following == "of" and other is not None else "VB"
    if form == "VB" and (previous == "MD" or _asks(words, at)):
        return "VB"
    if other is None:
        return _finite(form, tags, at, words)
    if previous == "PRP" and form == "VB":
        return "VBP" if words[at - 1].lower() not in ("it", "them") else noun
    if _is_clause_start(words, at, tags):
        is_verb = _is_request(words[at].lower(), following, kinds["VERB"], others[other])
        return form if is_verb else noun
    if previous in ("WDT", "PRP", "EX"):
        return _finite(form, tags, at, words)
    if previous == "VBN" and form == "VB" and _TAGS.get(following) == "DT":
        return "VB" if kinds["VERB"] > others[other] else noun
    if previous in _BEFORE_NOUN or words[at - 1].lower() in _BE:
        return noun
    if previous == "CC":
        return form if _verb_before(tags) and _begins_object(following) else noun
    if previous in ("NN", "NNP") and form == "VBZ" and kinds["VERB"] > 0:
        likely = kinds["VERB"] > others[other] or following in ("a", "an", "the", "true", "if")
        return "VBZ" if likely and following not in ("of", "is", "are") else noun
    if previous == "NNS" and form == "VB" and kinds["VERB"] > 2 * others[other]:
        return "VBP"
    if previous in ("NN", "NNS", "NNP", "VB", "VBZ", "VBP"):
        return noun
    return _finite(form, tags, at, words) if kinds["VERB"] > others[other] else noun


def _is_request(word: str, following: str, as_verb: int, as_other: int) -> bool:
    """Says whether a word that begins a clause is a verb, by WordNet's counts of either use."""
    if following in ("of", "is", "are", "must", "should", "will", "can", "contains", ".", ":"):
        return False
    if not as_verb and word not in _MOSTLY_VERBS:
        return False
    return as_verb * 5 >= as_other or _begins_object(following)


def _finite(form: str, tags: Sequence[str], at: int, words: Sequence[str]) -> str:
    """Returns a verb's tag, which is a present tense where a base form follows its subject."""
    if form == "VB" and _previous(tags) in ("NNS", "PRP", "WDT", "NN", "NNP"):
        return "VBP"
    return form


def _asks(words: Sequence[str], at: int) -> bool:
    """Says whether ``do`` asks for a bare form, as in ``does it consist`` and ``do not have``."""
    return any(word.lower() in ("do", "does", "did") for word in words[max(0, at - 2) : at])


def _previous(tags: Sequence[str]) -> str:
    """Returns the last tag that is no adverb's, or nothing."""
    return next((tag for tag in reversed(tags) if tag != "RB"), "")


def _verb_before(tags: Sequence[str]) -> bool:
    return any(tag in ("VB", "VBZ", "VBP", "MD") for tag in tags)


def _is_clause_start(words: Sequence[str], at: int, tags: Sequence[str]) -> bool:
    """Says whether a clause begins here, where a request has its verb."""
    if at == 0:
        return True
    if words[at - 1] == ",":
        return _previous(tags[:-1]) not in ("JJ", "VBN") or not _verb_before(tags)
    return _CLAUSE_START.fullmatch(words[at - 1]) is not None


def _begins_object(word: str) -> bool:
    """Says whether a verb's object may begin with this word."""
    if word == "of":
        return False
    if _TAGS.get(word) in _BEGINS_OBJECT or word in ("true", "false", "none", "list", "that", "_"):
        return True
    return word.isdigit() or lemma(word, "NOUN") not in (None, word)  # a plural
