"""What a build leaves out of its sources, counted by reason and named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Reason = Literal[
    "skipped_folder", "hidden", "unprintable_name", "link", "special_file", "not_py", "excluded",
    "not_text", "not_python", "no_definition", "beside_definitions", "empty", "too_short",
    "too_long", "duplicate",
]  # fmt: skip

REASONS: Mapping[Reason, str] = {
    "skipped_folder": "in an environment, a build or a repository's own folder",
    "hidden": "hidden by a name that begins with a dot",
    "unprintable_name": "with a name that has no printable form",
    "link": "that are symbolic links",
    "special_file": "that are sockets, pipes or devices",
    "not_py": "not named *.py",
    "excluded": "excluded by the recipe",
    "not_text": "not text in UTF-8 or the declared encoding",
    "not_python": "not Python 3.11",
    "no_definition": "too long to stay whole, without a function or class",
    "beside_definitions": "code beside the functions and classes of a file that was cut",
    "empty": "empty",
    "too_short": "too short",
    "too_long": "too long",
    "duplicate": "with the text of another row",
}
"""Each reason in words, in the order in which a file meets them."""

NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What was left out for one reason: whole ``files``, and ``parts`` of files that gave rows."""

    files: int
    parts: int
    first: tuple[str, ...]
    """The names of the first five: ``source/path``, for a part ``source/path:LINE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """How many files the sources hold (``seen``) and how many are in data/ (``taken``), as rows or
    as a licence text. All others are left out, each for one reason."""

    seen: int
    taken: int


@dataclass
class Tally:
    """Counts what is left out, in the order in which it is told."""

    _counts: dict[Reason, LeftOut] = field(default_factory=dict)

    def file(self, reason: Reason, name: str) -> None:
        self._add(reason, name, files=1, parts=0)

    def part(self, reason: Reason, name: str) -> None:
        self._add(reason, name, files=0, parts=1)

    def counts(self) -> dict[Reason, LeftOut]:
        return {reason: self._counts[reason] for reason in REASONS if reason in self._counts}

    def _add(self, reason: Reason, name: str, files: int, parts: int) -> None:
        before = self._counts.get(reason, LeftOut(files=0, parts=0, first=()))
        self._counts[reason] = LeftOut(
            files=before.files + files,
            parts=before.parts + parts,
            first=before.first if len(before.first) == NAMED else (*before.first, printable(name)),
        )


def most(left_out: Mapping[Reason, LeftOut]) -> str:
    """The two reasons for which most files were left out, with the first file, in a few words;
    empty when every file was taken."""
    reasons = [reason for reason in left_out if left_out[reason].files]
    reasons.sort(key=lambda reason: -left_out[reason].files)
    told = [
        f"{left_out[reason].files:,} files {REASONS[reason]} (first {left_out[reason].first[0]})"
        for reason in reasons[:2]
    ]
    return f"; left out: {', '.join(told)}" if told else ""


def printable(name: str) -> str:
    """The name with a replacement character for each sign that has no printable form."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)
