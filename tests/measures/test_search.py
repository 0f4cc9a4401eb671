import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from steadycode.errors import DataError
from steadycode.measures import search
from steadycode.measures.search import Programs, embeddings, mean_average_precision
from steadycode.models.tokens import encode


def by_hand(
    queries: Tensor, candidates: Tensor, q: list[str], c: list[str], own: set[tuple[int, int]]
) -> float:
    found = []
    for i, query in enumerate(queries):
        scored = [
            (-float(query @ candidate), j)
            for j, candidate in enumerate(candidates)
            if (i, j) not in own
        ]
        hits, precisions = 0, []
        for rank, (_, j) in enumerate(sorted(scored), 1):
            if c[j] == q[i]:
                hits += 1
                precisions.append(hits / rank)
        if precisions:
            found.append(sum(precisions) / len(precisions))
    return 100 * sum(found) / len(found)


@pytest.mark.parametrize("cells", [1, 50, 1 << 24])
def test_map_is_the_textbooks_whatever_is_held_at_a_time(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_CELLS", cells)
    generator = torch.Generator().manual_seed(0)
    vectors = functional.normalize(torch.randn(40, 6, generator=generator), dim=1)
    labels = [str(random.Random(i).randrange(12)) for i in range(40)]
    indices = [f"i{i}" for i in range(40)]
    one, other = slice(0, 15), slice(15, 40)
    got = mean_average_precision(vectors[one], vectors[other], labels[one], labels[other])
    assert got == pytest.approx(
        by_hand(vectors[one], vectors[other], labels[one], labels[other], set())
    )
    same = mean_average_precision(vectors, vectors, labels, labels, indices, indices)
    itself = {(i, i) for i in range(40)}
    assert same == pytest.approx(by_hand(vectors, vectors, labels, labels, itself))
    assert same != pytest.approx(mean_average_precision(vectors, vectors, labels, labels))


def test_perfect_vectors_find_all_and_queries_without_a_hit_do_not_count() -> None:
    vectors = torch.eye(3)[[0, 1, 2, 0, 1]]
    labels = ["a", "b", "lonely", "a", "b"]
    own = ["1", "2", "3", "4", "5"]
    assert mean_average_precision(vectors, vectors, labels, labels, own, own) == 100
    assert math.isnan(mean_average_precision(vectors[:1], vectors[1:2], ["a"], ["b"]))


def test_of_equal_candidates_the_earlier_ranks_first() -> None:
    query, candidates = torch.tensor([[1.0, 0]]), torch.tensor([[1.0, 0], [1.0, 0]])
    assert mean_average_precision(query, candidates, ["a"], ["b", "a"]) == 50
    assert mean_average_precision(query, candidates, ["a"], ["a", "b"]) == 100


def test_an_embedding_is_the_mean_with_both_ends(model: Any, tokenizer: Any) -> None:
    codes = ("def f(x):\n    return x\n", "a = 1\n" * 40, "z")
    programs = Programs(
        language="python", codes=codes, labels=("1", "2", "3"), indices=("1", "2", "3")
    )
    got = embeddings(model, tokenizer, programs, max_tokens=30)
    for row, code in zip(got, codes, strict=True):
        end = tokenizer.eos_token_id
        ids = [end, *encode(tokenizer, " ".join(code.split()))[:28], end]
        assert len(ids) <= 30
        with torch.no_grad():
            out = model(torch.tensor([ids]), output_hidden_states=True)
        mean = out.hidden_states[-1][0].mean(0)
        torch.testing.assert_close(row, mean / mean.norm(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "line", ["[1]", "{", '{"code": "x"}', '{"code": 3, "label": 1}', '{"label": 1}']
)
def test_a_bad_row_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"code": "x", "label": "a"}\n' + line + "\n")
    with pytest.raises(DataError, match=r"rows.jsonl:2: "):
        search.read_programs("python", path)
    path.write_text("\n")
    with pytest.raises(DataError, match="holds no programs"):
        search.read_programs("python", path)
    with pytest.raises(DataError, match="cannot be read"):
        search.read_programs("python", tmp_path / "none")


def test_languages_are_named_with_their_files() -> None:
    assert list(search.languages(["python=a=b.jsonl"])) == [("python", Path("a=b.jsonl"))]
    for wrong in ("python", "=a", "python=", "c++=a"):
        with pytest.raises(DataError) as fault:
            list(search.languages([wrong]))
        assert str(fault.value) == (
            f"{wrong!r}: write LANGUAGE=FILE, for instance python=python.jsonl"
        )
