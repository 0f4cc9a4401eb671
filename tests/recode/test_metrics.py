"""The worked examples of the metrics' definition, by hand."""

import math
from itertools import combinations

import numpy as np
import pytest

from steadycode.recode.metrics import (
    bootstrap,
    interval,
    nominal_pass,
    pass_at_k,
    robust_drop_at_k,
    robust_pass_at_k,
    robust_pass_of_some,
    robust_relative_at_k,
)


def bits(*rows: str) -> np.ndarray:
    """[problems, samples] from one string of 0 and 1 per problem."""
    return np.array([[c == "1" for c in row] for row in rows])


def variants(*seeds: np.ndarray) -> np.ndarray:
    return np.stack(seeds, axis=1)


def one_sample(text: str) -> np.ndarray:
    return bits(*text.split())


def test_pass_at_k_is_the_share_of_draws_that_hold_a_passing_sample() -> None:
    for n in range(1, 7):
        for c in range(n + 1):
            for k in range(1, n + 1):
                draws = list(combinations(range(n), k))
                hits = sum(any(i < c for i in draw) for draw in draws)
                assert pass_at_k(n, c, k) == pytest.approx(hits / len(draws), abs=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(1, 0, 2), (2, 3, 1), (2, -1, 1), (2, 1, 0), (0, 0, 1)])
def test_pass_at_k_is_nan_where_undefined(n: int, c: int, k: int) -> None:
    assert math.isnan(pass_at_k(n, c, k))


def test_first_example_two_seeds() -> None:
    nominal = one_sample("1 1 0 0")
    both = variants(one_sample("1 1 0 1"), one_sample("1 0 0 0"))
    assert nominal_pass(nominal, 1).mean() == 0.5
    assert robust_pass_at_k(both, 1) == 0.25
    assert robust_drop_at_k(nominal, both, 1) == 0.5
    assert robust_relative_at_k(nominal, both, 1) == 0.5


def test_second_example_a_category_is_not_the_mean_of_its_perturbations() -> None:
    nominal = one_sample("1 1 1 0 0")
    a0, a1 = one_sample("1 1 0 0 0"), one_sample("1 1 1 0 0")
    b0 = one_sample("0 1 1 1 0")
    a, b, category = variants(a0, a1), variants(b0), variants(a0, a1, b0)
    assert robust_pass_at_k(a, 1) == pytest.approx(2 / 5)
    assert robust_drop_at_k(nominal, a, 1) == pytest.approx(1 / 3)
    assert robust_relative_at_k(nominal, a, 1) == pytest.approx(1 / 5)
    assert robust_pass_at_k(b, 1) == pytest.approx(3 / 5)
    assert robust_drop_at_k(nominal, b, 1) == 0
    assert robust_relative_at_k(nominal, b, 1) == pytest.approx(2 / 5)
    assert robust_pass_at_k(category, 1) == pytest.approx(1 / 5)
    assert robust_drop_at_k(nominal, category, 1) == pytest.approx(2 / 3)
    assert robust_relative_at_k(nominal, category, 1) == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("k", "nominal_pass_at_k", "robust", "drop", "relative"),
    [
        (1, 0.5, 0.25, 0.5, 5 / 12),  # the third example
        (2, 11 / 18, 4 / 9, 3 / 11, 7 / 9),  # the fourth
    ],
)
def test_examples_with_four_samples(
    k: int, nominal_pass_at_k: float, robust: float, drop: float, relative: float
) -> None:
    nominal = bits("1111", "1100", "0000")
    seeds = variants(bits("1110", "1010", "0001"), bits("0111", "1100", "0000"))
    assert nominal_pass(nominal, k).mean() == pytest.approx(nominal_pass_at_k)
    assert robust_pass_at_k(seeds, k) == pytest.approx(robust)
    assert robust_drop_at_k(nominal, seeds, k) == pytest.approx(drop)
    assert robust_relative_at_k(nominal, seeds, k) == pytest.approx(relative)


def test_variants_that_do_not_count_change_nothing() -> None:
    nominal = one_sample("1 1 0 0")
    seeds = variants(one_sample("1 1 0 1"), one_sample("1 0 0 0"), one_sample("0 0 1 0"))
    valid = np.array([[True, True, False]] * 4)
    assert robust_pass_at_k(seeds, 1, valid) == robust_pass_at_k(seeds[:, :2], 1)
    assert robust_relative_at_k(nominal, seeds, 1, valid) == 0.5


def test_a_problem_without_variant_is_left_out_everywhere() -> None:
    nominal = one_sample("1 1 1")
    seeds = variants(one_sample("1 0 0"))
    valid = np.array([[True], [True], [False]])
    assert robust_pass_at_k(seeds, 1, valid) == 0.5
    assert robust_drop_at_k(nominal, seeds, 1, valid) == 0.5
    assert robust_relative_at_k(nominal, seeds, 1, valid) == 0.5


def test_undefined_metrics_are_nan() -> None:
    nothing = one_sample("0 0")
    assert math.isnan(robust_drop_at_k(nothing, variants(one_sample("1 0")), 1))
    assert math.isnan(robust_pass_at_k(np.zeros((0, 0, 1), dtype=bool), 1))
    assert math.isnan(robust_pass_at_k(variants(nothing), 2))


def test_a_drop_may_be_negative() -> None:
    assert robust_drop_at_k(one_sample("1 0"), variants(one_sample("1 1")), 1) == -1


def test_the_interval_is_seeded_and_holds_the_mean() -> None:
    values = np.array([0.0, 1.0] * 50)
    draws = bootstrap(100, seed=3)
    assert (draws == bootstrap(100, seed=3)).all()
    low, high = interval(values[draws].mean(axis=1))
    assert 0.38 < low < 0.42  # 0.5 - 1.96 * 0.05
    assert 0.58 < high < 0.62
    assert all(map(math.isnan, interval(np.array([np.nan]))))


def test_some_of_the_variants_are_less_hard_than_all() -> None:
    passed = np.array([[[1, 0], [1, 0], [0, 0], [1, 1]], [[1, 1], [1, 1], [0, 0], [0, 0]]], bool)
    valid = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
    drawn = [robust_pass_of_some(passed, some, valid) for some in range(1, 5)]
    every_pair = list(combinations(range(4), 2))
    pairs = np.mean([passed[0][list(pair)].all(axis=0).mean() for pair in every_pair])
    np.testing.assert_allclose(drawn[0], [0.5, 1.0])
    np.testing.assert_allclose(drawn[1], [pairs, 1.0])
    np.testing.assert_allclose(drawn[2], [0.125, np.nan])
    np.testing.assert_allclose(drawn[3], [0.0, np.nan])
