"""Tenses as published: participles and mistagged nouns are conjugated too.

The rows are not exactly the published ones: the original had spaCy's tags and parse and another
table of conjugations. Here a subject is the nearest noun or pronoun before the verb. Tenses draw
nothing, so that the seed does not matter.
"""

import re
from collections.abc import Sequence

from steadycode.recode.language.inflection import cased_like, inflected, lemma
from steadycode.recode.language.tagger import tag
from steadycode.recode.published.tokens import tokenized

_FINITE = frozenset(("VBD", "VBP", "VBZ", "VBN"))
_BE = frozenset(("were", "am", "is", "are", "was"))
_SIGN = re.escape("!\"#$%&')*+,-./:;=>?@\\]^_`{|}~")


def past(text: str, seed: int) -> str:
    """Puts every verb but infinitives into the past."""
    return _transformed(text, to_past=True)


def future(text: str, seed: int) -> str:
    """Puts ``will`` before every verb but infinitives."""
    return _transformed(text, to_past=False)


def _transformed(text: str, to_past: bool) -> str:
    tokens = tokenized(text)
    tags = tag(tokens)
    after = tokens[:1]
    for at in range(1, len(tokens)):
        token, before = tokens[at], after[-1:] or [""]
        is_verb = tags[at] in _FINITE or (
            tags[at] == "VB" and before[0].lower() not in ("to", "not")
        )
        if not is_verb:
            after.append(token)
            continue
        if before in (["will"], ["had"]):
            after.pop()
        if to_past or before[0] in _BE:
            form = _past(token, tokens, tags, at)
        else:
            form = lemma(token.lower(), "VERB") or token
            if after[-1:] not in (["will"], ["be"]):
                after.append("will")
        after.append(cased_like(token, form))
    return _joined(after)


def _past(token: str, tokens: Sequence[str], tags: Sequence[str], at: int) -> str:
    base = lemma(token.lower(), "VERB") or token.lower()
    if base != "be":
        return inflected(base, "VBD")
    subjects = [i for i in range(at) if tags[i] in ("NN", "NNS", "NNP", "PRP", "EX")]
    word = tokens[subjects[-1]].lower() if subjects else ""
    plural = bool(subjects) and (tags[subjects[-1]] == "NNS" or word in ("you", "we", "they"))
    return "were" if plural else "was"


def _joined(tokens: Sequence[str]) -> str:
    text = " ".join(tokens)
    text = re.sub(r"([(<\['–—]) ", r"\1", text)
    return re.sub(rf" (?=[{_SIGN}–—’”]|n't)", "", text)
