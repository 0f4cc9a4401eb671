"""Present tense to past or future. Only finite verbs change, so that sentences stay English."""

from collections.abc import Iterator, Sequence

from steadycode.problems import Problem
from steadycode.recode.language.inflection import cased_like, inflected, lemma
from steadycode.recode.perturbations.english import Word, replaced, tagged
from steadycode.recode.source import Edit, Source
from steadycode.recode.variant import Context

_PAST = {
    "is": "was", "am": "was", "are": "were", "has": "had", "have": "had", "does": "did",
    "do": "did", "can": "could", "will": "would", "may": "might",
}  # fmt: skip
_FUTURE = {"is": "be", "am": "be", "are": "be", "was": "be", "were": "be", "has": "have",
           "had": "have"}  # fmt: skip
_PRESENT = frozenset(("VB", "VBZ", "VBP"))
_ENDS = frozenset(".:;!?_")
_MARKED = frozenset(("was", "were", "had", "can", "will", "may"))
_GOVERNS = frozenset(("please", "let", "lets", "do", "does", "did"))


def past(problem: Problem, context: Context) -> Problem:
    """Makes ``Return the list that is sorted`` ``Returned the list that was sorted``."""
    sentence = tagged(problem)
    edits = []
    for at in _finite(sentence):
        word = sentence[at]
        text = word.text.lower()
        form = _PAST.get(text) or inflected(lemma(text, "VERB") or text, "VBD")
        if word.tag != "VBD" and form != text:
            edits.append(replaced(word, form))
    return Source(problem).edited(edits)


def future(problem: Problem, context: Context) -> Problem:
    """Makes ``Return the list that is sorted`` ``Will return the list that will be sorted``."""
    sentence = tagged(problem)
    edits: list[Edit] = []
    has_will = False  # so that a verb after "and" shares it: "will take it and return it"
    for at in _finite(sentence):
        word = sentence[at]
        text = word.text.lower()
        if text == "can":
            edits.append(replaced(word, "will be able to"))
        elif word.tag != "MD":
            edits += _will(sentence, at, shared=has_will and _is_joined(sentence, at))
            has_will = True
    return Source(problem).edited(edits)


def _will(sentence: Sequence[Word], at: int, shared: bool) -> Iterator[Edit]:
    """Yields the edits that put a verb into the future; a ``shared`` will is not said again."""
    word, after = sentence[at], sentence[at + 1 : at + 2]
    is_question = at == 0 or sentence[at - 1].tag == "."
    if is_question and after and word.text.lower() in _FUTURE and after[0].tag in ("DT", "EX"):
        return  # its subject comes after it: "will" would tear them apart
    text = word.text.lower()
    base = _FUTURE.get(text) or lemma(text, "VERB") or text
    if after and after[0].text == "not" and base in ("be", "do"):
        yield replaced(word, "will")
        if base == "be":
            yield Edit(after[0].span, "not be")
    elif shared:
        if base != text:
            yield replaced(word, base)
    else:
        yield Edit(word.span, cased_like(word.text, f"will {base}"))


def _finite(sentence: Sequence[Word]) -> list[int]:
    """Returns where the free verbs stand that carry the tense.

    A base form that ``to`` or a modal governs does not, nor do those after it in its sentence, as
    in ``to sort the list and return it``.
    """
    places = []
    bare = False
    for at, word in enumerate(sentence):
        if word.text in _ENDS:
            bare = False
        if word.tag == "VB":
            bare = bare or _is_governed(sentence, at)
        is_finite = word.tag in _PRESENT or word.text.lower() in _MARKED
        if word.free and is_finite and not (word.tag == "VB" and bare):
            places.append(at)
    return places


def _is_governed(sentence: Sequence[Word], at: int) -> bool:
    """Says whether ``to``, a modal, ``do`` or a word that asks politely stands before a verb."""
    before = [word for word in sentence[max(0, at - 4) : at] if word.tag not in ("RB", "PRP")]
    return bool(before) and (before[-1].tag in ("TO", "MD") or before[-1].text.lower() in _GOVERNS)


def _is_joined(sentence: Sequence[Word], at: int) -> bool:
    """Says whether ``and`` or ``or`` stands before a verb."""
    before = [word for word in sentence[max(0, at - 2) : at] if word.tag != "RB"]
    return bool(before) and before[-1].text.lower() in ("and", "or")
