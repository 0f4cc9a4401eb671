"""Reads what a program's process says beside its values, and takes nothing that it would not write.

A program can write to the channel what it likes. Whatever is not as our side of that process writes
it is one failure with one name, and never an error of the test. This file imports nothing of
steadycode, since the worker loads it.
"""

import builtins
import re
import sys
from dataclasses import dataclass
from typing import Any

import forms  # type: ignore[import-not-found]
import raising  # type: ignore[import-not-found]
import stand_ins  # type: ignore[import-not-found]
import surroundings  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]

Message = dict[str, Any]

PYTHONS = frozenset(name for name in vars(builtins) if not name.startswith("_"))
"""The names of which a program may define its own."""
_UNKNOWN = "a value that cannot be handed over"
_DOUBT = re.compile(
    rf"(?:a view of a dict|the order of a set|{_UNKNOWN}|a value that is nested too deep"
    r"|a complex number that is not equal to itself|a time in a zone of the kind '[\w.]{1,80}'"
    rf"|an object of '[\w.]{{1,80}}', a kind of (?:{'|'.join(forms.BASE_NAMES)}))"
)
_MOST = 10_000  # warnings, or records of a log, in one reply
_FAULTS = (TypeError, ValueError, LookupError, AttributeError)


_NO_NEWS = surroundings.News()


@dataclass(frozen=True)
class Aside:
    """What a reply says beside its value."""

    refused: str = ""
    """What the sandbox refused the program to do with its own files, in words of ours."""
    doubt: str = ""
    """What may be otherwise in one process, in words of ours."""
    shadowed: tuple[str, ...] = ()
    """Names of Python's of which the program has its own."""
    news: surroundings.News = _NO_NEWS
    """What has become of what both processes share."""


_NOTHING = Aside()


def worded(doubt: str) -> str:
    """``doubt`` in words that the other side takes."""
    return doubt if not doubt or _DOUBT.fullmatch(doubt) else _UNKNOWN


def read_aside(message: Message) -> Aside:
    """What ``message`` says beside its value. Raises Gone for what no honest program sends."""
    if not message.keys() & _FIELDS:
        return _NOTHING
    try:
        return Aside(
            _read_refused(message.get("refused", "")),
            _read_doubt(message.get("doubt", "")),
            tuple(_read_name(name) for name in _read_list(message.get("shadowed", []))),
            _read_news(message.get("around", {})),
        )
    except _FAULTS as fault:
        raise wire.Gone("sends what is not a reply") from fault


_FIELDS = frozenset({"refused", "doubt", "shadowed", "around"})


def check_result(operation: str, name: Any, value: Any) -> None:
    """Raise Gone where ``value`` is not what the operation, or the conversion ``name``, gives."""
    kind = _CONVERTED.get(name) if operation == "convert" else _DONE.get(operation)
    right = kind is None or isinstance(value, kind)
    if operation == "convert" and name == "len":
        right = right and 0 <= value <= sys.maxsize
    if not right:
        raise wire.Gone(f"sends what is not the result of {operation!r}")


_DONE: dict[str, Any] = {
    **dict.fromkeys(("contains", "is_instance", "is_subclass"), bool),
    "signature": tuple,
}
_CONVERTED: dict[Any, Any] = {
    **{kind.__name__: kind for kind in (str, bool, int, float, complex, bytes)},
    **dict.fromkeys(("len", "hash", "index"), int),
    **dict.fromkeys(("repr", "format"), str),
    **{"dir": list, "fspath": (str, bytes)},
}
"""The types of what Python gives for these, whatever a class of the program's says."""


def _read_refused(name: Any) -> str:
    if name not in ("", *stand_ins.REFUSED):
        raise ValueError(name)
    return f"os.{name} on its own files" if name else ""


def _read_doubt(text: Any) -> str:
    if not isinstance(text, str) or worded(text) != text:
        raise ValueError(text)
    return text


def _read_name(name: Any) -> str:
    if name not in PYTHONS:
        raise ValueError(name)
    return str(name)


def _read_news(around: Any) -> surroundings.News:
    if not isinstance(around, dict):
        raise TypeError(around)
    maker = raising.Maker()
    warned = [
        (_read_warning(maker, described), _read_text(text))
        for described, text in _read_list(around.get("warned", []))
    ]
    logged = [
        (_read_text(name), _read_number(level, 1 << 31), _read_text(text))
        for name, level, text in _read_list(around.get("logged", []))
    ]
    return surroundings.News(
        tuple(_read_text(text) for text in _read_list(around.get("printed", []))[:2]),
        tuple(warned),
        tuple(logged),
        _read_number(around.get("drawn", 0), surroundings.MOST_DRAWN),
    )


def _read_warning(maker: raising.Maker, described: Any) -> type[Warning]:
    kind = maker.kind(described)
    return kind if issubclass(kind, Warning) else UserWarning


def _read_list(items: Any) -> list[Any]:
    if not isinstance(items, list) or len(items) > _MOST:
        raise TypeError("not a list of so many")
    return items


def _read_text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(text)
    return text


def _read_number(number: Any, most: int) -> int:
    if type(number) is not int or not 0 <= number <= most:
        raise ValueError(number)
    return number
