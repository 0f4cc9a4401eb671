"""What was read by eye is what is made today, keeps its meaning, and still passes."""

from pathlib import Path

import pytest

from steadycode.problems import Problem
from steadycode.recode import Variant
from steadycode.recode.programs import reference
from steadycode.sandbox import Judge
from tests.recode.reading import EACH, VERDICTS, natural, read_rows, row, sample, table

DOCS = Path(__file__).parents[2] / "docs" / "recode.md"


@pytest.fixture(scope="module")
def pairs(problems: list[Problem]) -> list[tuple[Problem, Variant]]:
    return list(sample(problems))


def test_the_file_is_in_step(pairs: list[tuple[Problem, Variant]]) -> None:
    # else: python -m tests.recode.reading, and read the rows that have no verdict
    assert [each.key for each in read_rows()] == [row(*pair).key for pair in pairs]
    assert len(pairs) == EACH * len(natural())


def test_nearly_all_keep_their_meaning_and_none_is_broken() -> None:
    rows = read_rows()
    assert all(each.verdict in VERDICTS and each.reader for each in rows)
    assert all(bool(each.second_verdict) == bool(each.second_reader) for each in rows)
    assert all(each.second_verdict in ("", *VERDICTS) for each in rows)
    for verdicts in ([r.verdict for r in rows], [r.second_verdict for r in rows]):
        read = [verdict for verdict in verdicts if verdict]
        assert read.count("kept") >= 0.98 * len(read)
        assert "broken" not in read


def test_the_documents_show_the_table() -> None:
    assert "\n".join(table(read_rows())) in DOCS.read_text(encoding="utf-8")


def test_the_references_of_all_that_was_read_pass(
    pairs: list[tuple[Problem, Variant]], judge: Judge
) -> None:
    verdicts = dict(judge(enumerate(reference(variant) for _, variant in pairs)))
    failing = {
        (variant.perturbation, variant.task_id): verdicts[number]
        for number, (_, variant) in enumerate(pairs)
        if verdicts[number].status != "passed"
    }
    assert not failing
