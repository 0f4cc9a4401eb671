"""Text to tokens and back as published: close to spaCy's, joined by single blanks and tidied."""

import re
from string import ascii_lowercase

_SIGNS = r"[,:;!?()\[\]{}<>_#*&…]|\.\.+|['\"”“`‘´’‚„»«]|[—–$£€]"
_PREFIX = re.compile(rf"[%=§]|\+(?!\d)|{_SIGNS}")
_SUFFIX = re.compile(
    rf"(?:{_SIGNS}|['’][sS]|(?<=\d)\+|(?<=[0-9a-z%²+'\")\]-])\.|(?<=[A-Z][A-Z])\.)$"
)
_INFIX = re.compile(
    r"\.\.+|…|(?<=\d)[+*^-](?=[\d-])|(?<=[a-z'\"])\.(?=[A-Z'\"])|(?<=[A-Za-z]),(?=[A-Za-z])"
    r"|(?<=[A-Za-z])(?:---?|[-–—~])(?=[A-Za-z])|(?<=[A-Za-z0-9])[:<>=/](?=[A-Za-z])"
)
_CONTRACTION = re.compile(r"(?i)(.*?)(n['’]t|['’](?:m|d|ll|re|ve))")
_FACES = ":) (: ): :( ;) (; =) (= =( )= 8) (8 :/ :] [: =] [= :| :* :o :D =D :3 =3"
_SHORT = "'' e.g. i.e. E.g. I.e. vs. etc. " + " ".join(map("{}.".format, ascii_lowercase))
_WHOLE = frozenset((*_FACES.split(), *_SHORT.split()))
"""What stays together though it has signs in it. Two apostrophes do, so that three of them come
back as an apostrophe and a quotation mark, which no longer end a docstring."""
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
    for chunk in re.findall(r"\s+|\S+", text):
        if chunk.isspace():
            rest = chunk.removeprefix(" ")
            tokens += [rest] if rest else []
        else:
            tokens += _parts(chunk)
    return tokens


def _parts(chunk: str) -> list[str]:
    """Returns a piece between blanks as signs before it, what is left, and signs behind it."""
    before, after = list[str](), list[str]()
    while chunk and chunk not in _WHOLE:
        prefix, suffix = _PREFIX.match(chunk), _SUFFIX.search(chunk)
        if prefix:
            before.append(prefix[0])
            chunk = chunk[prefix.end() :]
            if chunk in _WHOLE:
                break
            suffix = _SUFFIX.search(chunk)
        if suffix:
            after.append(suffix[0])
            chunk = chunk[: suffix.start()]
        if not prefix and not suffix:
            break
    whole = list[str]()
    for part in (*before, *_inner(chunk), *reversed(after)):
        if whole and whole[-1] + part in _WHOLE:
            whole[-1] += part
        else:
            whole.append(part)
    return whole


def _inner(chunk: str) -> list[str]:
    if not chunk or chunk in _WHOLE:
        return [chunk] if chunk else []
    if short := _CONTRACTION.fullmatch(chunk):
        return [part for part in short.groups() if part]
    parts, start = list[str](), 0
    for sign in _INFIX.finditer(chunk):
        parts += [chunk[start : sign.start()], sign[0]]
        start = sign.end()
    return [part for part in (*parts, chunk[start:]) if part]


def joined(tokens: list[str]) -> str:
    """Returns the text without most of the blanks that joining puts before and inside signs."""
    text = " ".join(tokens)
    for pattern, replacement in _TIDY:
        text = re.sub(pattern, replacement, text)
    return text.strip()
