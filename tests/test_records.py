"""Files of ours come back as what was written, or are told to be damaged, and where."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from steadycode.errors import EvidenceError
from steadycode.records import Measured, parse_record, read_record, write_record


@dataclass(frozen=True, kw_only=True)
class Inner:
    events: int
    ends: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Outer:
    folder: Path
    value: Measured
    rows: tuple[Inner, ...]
    by_name: Mapping[str, Measured]
    reason: str = ""


GOOD = Outer(
    folder=Path("a/b"),
    value=0.5,
    rows=(Inner(events=3, ends=(1, 2.5)),),
    by_name={"x": math.nan},
)


def read(path: Path, schema: int = 1) -> Outer:
    return read_record(path, Outer, schema, EvidenceError, "evaluate again")


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_record(path, GOOD, 1)
    back = read(path)
    assert math.isnan(back.by_name["x"])
    assert back.by_name.keys() == GOOD.by_name.keys()
    assert (back.folder, back.value, back.rows) == (GOOD.folder, GOOD.value, GOOD.rows)
    assert '"x": null' in path.read_text()


def test_nan_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_record(path, GOOD, 1)
    path.write_text(path.read_text().replace("null", "NaN"))
    assert math.isnan(read(path).by_name["x"])


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ('"events": 3', '"events": "x"', r"damaged \(rows\.0\.events: .*integer"),
        ('"events": 3', '"events": "3"', r"damaged \(rows\.0\.events: .*integer"),
        ('"events": 3', '"event": 3', r"damaged \(rows\.0\.events: .*required"),
        ('"value": 0.5', '"value": "0.5"', r"damaged \(value: .*number"),
        ('"folder": "a/b"', '"folder": 5', r"damaged \(folder: "),
        ('"schema": 1', '"schema": 2', "another schema version; evaluate again"),
        ('"schema": 1,', "", "another schema version; evaluate again"),
        ("{", "[", "damaged"),
        ("}", "", "damaged"),
    ],
)
def test_damage_is_told_with_its_place(tmp_path: Path, good: str, bad: str, told: str) -> None:
    path = tmp_path / "record.json"
    write_record(path, GOOD, 1)
    text = path.read_text()
    assert good in text
    path.write_text(text.replace(good, bad, 1))
    with pytest.raises(EvidenceError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"none\.json cannot be read \(No such file"):
        read(tmp_path / "none.json")


def test_a_text_is_read_like_a_file() -> None:
    with pytest.raises(EvidenceError, match="the tag is damaged"):
        parse_record("nonsense", Outer, 1, "the tag", EvidenceError, "decide again")
