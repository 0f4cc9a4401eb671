"""Other words for a word, in its own form. Those of technical words are listed by hand, because
the texts that WordNet counts are not technical; those of all others come from WordNet."""

from functools import lru_cache
from importlib.resources import files

from steadycode.recode.language import wordnet
from steadycode.recode.language.inflection import Class, inflected, lemma
from steadycode.recode.language.wordnet import Pos

_FREQUENT = 4
"""How often WordNet's tagged texts use a word that counts as current in a sense."""
_MAIN = 0.3
"""How often a sense has to be used, compared with the most used one, to count."""

_NOT_USED = frozenset(("follow", "hold", "two", "total", "sum", "return"))
_KINDS: dict[str, tuple[Pos, Class]] = {
    "N": ("n", "NOUN"), "V": ("v", "VERB"), "J": ("a", "ADJ"),
}  # fmt: skip


@lru_cache(maxsize=8192)
def synonyms(word: str, tag: str) -> tuple[str, ...]:
    """Returns single words, the best first, that may stand for ``word`` where it has this Penn tag.

    They are in the same form. There are none for names, function words and terms of art.
    """
    if tag[:1] not in _KINDS or tag in ("NNP", "NNPS"):
        return ()
    pos, kind = _KINDS[tag[0]]
    word = word.lower()
    base = lemma(word, kind) or word
    by_hand = _technical().get((pos, base))
    others = _main(base, pos) if by_hand is None else by_hand
    inflections = (inflected(other, tag) for other in others)
    return tuple(dict.fromkeys(other for other in inflections if other != word))


@lru_cache(maxsize=1)
def _technical() -> dict[tuple[str, str], list[str]]:
    """Returns the synonyms listed by hand, by part of speech and base form."""
    text = files("steadycode.recode.language").joinpath("technical.txt").read_text("utf-8")
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {(pos, base): others for pos, base, *others in rows}


def _main(base: str, pos: Pos) -> list[str]:
    """Returns the current words of the senses that the word mostly has."""
    senses = wordnet.senses(base, pos)[:2]
    first = max((sense.count for sense in senses), default=0)
    return [
        other
        for sense in senses
        if sense.count and sense.count >= _MAIN * first
        for other, uses in sorted(sense.synonyms, key=lambda pair: -pair[1])
        if uses >= _FREQUENT and other.islower() and other.isalpha() and other not in _NOT_USED
    ]
