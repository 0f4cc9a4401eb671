"""What crosses between a program and its checker, and what does not."""

import json
import math
import os
import struct
import sys
from array import array
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

import steadycode.sandbox


@pytest.fixture(scope="module")
def values() -> Iterator[Any]:
    """As the worker loads it: by its bare name."""
    folder = str(Path(steadycode.sandbox.__file__).parent)
    sys.path.insert(0, folder)
    import values

    yield values
    sys.path.remove(folder)


@pytest.fixture(scope="module")
def wire(values: Any) -> Any:
    return values.wire


def no_export(value: object) -> dict[str, Any]:
    raise LookupError(type(value).__name__)


def no_find(tag: str, data: object) -> object:
    raise LookupError(tag)


def sides(values: Any) -> tuple[Any, Any]:
    return values.Codec(no_export, no_find), values.Codec(no_export, no_find)


def sent(here: Any, there: Any, value: object) -> Any:
    return there.unpack(json.loads(json.dumps(here.pack("value", value))), "value")


def there(values: Any, value: object) -> Any:
    return sent(*sides(values), value)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1, 2**63, -(2**64), 1 << 600, 1.5, -0.0, math.inf, "", "é\ud800\0",
        [], [1, "a", None], [[1], (2, [3])], [2**70, 1], (), (1,), {}, {"a": 1}, {1: {2: 3}},
        {(1, 2): "x", None: [1]}, {"int": 5}, set(), {1, 2}, frozenset({"a"}), b"\0\xff",
        bytearray(b"x"), 1 + 2j, range(0, 10, 3), Decimal("1.10"), Decimal("-Infinity"),
        Fraction(-1, 3), date(2020, 2, 29), datetime(2020, 1, 1, 5, tzinfo=UTC), time(1, 2),
        timedelta(days=-1, microseconds=5), deque([1, 2]), Counter("aab"), OrderedDict(b=1, a=2),
        defaultdict(list, a=[1]), deque([1, 2], 2), array("d", [1.5]), Path("a/b"), UUID(int=7),
        slice(1, None), datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    ],
    ids=repr,
)  # fmt: skip
def test_plain_data_arrives_as_it_was(values: Any, value: object) -> None:
    found = there(values, value)
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_integers_of_any_size_arrive(values: Any) -> None:
    assert there(values, 10**5000) == 10**5000  # beyond what Python writes in decimal


def test_nan_arrives_and_is_known_again(values: Any) -> None:
    here, far = sides(values)
    one, other, again = sent(here, far, (math.nan, float("nan"), math.nan))
    assert math.isnan(one)
    assert one is again is not other


class Always(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Rows(list[int]):
    def __iter__(self) -> Iterator[int]:
        return iter([9, 9, 9])


def test_a_subclass_arrives_as_the_value_that_it_holds_and_is_doubted(values: Any) -> None:
    point = namedtuple("point", "x y")
    for value, plain in ((Always(3), 3), (Rows([1, 2]), [1, 2]), (point(1, 2), (1, 2))):
        here, far = sides(values)
        assert sent(here, far, value) == plain
        assert type(value).__name__ in here.doubt
    assert there(values, Always(3)) != 4
    assert there(values, point(1, 2)).y == 2


def test_other_objects_do_not_cross(values: Any) -> None:
    with pytest.raises(LookupError, match="object"):
        sides(values)[0].pack("value", [1, object()])


def test_a_container_is_one_object_in_every_message(values: Any) -> None:
    here, far = sides(values)
    row: list[Any] = [0]
    rows = [row, row]
    copies = sent(here, far, (rows, {"row": row}))
    assert copies[0][0] is copies[0][1] is copies[1]["row"]
    assert sent(far, here, copies[0][0]) is row
    row.append(1)
    assert sent(here, far, None) is None
    assert copies[0] == [[0, 1], [0, 1]]
    copies[1]["row"].clear()
    sent(far, here, None)
    assert rows == [[], []]


def test_a_container_that_holds_itself_arrives(values: Any) -> None:
    here, far = sides(values)
    ring: list[Any] = [1]
    ring.append(ring)
    copy = sent(here, far, ring)
    assert copy[1] is copy
    assert copy[0] == 1


def test_what_neither_side_holds_is_forgotten(values: Any) -> None:
    here, far = sides(values)
    for number in range(100):
        sent(far, here, sent(here, far, [[number]])[0][0])
    assert len(here._shared) < 10
    assert len(far._shared) < 10


def test_what_cannot_be_written_leaves_both_sides_as_they_were(values: Any) -> None:
    here, far = sides(values)
    row = [1]
    copy = sent(here, far, row)
    with pytest.raises(LookupError):
        here.pack("value", [row, [2], object()])
    row.append(3)
    assert sent(here, far, [row, []])[0] is copy
    assert copy == [1, 3]


@pytest.mark.parametrize(
    "data",
    [
        {}, {"a": 1, "b": 2}, {"unknown": 1}, {"int": "x"}, {"int": 5}, {"set": [[]]},
        {"dict": [[1]]}, {"dict": [[[], 1]]}, {"tuple": 5}, {"bytes": "x"},
        {"range": ["0", "0", "0"]}, {"decimal": []}, {"fraction": ["1", "0"]},
        {"datetime": "never"}, {"timedelta": ["a"]}, {"complex": [1, 2, 3]}, {"object": None},
        {"at": 5}, {"at": []}, {"deque": [-1, []]}, {"array": ["z", ""]}, {"array": ["d", "00"]},
        {"default": [5, []]}, {"zone of the world": "../etc"}, {"path": 5}, {"uuid": "-1"},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_written_by_us_is_refused(values: Any, wire: Any, data: object) -> None:
    with pytest.raises(wire.Gone):
        sides(values)[1].unpack({"value": data}, "value")


@pytest.mark.parametrize(
    "message",
    [{}, {"value": 0, "to": 7}, {"value": 0, "changed": [[0, []]]}, {"value": 0, "freed": 5}],
    ids=repr,
)
def test_a_message_that_counts_otherwise_is_refused(
    values: Any, wire: Any, message: dict[str, Any]
) -> None:
    with pytest.raises(wire.Gone):
        sides(values)[1].unpack(message, "value")


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
