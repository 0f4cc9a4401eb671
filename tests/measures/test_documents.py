import json
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.measures.documents import evenly, read_documents


def test_documents_are_read_whole_or_spread_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps({"content": f"x = {i}\n"}) + "\n" for i in range(10)))
    assert read_documents(path) == [f"x = {i}\n" for i in range(10)]
    assert read_documents(path, limit=3) == ["x = 0\n", "x = 3\n", "x = 6\n"]
    assert evenly(["a", "b"], 5) == ["a", "b"]


@pytest.mark.parametrize(
    "row", ["{", "[1]", '{"text": "x"}', '{"content": 3}', r'{"content": "\ud800"}']
)
def test_a_bad_row_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"content": "x"}\n' + row + "\n")
    with pytest.raises(DataError, match=r"train.jsonl:2: "):
        read_documents(path)


def test_a_missing_or_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_documents(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match=r"empty.jsonl holds no documents"):
        read_documents(tmp_path / "empty.jsonl")
