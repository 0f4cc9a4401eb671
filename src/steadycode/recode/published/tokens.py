"""Text to tokens and back as published: close to spaCy's, joined by single blanks and tidied."""

import re

_TOKEN = re.compile(
    r"\|{3}|\.{3}|\d+(?:[.,]\d+)+|\w+(?=n't\b)|n't\b|'(?:s|m|d|ll|re|ve)\b|\w+|\s+|[^\w\s]"
)
_TIDY = (
    (r"`` ", '"'),
    (r" ''", '"'),
    (r"\. \. \.", "..."),
    (r"\( ", "("),
    (r" \)", ")"),
    (r" ([.,:;!?%])(?=[\s'\"]|$)", r"\1"),
    (r" (?='|n't)", ""),
    (r"\bcan not\b", "cannot"),
)


def tokenized(text: str) -> list[str]:
    """Returns words, signs, and what blanks there are beside the single one between two words."""
    tokens = []
    for token in _TOKEN.findall(text):
        rest = token.removeprefix(" ") if token.isspace() else token
        if rest:
            tokens.append(rest)
    return tokens


def joined(tokens: list[str]) -> str:
    """Returns the text without most of the blanks that joining puts before and inside signs."""
    text = " ".join(tokens)
    for pattern, replacement in _TIDY:
        text = re.sub(pattern, replacement, text)
    return text.strip()
