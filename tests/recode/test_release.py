"""Files as the public release has them: written, and read as they are."""

import json
import re
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem, load_problems
from steadycode.recode import (
    PERTURBATIONS,
    Benchmark,
    build_benchmark,
    read_benchmark,
    write_benchmark,
)
from steadycode.recode.perturbations import names_of
from steadycode.recode.variant import Plugins
from steadycode.sandbox import Judge

NAMES = ("ChangeCharCase", "FuncRenameSwapChar", "new_lines", "tab_indent")
BASE = ["task_id", "prompt", "entry_point", "canonical_solution", "test"]
BASE_MBPP = ["task_id", "prompt", "canonical_solution", "entry_point", "test", "completion"]


def lines(path: Path) -> list[str]:
    text = path.read_bytes().decode("ascii")
    assert text.endswith("\n")
    return text.split("\n")[:-1]


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines(path)]


@pytest.fixture(scope="module")
def humaneval(problems: list[Problem], judge: Judge) -> Benchmark:
    return build_benchmark(problems[:20], NAMES, seeds=2, style="release", judge=judge)


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    return shared / "data" / "recode"


@pytest.fixture(scope="module")
def mbpp(published: Path) -> list[Problem]:
    return load_problems(str(published / "mbpp.jsonl"), check_programs=False)


def test_fields_of_humaneval(humaneval: Benchmark, tmp_path: Path) -> None:
    write_benchmark(humaneval, tmp_path / "b")
    assert read_benchmark(tmp_path / "b") == humaneval
    full = tmp_path / "b/perturbed_finalized/humaneval/full"
    fields = {
        "nlaugmenter/humaneval_ChangeCharCase_s1.jsonl": [*BASE, "seed", "perturbed"],
        "func_name/humaneval_FuncRenameSwapChar_s1.jsonl": BASE,
        "format/humaneval_new_lines_s1.jsonl": [*BASE, "partial"],
        "format/humaneval_tab_indent_s0.jsonl": [*BASE, "partial"],
        "../../../nominal/HumanEval.jsonl": BASE,
        "../../../nominal/humaneval_partial.jsonl": [*BASE, "partial"],
    }
    for name, keys in fields.items():
        assert [list(row) for row in rows(full / name)] == [keys] * 20
        assert lines(full / name) == [json.dumps(row) for row in rows(full / name)]
    assert rows(full / "nlaugmenter/humaneval_ChangeCharCase_s1.jsonl")[0]["seed"] == 1
    partials = [row["partial"] for row in rows(tmp_path / "b/nominal/humaneval_partial.jsonl")]
    marker = re.compile(r" *# print\('@@this is the line to split##'\)\n")
    assert [p and tuple(marker.split(str(p))) for p in partials] == [
        None if half.prompt == nominal.prompt else (half.prompt, half.canonical_solution)
        for half, nominal in zip(humaneval.partial, humaneval.nominal, strict=True)
    ]
    assert 0 < partials.count(None) < 20


def test_bytes_of_the_published_mbpp(mbpp: list[Problem], published: Path, tmp_path: Path) -> None:
    write_benchmark(build_benchmark(mbpp, ()), tmp_path / "b")
    assert (tmp_path / "b/nominal/mbpp_wtest.jsonl").read_bytes() == (
        published / "mbpp.jsonl"
    ).read_bytes()
    replayed = read_benchmark(published, mbpp)
    write_benchmark(replayed, tmp_path / "again")
    for name in ("natgen/mbpp_VarRenamerCB_s0.jsonl", "nlaugmenter/mbpp_BackTranslation_s0.jsonl"):
        path = f"perturbed_finalized/mbpp/full/{name}"
        before, after = lines(published / path), lines(tmp_path / "again" / path)
        differ = [i for i, pair in enumerate(zip(before, after, strict=True)) if len({*pair}) > 1]
        # MBPP/64's cut was mended by hand there
        assert [mbpp[i].task_id for i in differ] == ["MBPP/64"] * ("natgen" in name)


