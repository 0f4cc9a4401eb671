"""What one side of a channel can ask the other to do with its objects.

This file imports nothing of steadycode, since the worker loads it.
"""

import copy
import math
import operator
import os
from collections.abc import Callable
from typing import Any


def finish(awaitable: Any) -> Any:
    """Run it to its end, in an event loop of its own."""
    import asyncio

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())


def _signature(target: Any) -> Any:
    """Name, kind, default and annotation of each parameter, and what is returned; what is absent
    is an empty tuple."""
    import inspect

    signature = inspect.signature(target)
    empty = inspect.Parameter.empty
    made = [
        (
            parameter.name,
            int(parameter.kind),
            () if parameter.default is empty else (parameter.default,),
            () if parameter.annotation is empty else (parameter.annotation,),
        )
        for parameter in signature.parameters.values()
    ]
    returns = signature.return_annotation
    return tuple(made), () if returns is empty else (returns,)


def _leave(target: Any, error: Any) -> Any:
    return type(target).__exit__(target, error and type(error), error, None)


def _operator(name: str, *operands: Any) -> Any:
    if name not in OPERATORS:
        raise LookupError(name)
    operate = divmod if name == "divmod" else getattr(operator, f"__{name}__")
    return operate(*operands)


ARITHMETIC = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"),
    *("lshift", "rshift", "divmod"),
)
IN_PLACE = tuple(f"i{name}" for name in ARITHMETIC if name != "divmod")
OPERATORS = (*ARITHMETIC, *IN_PLACE, "lt", "le", "gt", "ge", "eq")

_CONVERSIONS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind
    for kind in (
        *(str, repr, format, hash, bool, len, int, float, complex, bytes, round, reversed),
        *(abs, dir, aiter, operator.index, operator.neg, operator.pos, operator.invert),
        *(math.trunc, math.floor, math.ceil, os.fspath, copy.copy, copy.deepcopy),
    )
}

OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda *on, **options: on[0](*on[1:], **options),
    "get": getattr,
    "set": setattr,
    "delete": delattr,
    "item": operator.getitem,
    "set_item": operator.setitem,
    "remove_item": operator.delitem,
    "contains": operator.contains,
    "convert": lambda target, name, *how: _CONVERSIONS[name](target, *how),
    "iterate": iter,
    "next": next,
    "enter": lambda target: type(target).__enter__(target),
    "leave": _leave,
    "async_next": lambda target: finish(target.__anext__()),
    "async_enter": lambda target: finish(target.__aenter__()),
    "async_leave": lambda target: finish(target.__aexit__(None, None, None)),
    "finish": finish,
    "signature": _signature,
    "is_instance": lambda kind, target: isinstance(target, kind),
    "is_subclass": lambda kind, other: issubclass(other, kind),
    "operator": _operator,
}


def describe(kind: type, protocol: tuple[str, ...]) -> list[Any]:
    """What a type can do, as the other side's like of it will: its methods of ``protocol``, its
    module, the classes of ``collections.abc`` that it extends, and a dataclass's fields."""
    methods = [name for name in protocol if _defines(kind, name)]
    if kind.__hash__ is None:
        methods.append("unhashable")
    abstract = [
        base.__name__
        for base in kind.__mro__
        if base.__module__ == "collections.abc" and base is not kind
    ]
    fields = [str(name) for name in getattr(kind, "__dataclass_fields__", ())]
    return [methods, str(kind.__module__), abstract, fields]


def _defines(kind: type, name: str) -> bool:
    """Whether a type has a method of that name, other than what every object has."""
    for base in kind.__mro__:
        if name in vars(base):
            return base is not object and vars(base)[name] is not None
    return False
