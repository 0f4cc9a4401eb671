import math

import pytest
import torch

from steadycode.measures.representation import Representation, mean_cosine, uniformity


def pairs(n: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(n) for j in range(n) if i != j]


def test_mean_cosine_against_all_pairs() -> None:
    x = torch.randn(9, 5, generator=torch.Generator().manual_seed(0)) + 1
    expected = [torch.cosine_similarity(x[i].double(), x[j].double(), dim=0) for i, j in pairs(9)]
    assert mean_cosine(x) == pytest.approx(torch.stack(expected).mean().item(), rel=1e-6)


def test_uniformity_against_all_pairs() -> None:
    x = torch.randn(9, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    u = torch.nn.functional.normalize(x, dim=1)
    expected = [torch.exp(-2 * (u[i] - u[j]).square().sum()) for i, j in pairs(9)]
    assert uniformity(x) == pytest.approx(torch.stack(expected).mean().log().item(), rel=1e-9)


def test_known_geometry() -> None:
    """Two sequences: one of equal vectors, one of opposite ones; their means are orthogonal."""
    representation = Representation()
    representation.add(torch.tensor([[2.0, 0.0], [5.0, 0.0]]))  # cosine 1
    representation.add(torch.tensor([[-1.0, 1.0], [1.0, 1.0]]))  # cosine 0
    figures = representation.figures()
    assert figures == {
        "intra_similarity": pytest.approx(0.5),
        "isotropy": pytest.approx(0.5),
        "inter_similarity": pytest.approx(0.0),
        "uniformity": pytest.approx(-4.0),  # |x - y|^2 = 2
    }


def test_a_zero_vector_has_similarity_zero() -> None:
    assert mean_cosine(torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])) == pytest.approx(1 / 3)


def test_without_pairs_there_is_no_figure() -> None:
    assert all(math.isnan(value) for value in Representation().figures().values())
    one = Representation()
    one.add(torch.ones(1, 3))
    assert all(math.isnan(value) for value in one.figures().values())
