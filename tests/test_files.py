import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from steadycode.files import (
    read_json,
    replacing,
    sha256_folder,
    sha256_json,
    to_json,
    write_json,
    write_jsonl,
)
from steadycode.json_lines import json_lines
from steadycode.randomness import derive_seed


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_json_does_not_depend_on_key_order() -> None:
    assert sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": 2})


@dataclass(frozen=True)
class Measured:
    value: float
    path: Path


def test_what_is_not_finite_is_null_and_comes_back_as_nan() -> None:
    row = {"a": [math.nan, (math.inf, 1.5)], "b": Measured(-math.inf, Path("x")), "c": 2}
    text = to_json(row, indent=None)
    assert text == '{"a": [null, [null, 1.5]], "b": {"path": "x", "value": null}, "c": 2}'
    assert json.loads(text)["b"]["value"] is None
    with pytest.raises(TypeError, match="cannot write set as JSON"):
        to_json({"a": {1}})


def test_lines_round_trip(tmp_path: Path) -> None:
    rows = [{"text": "a\nb\u2028c"}, {"text": "ü"}]
    write_jsonl(tmp_path / "x.jsonl", rows)
    assert [row for _, row in json_lines(tmp_path / "x.jsonl")] == rows


def test_a_folder_is_known_by_its_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("same")
    assert sha256_folder(tmp_path / "one") == sha256_folder(tmp_path / "two")


def test_derived_seeds_are_stable_and_apart() -> None:
    assert derive_seed(0, "train", 1) == 2645237828214174820
    assert len({derive_seed(0, "a", 1), derive_seed(0, "a", "1"), derive_seed(1, "a", 1)}) == 3
