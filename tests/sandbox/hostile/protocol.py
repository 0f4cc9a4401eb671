"""Messages to the checker that an honest program would not send."""

from collections.abc import Iterator
from typing import Any

from hostile.attack import ANY_WAY, FORGE, SQUARE, Attack, assemble


def _raised(name: str, text: str = "", args: Any = (), **state: Any) -> dict[str, Any]:
    """A message that says so, of one of Python's own exceptions."""
    args = list(args)
    return {"raised": ["builtins", name, []], "text": text, "args": args, "state": state}


_MESSAGES: dict[str, Any] = {
    "raised an exit of Python's": _raised("SystemExit", "0", [0]),
    "raised an interrupt of Python's": _raised("KeyboardInterrupt"),
    "raised a stop of Python's": _raised("StopIteration", "True", [True]),
    "raised what is no error": _raised("exec", "x", ["x"]),
    "raised a type": _raised("int", "4", [4]),
    "raised a group of nothing": _raised("ExceptionGroup"),
    "raised another class": _raised("ValueError", __class__={"builtin": "int"}),
    "raised without a traceback": _raised("ValueError", __traceback__=None, __context__=None),
    "raised with other contents": _raised("ValueError", __dict__={"dict": [["args", 4]]}),
    "raised with a text": _raised("ValueError", __str__=4, __init__=4, with_traceback=4),
    "raised of a module": {**_raised("x"), "raised": ["os", "system", []]},
    "raised of the checker": {**_raised("x"), "raised": ["wire", "Gone", []]},
    "raised of no module": {**_raised("x"), "raised": [["os"], {"a": 1}, 4]},
    "raised of itself": {**_raised("x"), "raised": ["a", "A", [["a", "A", []]] * 8]},
    "raised of everything": {
        **_raised("x"),
        "raised": ["a", "A", [["builtins", name, []] for name in ("ValueError", "OSError", "int")]],
    },
    "raised beneath a thousand": (
        b'{"raised": '
        + b'["a", "A", [' * 400
        + b'["b", "B", []]'
        + b"]]" * 400
        + b', "text": "", "args": [], "state": {}}'
    ),
    "named for code": {"value": {"named": ["x): exit() #", ["a"], [4]]}},
    "named with code": {"value": {"named": ["x", ["a=exit()"], [4]]}},
    "named by words": {"value": {"named": ["x", "a b", [4, 4]]}},
    "named too often": {"value": {"named": ["x", ["a", "a"], [4, 4]]}},
    "named for itself": {"value": {"named": ["x", ["_fields", "__eq__"], [4, 4]]}},
    "named by numbers": {"value": {"named": [4, [4], [4]]}},
    "named too little": {"value": {"named": ["x", ["a", "b"], [4]]}},
    "a thousand kinds of named": {
        "value": [{"named": ["x", [f"a{n}", f"b{n}"], [4, 4]]} for n in range(1000)]
    },
    "named without end": {"value": {"named": ["x", [f"a{n}" for n in range(2000)], [4] * 2000]}},
    "unknown builtin": {"value": {"builtin": "exec"}},
    "builtin by list": {"value": {"builtin": ["int"]}},
    "builtin not implemented": {"value": {"builtin": "NotImplemented"}},
    "builtin type": {"value": {"builtin": "type"}},
    "keys of lists": {"value": {"keys": [[4]]}},
    "items that are no pairs": {"value": {"items": [4]}},
    "changed by name": {"value": 0, "changed": [["x", 4], [None, 4], [[0], 4]]},
    "changed for a longer one": {"value": 0, "changed": [[1, [4] * 100_000]]},
    "no object": 5,
    "a list": [],
    "nothing": None,
    "a word": "passed",
    "empty": b"",
    "not JSON": b"{passed}",
    "not text": b"\xff\xfe\x00",
    "twice the key": b'{"value": 0, "value": true}',
    "deep lists": b'{"value": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep tags": b'{"value": ' + b'{"tuple": [' * 500 + b"]}" * 500 + b"}",
    "huge integer": b'{"value": ' + b"9" * 100_000 + b"}",
    "huge float": b'{"value": 1e999}',
    "not a number": b'{"value": NaN}',
    "unknown tag": {"value": {"exec": "print()"}},
    "two tags": {"value": {"int": "0x4", "list": []}},
    "no tag": {"value": {}},
    "text as integer": {"value": {"int": "four"}},
    "list as integer": {"value": {"int": []}},
    "set of lists": {"value": {"set": [[4], [4]]}},
    "key that is a list": {"value": {"dict": [[[4], 4]]}},
    "half a pair": {"value": {"dict": [[4]]}},
    "numbers as tuple": {"value": {"tuple": 4}},
    "not base 64": {"value": {"bytes": "%"}},
    "range of all": {"value": {"range": ["0x0", "0x7fffffffffffffff", "0x1"]}},
    "range by nothing": {"value": {"range": ["0x0", "0x9", "0x0"]}},
    "huge decimal": {"value": {"decimal": "4E+999999999999"}},
    "fraction by nothing": {"value": {"fraction": ["0x1", "0x0"]}},
    "no date": {"value": {"datetime": "yesterday"}},
    "counter of text": {"value": {"counter": [["a", "b"], ["a", {"counter": []}]]}},
    "no such object": {"value": {"object": [10**9, "int"]}},
    "negative object": {"value": {"object": [-1, "int"]}},
    "object by name": {"value": {"object": ["__class__", "int"]}},
    "object by list": {"value": {"object": [[0], [0]]}},
    "object by nothing": {"value": {"object": [None, None]}},
    "object that is true": {"value": {"object": [True, "bool"]}},
    "object too short": {"value": {"object": [0]}},
    "module outside": {"value": {"module": "steadycode"}},
    "module that acts": {"value": {"module": "antigravity"}},
    "module by path": {"value": {"module": "../secret"}},
    "module of the checker": {"value": {"module": "__main__"}},
    "error by a builtin's name": {"value": {"exception": ["exec"]}},
    "error without names": {"value": {"exception": []}},
    "function of the test": {"value": {"yours": 0}},
    "last function of the test": {"value": {"yours": -1}},
    "coroutine": {"value": {"coroutine": 4}},
    "raised nothing": {"raised": []},
    "raised a number": {"raised": 4},
    "raised a word": {"raised": "SystemExit"},
    "raised an object": {"raised": {"0": "SystemExit"}},
    "raised exit": {"raised": ["SystemExit"], "text": "0", "args": [0]},
    "raised an interrupt": {"raised": ["KeyboardInterrupt"], "text": "", "args": []},
    "raised Gone": {"raised": ["Gone", "BaseException"], "text": "left", "args": ["left"]},
    "raised a builtin": {"raised": ["exec"], "text": "", "args": []},
    "raised a name with nothing": {"raised": ["\0"], "text": "", "args": []},
    "raised a surrogate": {"raised": ["\ud800"], "text": "\ud800", "args": ["\ud800"]},
    "raised a stop": {"raised": ["StopIteration"], "text": "", "args": [True]},
    "raised many bases": {"raised": ["A"] * 5000, "text": "", "args": []},
    "changed what was not given": {"value": 0, "changed": [[99, [4]]]},
    "changed the function": {"value": 0, "changed": [[0, [4]]]},
    "changed the argument": {"value": 0, "changed": [[1, 4]]},
    "changed by text": {"value": 0, "changed": "ab"},
    "changed for ever": {"value": 0, "changed": [[1, [4]]] * 1000},
    "call of the test": {"op": "call_back", "number": 0, "on": []},
    "call of the last": {"op": "call_back", "number": -1, "on": [{"module": "os"}]},
    "call by name": {"op": "call_back", "number": "exec", "on": ["exit()"]},
    "call with nothing": {"op": None},
    "verdict": {"status": "passed", "detail": ""},
}
_RAW = {
    "huge length": "b'\\xff\\xff\\xff\\xff' + b'x' * 1000",
    "largest length": "struct.pack('>I', 64 << 20) + b'x' * 1000",
    "negative length": "struct.pack('>i', -1)",
    "half a length": "b'\\0\\0'",
    "half a message": "struct.pack('>I', 100) + b'{\"value\": 4'",
    "zeros": "bytes(60000)",
    "lines": 'b\'{"status": "passed"}\\n\' * 1000',
}


def protocol_attacks() -> Iterator[Attack]:
    """Messages that no honest program sends, in place of an answer and of every later one."""
    for name, message in _MESSAGES.items():
        code = assemble(
            f"""\
            def f(*_):
                say(*[{message!r}] * 30)
                os._exit(0)
            """,
            FORGE,
        )
        for kind, test in {"answer": ANY_WAY, "in advance": SQUARE}.items():
            if kind == "in advance":
                code = assemble(f"say(RAN, FUNCTION, *[{message!r}] * 9)\nos._exit(0)\n", FORGE)
            yield Attack("protocol", f"{name} {kind}", code, test)
    for name, data in _RAW.items():
        for kind, body in {
            "first": f"say_raw({data})\ntime.sleep(0.1)\nos._exit(0)\n",
            "as an answer": f"def f(*_):\n    say_raw({data})\n    return 0\n",
        }.items():
            yield Attack("protocol", f"{name} {kind}", assemble(body, FORGE), SQUARE)
    listens = assemble(
        """\
        def f(call, *_):
            say({"op": "call_back", "number": 0, "on": [{"yours": 0}]})
            while True:
                say({"op": "call_back", "number": 0, "on": [[[[]]]]})
                for fd in range(3, 20):
                    try:
                        os.set_blocking(fd, False)
                        os.read(fd, 65536)
                    except OSError:
                        pass
        """,
        FORGE,
    )
    calls = "def check(candidate):\n    assert candidate(lambda x: x) == 1\n"
    yield Attack("protocol", "calls back for ever", listens, calls)
    deaf = listens.replace("os.read(fd, 65536)", "pass")
    yield Attack("protocol", "calls back and hears nothing", deaf, calls)
    recursive = "def f(call):\n    return call(call)\n"
    yield Attack(
        "protocol",
        "calls each other for ever",
        recursive,
        "def check(candidate):\n"
        "    def back(call):\n        return candidate(back)\n"
        "    assert candidate(back) == 1\n",
    )
