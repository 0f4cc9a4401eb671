"""Replies that are damaged at random, as a program could send them in place of its honest ones."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

_PROTOCOL = [
    *("__call__", "__len__", "__hash__", "__bool__", "__iter__", "__contains__", "__getitem__"),
    *("__index__", "__eq__", "__enter__", "__exit__"),
]
_KIND = {"object": [1, "K#1", _PROTOCOL, "solution", ["Sized"], ["x"]]}
_ERROR = {
    "error": [
        ["solution", "Own", [["builtins", "ValueError", []]]],
        *("text", ["text", 5], [["x", 5]]),
        [{"error": [["builtins", "KeyError", []], "", [], [], [None, None, False]]}, None, True],
    ]
}
_AROUND = {
    "printed": ["text", ""],
    "warned": [[["builtins", "UserWarning", []], "text"]],
    "logged": [["name", 30, "text"]],
    "drawn": 3,
}
_SIGNATURE = {"tuple": [{"tuple": [{"tuple": ["x", 1, {"tuple": []}, {"tuple": []}]}]}, None]}
_HONEST: list[dict[str, Any]] = [
    {"value": 5, "around": _AROUND},
    {"value": _KIND, "shadowed": ["sum"], "doubt": "the order of a set"},
    {"value": {"dict": [["a", {"tuple": [1, {"set": [1]}]}]]}, "refused": "chmod"},
    {"value": _KIND, "changed": [[0, [1, 2]]], "freed": [0], "to": 1},
    {"raised": _ERROR, "around": _AROUND},
    {"op": "call", "data": {"tuple": [{"tuple": [{"yours": 0}, 1]}, {"tuple": []}]}},
    {"value": {"named": ["P", ["x", "y"], [1, {"decimal": "1.5"}]]}},
    {"value": _SIGNATURE},
    {"value": {"coroutine": 1}},
    {"value": {"datetime": ["2024-01-01T00:00:00", 0, {"zone of the world": "UTC"}]}},
]
_JUNK: list[Any] = [
    *(None, True, False, -1, 0, 1, 1 << 62, 10**30, 0.5, float("inf"), "", "x", "\ud800", "\0"),
    *("__class__", "exec", "a" * 5000, [], [[]], {}, [0] * 500, {"x": 1}, {"at": 0}, {"at": -1}),
    *(
        {"object": [0, "function"]},
        {"yours": 0},
        {"again": 0},
        {"module": "os"},
        {"builtin": "int"},
    ),
    *({"tuple": []}, {"tuple": [1, "x"]}, {"set": [[]]}, {"deque": [2, [1, 2]]}, {"bytes": 5}),
    *(_KIND, _ERROR, _AROUND, {"zone of the world": "America"}, {"typing": ["cast", None]}),
    json.loads("[" * 60 + "]" * 60),
]
_FIELDS = (
    *("value", "raised", "op", "data", "to", "changed", "freed", "doubt", "refused", "shadowed"),
    "around",
)

TEST = """\
import contextlib, inspect, io, logging, random, warnings
WAYS = {
    "__len__": len, "__hash__": hash, "__str__": str, "__bool__": bool, "__iter__": list,
    "__contains__": lambda answer: 4 in answer, "__getitem__": lambda answer: answer[0],
    "__call__": inspect.signature, "__dir__": dir, "__eq__": lambda answer: answer.x,
}
def check(candidate):
    assert callable(candidate)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(record=True):
        answer = candidate(3, lambda x: x, [1])
        if type(answer).__name__ == "K":
            for name, way in WAYS.items():
                if getattr(type(answer), name, None):
                    way(answer)
    assert answer == "@SECRET@"
"""
"""Uses whatever comes; no damaged reply can hold what it wants in the end."""


def conversations(seed: int, count: int) -> Iterator[list[Any]]:
    """Yield ``count`` lists of messages for the checker; the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        said = [{"value": None}, {"value": {"object": [0, "function"]}}]
        said += copy.deepcopy(chance.choices(_HONEST, k=12))
        said[2:2] = [copy.deepcopy(_HONEST[1])] * chance.randint(0, 1)
        first = chance.choice((0, 1, 2, 2, 2, 3, 3, 4, 5))
        for at in range(first, len(said)):
            for _ in range(chance.choice((1, 1, 2, 4))):
                said[at] = _damage(said[at], chance)
        yield said


def _damage(message: Any, chance: random.Random) -> Any:
    """The message with one part of it removed, replaced, repeated or added."""
    if not isinstance(message, dict) or not message or chance.random() < 0.03:
        return copy.deepcopy(chance.choice(_JUNK))
    if chance.random() < 0.3:
        return {**message, chance.choice(_FIELDS): copy.deepcopy(chance.choice(_JUNK))}
    owner, key = chance.choice(list(_places(message)))
    if chance.random() < 0.3:
        del owner[key]
    elif isinstance(owner, list) and chance.random() < 0.2:
        owner *= chance.choice((2, 50))
    else:
        owner[key] = copy.deepcopy(chance.choice(_JUNK))
    return message


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, item in list(items):
        yield data, key
        if isinstance(item, (dict, list)) and item:
            yield from _places(item)
