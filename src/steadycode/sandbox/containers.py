"""What a container that can be changed holds, and how it is made to hold something else.

This file imports nothing of steadycode, since the worker loads it.
"""

import array
import collections
from typing import Any

_Deque, _Array = collections.deque, array.array


def content(container: Any) -> list[Any]:
    """What a container holds: its items, or a dict's keys and then its values."""
    if isinstance(container, float):
        return []
    if isinstance(container, list):
        return list.__getitem__(container, slice(None))
    if isinstance(container, dict):
        return [*dict.keys(container), *dict.values(container)]
    if isinstance(container, bytearray):
        return [bytes(container)]
    if isinstance(container, _Array):
        return [_Array.tobytes(container)]
    base = set if isinstance(container, set) else _Deque
    return [*base.__iter__(container)]


def refill(container: Any, items: list[Any]) -> None:
    """Make ``container`` hold what ``content`` said of its like."""
    if isinstance(container, dict):
        half = len(items) // 2
        filled = dict(zip(items[:half], items[half:], strict=True))
        dict.clear(container)
        for key, item in filled.items():
            dict.__setitem__(container, key, item)
    elif isinstance(container, list):
        list.__setitem__(container, slice(None), items)
    elif isinstance(container, bytearray):
        bytearray.__setitem__(container, slice(None), items[0])
    elif isinstance(container, _Array):
        del container[:]
        container.frombytes(items[0])
    elif isinstance(container, set):
        filled_set = set(items)
        set.clear(container)
        set.update(container, filled_set)
    else:
        _Deque.clear(container)
        _Deque.extend(container, items)
