import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadycode.config import DataConfig
from steadycode.corpus import validation
from steadycode.corpus.build import build
from steadycode.corpus.fingerprint import folder_md5
from steadycode.corpus.recipe import Recipe
from steadycode.corpus.validation import Check, ValidationResult, require_valid, validate
from steadycode.errors import DataError
from steadycode.files import sha256_folder, sha256_text
from steadycode.project import Project
from steadycode.views.validation import validation_page
from tests.builders.corpus import function

BOUNDS = DataConfig(min_rows=50)
Row = dict[str, Any]


def row(number: int, **changes: Any) -> Row:
    content = changes.pop("content", function(number))
    return {
        "content": content,
        "kind": "module",
        "licence": "MIT",
        "package": "ours",
        "path": f"greet_{number}.py",
        "sha256": sha256_text(content) if isinstance(content, str) else "",
        "version": "1.0",
        **changes,
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sixty good rows: fifty, five, five."""
    for split, numbers in (("train", range(50)), ("valid", range(50, 55)), ("test", range(55, 60))):
        write(tmp_path / "data" / f"{split}.jsonl", [row(number) for number in numbers])
    return tmp_path / "data"


def write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def append(data: Path, line: str | Row, split: str = "train") -> None:
    with (data / f"{split}.jsonl").open("a") as out:
        out.write((line if isinstance(line, str) else json.dumps(line)) + "\n")


def failed(data: Path, bounds: DataConfig = BOUNDS) -> dict[str, tuple[str, ...]]:
    return {check.name: check.rows for check in validate(data, bounds).failed}


def test_built_data_is_valid_and_untouched(project: Project, recipe: Recipe) -> None:
    build(recipe, project)
    before = sha256_folder(project.root)
    result = validate(project.data, BOUNDS)
    assert result.ok
    assert result.rows == 60
    assert sum(result.splits.values()) == 60
    assert result.data_md5 == folder_md5(project.data)
    assert result.summary_line() == "data fit to train on: 60 rows, 12 of 12 checks passed"
    require_valid(result)
    assert sha256_folder(project.root) == before


@pytest.mark.parametrize(
    ("poison", "found"),
    [
        (row(99, content="def f(:\n" * 9), {"parses": ("train.jsonl:51 ours/greet_99.py",)}),
        (row(99, content="(" * 9999), {"parses": ("train.jsonl:51 ours/greet_99.py",)}),
        (row(99, licence="GPL-3.0-only"), {"licence": ("train.jsonl:51 ours/greet_99.py",)}),
        (row(99, sha256="0" * 64), {"hash": ("train.jsonl:51 ours/greet_99.py",)}),
        (row(99, content="x = 1\n"), {"length": ("train.jsonl:51 ours/greet_99.py",)}),
        (row(99, version=None), {"nulls": ("train.jsonl:51 ours/greet_99.py",)}),
        (row(99, content=None), {"nulls": ("train.jsonl:51 ours/greet_99.py",),
                                 }),
        (row(99, version=7), {"schema": ("train.jsonl:51 ours/greet_99.py",)}),
        (row(99, licence=["MIT"]), {"schema": ("train.jsonl:51 ours/greet_99.py",)}),
        ({"content": function(99)}, {"schema": ("train.jsonl:51",), "hash": ("train.jsonl:51",)}),
        (row(99, path="greet_57.py"), {"one_split": ("train.jsonl:51 ours/greet_57.py",
                                                     "test.jsonl:3 ours/greet_57.py")}),
        (row(99, content=function(7)), {"unique": ("train.jsonl:8 ours/greet_7.py",
                                                   "train.jsonl:51 ours/greet_99.py")}),
        (row(99, path="a\nb\x1b.py", licence="X"), {"licence": ("train.jsonl:51 ours/a�b�.py",)}),
        ('{"content": ', {"json": ("train.jsonl:51",)}),
        ("[1, 2]", {"json": ("train.jsonl:51",)}),
        ("[" * 100_000, {"json": ("train.jsonl:51",)}),
    ],
)  # fmt: skip
def test_poisoned_row_is_named(
    data: Path, poison: str | Row, found: dict[str, tuple[str, ...]]
) -> None:
    append(data, poison)
    assert failed(data) == found


def test_line_that_is_not_text(data: Path) -> None:
    with (data / "valid.jsonl").open("ab") as out:
        out.write(b"\n\xff\xfe\n")
    assert failed(data) == {"json": ("valid.jsonl:7",)}


def test_a_byte_order_mark_is_no_fault_as_it_is_none_for_a_training(data: Path) -> None:
    path = data / "train.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert failed(data) == {}


def test_duplicate_across_splits_whatever_the_hash_says(data: Path) -> None:
    append(data, row(99, content=function(2), sha256="1" * 64), "test")
    names = ("train.jsonl:3 ours/greet_2.py", "test.jsonl:6 ours/greet_99.py")
    assert failed(data) == {"unique": names, "hash": names[1:]}


@pytest.mark.parametrize("remove", [Path.unlink, lambda path: path.write_text("")])
def test_split_without_rows(data: Path, remove: Callable[[Path], Any]) -> None:
    remove(data / "valid.jsonl")
    result = validate(data, BOUNDS)
    assert result.summary_line() == (
        "data NOT fit to train on: 55 rows, 11 of 12 checks passed (splits: no rows in valid)"
    )


def test_no_rows_at_all(data: Path) -> None:
    for path in data.iterdir():
        path.write_text("")
    result = validate(data, BOUNDS)
    assert not result.ok
    assert {check.name for check in result.failed} == {"row_count", "splits"}
    with pytest.raises(DataError, match=r"row_count \(at least 50 rows in all\): 0 rows"):
        require_valid(result)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="steadycode data build"):
        validate(tmp_path / "none", BOUNDS)


def test_too_few_rows(data: Path) -> None:
    assert failed(data, DataConfig(min_rows=61)) == {"row_count": ()}


def test_credential_warns_and_is_not_quoted(data: Path, tmp_path: Path) -> None:
    key = "AKIA" + "ABCDEFGHIJ012345"
    append(data, row(99, content=f'KEY = "{key}"\n# {"x" * 40}\n'))
    result = validate(data, BOUNDS)
    assert result.ok
    assert [check.name for check in result.failed] == ["credentials"]
    result.write(tmp_path / "result.json")
    (tmp_path / "result.html").write_text(validation_page(result))
    assert key not in (tmp_path / "result.json").read_text()
    assert key not in (tmp_path / "result.html").read_text()


def test_require_valid_is_one_line_with_the_rows(data: Path) -> None:
    for number in range(90, 115):
        append(data, row(number, content=f"def f(: # {number} {'x' * 40}"))
    append(data, row(115, licence="GPL-3.0-only"))
    result = validate(data, BOUNDS)
    parses = next(check for check in result.failed if check.name == "parses")
    assert parses.failures == 25
    assert len(parses.rows) == 20
    with pytest.raises(DataError) as error:
        require_valid(result)
    assert str(error.value) == (
        "the data is not fit to train on: parses (the content is Python): 25 rows "
        "[train.jsonl:51 ours/greet_90.py, train.jsonl:52 ours/greet_91.py, "
        "train.jsonl:53 ours/greet_92.py, …]; "
        "licence (the licence is one of MIT, BSD-2-Clause, BSD-3-Clause, Apache-2.0, PSF-2.0, "
        "ISC): 1 row [train.jsonl:76 ours/greet_115.py]; "
        "mend the source or the recipe, then `steadycode data build --force` and `dvc add data`"
    )


def test_fault_of_a_check_is_not_a_fault_of_the_data(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = validation._holds("broken", "asks for what is not there", "no_such_fact")
    monkeypatch.setattr(validation, "_rules", lambda bounds: [broken])
    result = validate(data, BOUNDS)
    assert not result.ok
    assert "no_such_fact" in result.checks[0].error
    with pytest.raises(DataError, match=r"^the data could not be judged: broken .*no_such_fact"):
        require_valid(result)


def test_result_is_read_back(data: Path, tmp_path: Path) -> None:
    append(data, row(99, licence="GPL-3.0-only"))
    result = validate(data, BOUNDS)
    path = tmp_path / "result.json"
    result.write(path)
    assert ValidationResult.read(path) == result
    first = path.read_bytes()
    validate(data, BOUNDS).write(path)
    assert path.read_bytes() == first
    path.write_text("{")
    with pytest.raises(DataError, match=r"result\.json is damaged .*; validate again"):
        ValidationResult.read(path)


def test_finding_is_a_few_words() -> None:
    check = Check(name="x", description="y", severity="critical", ok=False, failures=1)
    assert check.finding == "1 row"


def test_result_needs_no_great_expectations() -> None:
    code = (
        "import sys, steadycode.corpus.validation, steadycode.corpus.versions; "
        "print({'great_expectations', 'pandas', 'dvc', 'jinja2'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
