"""What crosses between a program and its checker, and what does not."""

import json
import math
import os
import struct
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import steadycode.sandbox


@pytest.fixture(scope="module")
def wire() -> Iterator[Any]:
    """As the worker loads it: by its bare name."""
    folder = str(Path(steadycode.sandbox.__file__).parent)
    sys.path.insert(0, folder)
    import wire

    yield wire
    sys.path.remove(folder)


def no_export(value: object) -> dict[str, Any]:
    raise LookupError(type(value).__name__)


def no_find(tag: str, data: object) -> object:
    raise LookupError(tag)


def there(wire: Any, value: object) -> Any:
    return wire.decode(json.loads(json.dumps(wire.encode(value, no_export))), no_find)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1, 2**63, -(2**64), 1 << 600, 1.5, -0.0, math.inf, "", "é\ud800\0",
        [], [1, "a", None], [[1], (2, [3])], [2**70, 1], (), (1,), {}, {"a": 1}, {1: {2: 3}},
        {(1, 2): "x", None: [1]}, {"int": 5}, set(), {1, 2}, frozenset({"a"}), b"\0\xff",
        bytearray(b"x"), 1 + 2j, range(0, 10, 3), Decimal("1.10"), Decimal("-Infinity"),
        Fraction(-1, 3), date(2020, 2, 29), datetime(2020, 1, 1, 5, tzinfo=UTC), time(1, 2),
        timedelta(days=-1, microseconds=5), deque([1, 2]), Counter("aab"), OrderedDict(b=1, a=2),
    ],
    ids=repr,
)  # fmt: skip
def test_plain_data_arrives_as_it_was(wire: Any, value: object) -> None:
    found = there(wire, value)
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_integers_of_any_size_arrive(wire: Any) -> None:
    assert there(wire, 10**5000) == 10**5000  # beyond what Python writes in decimal


def test_nan_arrives(wire: Any) -> None:
    assert math.isnan(there(wire, float("nan")))


class Always(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Rows(list[int]):
    def __iter__(self) -> Iterator[int]:
        return iter([9, 9, 9])


def test_a_subclass_arrives_as_the_value_that_it_holds(wire: Any) -> None:
    point = namedtuple("point", "x y")
    assert there(wire, Always(3)) == 3
    assert there(wire, Always(3)) != 4
    assert there(wire, Rows([1, 2])) == [1, 2]
    assert there(wire, point(1, 2)) == (1, 2)
    assert there(wire, point(1, 2)).y == 2
    assert there(wire, defaultdict(list, a=[1])) == {"a": [1]}


def test_other_objects_do_not_cross(wire: Any) -> None:
    with pytest.raises(LookupError, match="object"):
        wire.encode([1, object()], no_export)


@pytest.mark.parametrize(
    "data",
    [
        {}, {"a": 1, "b": 2}, {"unknown": 1}, {"int": "x"}, {"int": 5}, {"set": [[]]},
        {"dict": [[1]]}, {"dict": [[[], 1]]}, {"tuple": 5}, {"bytes": "x"},
        {"range": ["0", "0", "0"]}, {"decimal": []}, {"fraction": ["1", "0"]},
        {"datetime": "never"}, {"timedelta": ["a"]}, {"complex": [1, 2, 3]}, {"object": None},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_written_by_us_is_refused(wire: Any, data: object) -> None:
    with pytest.raises(wire.Gone):
        wire.decode(data, no_find)


@pytest.mark.parametrize(
    "said",
    [b"", b"\0\0", struct.pack(">I", 5) + b"{}", struct.pack(">I", 1 << 31), b"passed\n" * 10]
    + [struct.pack(">I", len(body)) + body for body in (b"{", b"[1]", b"\xff\xff", b"[" * 9999)],
)  # fmt: skip
def test_a_broken_message_is_the_end(wire: Any, said: bytes) -> None:
    read, write = os.pipe()
    os.write(write, said)
    os.close(write)
    with pytest.raises(wire.Gone):
        wire.Channel(read, -1).receive()
    os.close(read)


def test_messages_come_whole_and_in_order(wire: Any) -> None:
    read, write = os.pipe()
    channel = wire.Channel(read, write)
    for number in range(3):
        channel.send({"value": [number] * 1000})
    assert [channel.receive()["value"][0] for _ in range(3)] == [0, 1, 2]
    os.close(read)
    with pytest.raises(wire.Gone):
        channel.send({"value": None})
    os.close(write)
