import math
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import spearmanr

from steadycode.errors import DataError
from steadycode.measures.textual_similarity import (
    Pair,
    rank_correlation,
    read_pairs,
    spearman,
)

EXPECTED = [Pair('a "quoted', "b", 1.5), Pair("c", "d", 4.0)]


@pytest.mark.parametrize(
    "text",
    [
        'sentence1\tgenre\tsentence2\tscore\na "quoted\tnews\tb\t1.5\nc\tnews\td\t4\n',
        'main\tf\t2012\t1\t1.5\ta "quoted\tb\nmain\tf\t2012\t2\t4.0\tc\td\tsource\n',
        '{"sentence1": "a \\"quoted", "sentence2": "b", "score": 1.5}\n\n'
        '{"sentence1": "c", "sentence2": "d", "score": "4"}\n',
    ],
)
def test_every_form_of_the_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "sts").write_text(text)
    assert read_pairs(tmp_path / "sts") == EXPECTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sentence1\tsentence2\tscore\na\tb\t1\na\tb\tmuch\n", ":3: wanted"),
        ("a\tb\t1\n", ":1: wanted"),
        ('{"sentence1": "a"}\n', ":1: wanted"),
        ('{"sentence1": "a", "sentence2": "b", "score": 1}\n{\n', ":2: "),
        ('{"sentence1": "a", "sentence2": "b", "score": 1}\n\n[1]\n', ":3: "),
        ("sentence1\tsentence2\tscore\na\tb\tnan\n", ":2: wanted"),
        ("sentence1\tsentence2\tscore\na\tb\t1\n", "holds 1 pairs"),
        ("", "holds 0 pairs"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sts").write_text(text)
    with pytest.raises(DataError, match=message):
        read_pairs(tmp_path / "sts")


def test_ranks_with_ties_are_scipys() -> None:
    a, b = [1.0, 2, 2, 5, 3], [0.0, 1, 4, 4, 4]
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)


def test_sentences_that_are_alike_for_the_model_and_for_people(model: Any, tokenizer: Any) -> None:
    pairs = [
        Pair("return x", "return x", 5.0),
        Pair("return x", "return y", 4.0),
        Pair("return x", "0 1 2 3 4 5 6", 0.0),
    ]
    assert spearman(model, tokenizer, pairs) == pytest.approx(1.0)
    with pytest.raises(DataError, match="has no tokens"):
        spearman(model, tokenizer, [Pair("a", "", 1.0), Pair("a", "b", 2.0)])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.tsv cannot be read: No such file or directory"):
        read_pairs(tmp_path / "none.tsv")


def test_scores_that_are_all_equal_have_no_correlation() -> None:
    assert math.isnan(rank_correlation([1.0, 2.0], [3.0, 3.0]))