def test_a_published_folder_is_read_as_it_is(mbpp: list[Problem], published: Path) -> None:
    benchmark = read_benchmark(published, mbpp)
    assert len(benchmark.variants) == 2 * 974
    assert {(v.perturbation, v.group, v.seed, v.style) for v in benchmark.variants} == {
        ("VarRenamerCB", "syntax", 0, "release"), ("BackTranslation", "docstring", 0, "release"),
    }  # fmt: skip
    path = published / "perturbed_finalized/mbpp/full/nlaugmenter/mbpp_BackTranslation_s0.jsonl"
    variants = [v for v in benchmark.variants if v.group == "docstring"]
    assert [v.changed for v in variants] == [row["perturbed"] for row in rows(path)]
    assert [mode for mode, _ in benchmark.cases()].count("partial") == 2 * 974
    assert read_benchmark(path, mbpp).variants == tuple(variants)


def test_nominal_problems_beside_the_files(humaneval: Benchmark, tmp_path: Path) -> None:
    write_benchmark(humaneval, tmp_path / "b")
    (tmp_path / "b/manifest.json").unlink()
    read = read_benchmark(tmp_path / "b")
    assert (read.nominal, read.partial) == (humaneval.nominal, humaneval.partial)
    assert sorted(map(repr, read.variants)) == sorted(map(repr, humaneval.variants))
    one = tmp_path / "b/perturbed_finalized/humaneval/full/format/humaneval_tab_indent_s0.jsonl"
    assert {v.perturbation for v in read_benchmark(one).variants} == {"tab_indent"}
    (tmp_path / "b/nominal/HumanEval.jsonl").unlink()
    with pytest.raises(DataError, match=r"there is no nominal/HumanEval\.jsonl; give the nominal"):
        read_benchmark(tmp_path / "b")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{", r"s0\.jsonl:2: not JSON"),
        ('{"task_id": "HumanEval/0"}', r"s0\.jsonl:2: field 'prompt' is missing"),
        (json.dumps(dict.fromkeys(BASE, "x")), r"s0\.jsonl:2: no nominal problem 'x'"),
    ],
)
def test_bad_rows_are_named(row: str, fault: str, problems: list[Problem], tmp_path: Path) -> None:
    path = tmp_path / "format" / "humaneval_new_lines_s0.jsonl"
    path.parent.mkdir()
    good = {field: getattr(problems[0], field) for field in BASE}
    path.write_text(json.dumps(good) + "\n" + row + "\n")
    with pytest.raises(DataError, match=fault):
        read_benchmark(path, problems)


def test_damage_is_kept_and_counted(problems: list[Problem], judge: Judge) -> None:
    names = ("tab_indent", "new_line_aftercode")
    built = build_benchmark(problems[:20], names, style="release", judge=judge)
    assert len(built.variants) == 40
    assert built.rejected == ()
    assert built.metadata["counts"] == {
        "tab_indent": {
            "rows": 20, "unchanged": 0, "repeated": 0, "parsed": 0, "passed": 0, "rejected": 0,
        },
        "new_line_aftercode": {
            "rows": 20, "unchanged": 0, "repeated": 0, "parsed": 20, "passed": 20, "rejected": 0,
        },
    }  # fmt: skip


def test_rows_of_a_file_share_its_generator(problems: list[Problem]) -> None:
    both = build_benchmark(problems[:2], ("new_lines",), 1, "release").variants
    alone = build_benchmark(problems[1:2], ("new_lines",), 1, "release").variants
    counts = [variant.prompt.count("\n") for variant in (*both, *alone)]
    assert len({v.prompt for v in (*both, *alone)}) == len(counts)


def test_plugins_that_are_not_given_are_listed(problems: list[Problem]) -> None:
    built = build_benchmark(problems[:1], None, 1, "release", plugins=Plugins())
    assert built.metadata["skipped"] == {
        "BackTranslation": "needs the plug-in 'translate'; see docs/recode.md",
        "VarRenamerCB": "needs the plug-in 'name'; see docs/recode.md",
    }
    assert built.perturbations == tuple(
        n for n in names_of("release") if not PERTURBATIONS[n].needs
    )
