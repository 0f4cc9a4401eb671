import math
import random

import pytest

from steadycode.gate.intervals import (
    agreement_width,
    bootstrap,
    t_value,
    tango,
    weighted_mean,
)


@pytest.mark.parametrize(
    ("better", "worse", "n", "low", "high"),
    [
        # data of Cavo et al. 2012, ends as the R package contingencytables prints them
        (6, 16, 161, -0.1240, -0.0054),
        # no discordant pair: ± z² / (n + z²), by hand 3.8415 / 43.8415
        (0, 0, 40, -0.0876, 0.0876),
        (0, 0, 164, -0.0229, 0.0229),
    ],
)
def test_tango_gives_the_reference_and_the_hand_computed_ends(better, worse, n, low, high):
    interval = tango(better, worse, n)
    assert interval.value == pytest.approx((better - worse) / n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_tango_is_antisymmetric_and_stays_within_one():
    for better, worse, n in [(3, 9, 50), (0, 5, 40), (50, 0, 50), (0, 1, 1), (20, 20, 40)]:
        one, other = tango(better, worse, n), tango(worse, better, n)
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
        assert -1 <= one.low <= one.value <= one.high <= 1


def test_tango_solves_its_own_equation():
    b, c, n, z = 4, 11, 120, 1.959963984540054
    for d in (tango(b, c, n).low, tango(b, c, n).high):
        # q maximises the likelihood b log(q + d) + c log q + (n - b - c) log(1 - 2 q - d)
        def slope(q, d=d):
            return b / (q + d) + c / q - 2 * (n - b - c) / (1 - 2 * q - d)

        left, right = max(0.0, -d) + 1e-12, (1 - d) / 2 - 1e-12
        for _ in range(200):
            middle = (left + right) / 2
            left, right = (middle, right) if slope(middle) > 0 else (left, middle)
        statistic = (b - c - n * d) / math.sqrt(n * (2 * left + d * (1 - d)))
        assert abs(statistic) == pytest.approx(z, abs=1e-6)


def test_tango_covers_what_it_claims():
    rng, truth, covered = random.Random(1), -0.05, 0
    for _ in range(1000):
        draws = rng.choices([1, -1, 0], weights=[0.05, 0.10, 0.85], k=164)
        interval = tango(draws.count(1), draws.count(-1), 164)
        covered += interval.low <= truth <= interval.high
    assert 930 <= covered <= 975


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (10, 2.2281), (30, 2.0423), (63, 1.9983)],
)
def test_students_quantiles_are_those_of_the_tables(degrees, quantile):
    assert t_value(0.95, degrees) == pytest.approx(quantile, abs=5e-5)


def test_equal_weights_give_the_ordinary_t_interval():
    # 1, 2, 3, 4: mean 2.5, s = 1.29099, t(3) = 3.18245, half-width 2.05426
    interval = weighted_mean([1, 2, 3, 4], [7, 7, 7, 7], 0.95)
    assert (interval.value, interval.low, interval.high) == pytest.approx(
        (2.5, 2.5 - 2.05426, 2.5 + 2.05426), abs=1e-4
    )


def test_the_bootstrap_is_never_surer_than_full_agreement_allows():
    interval = bootstrap([0.5] * 40, 0.95, seed=3)
    width = agreement_width(40, 0.95)
    assert (interval.low, interval.high) == pytest.approx((0.5 - width, 0.5 + width))
    assert bootstrap([1.0] * 40, 0.95, seed=3).high == 1.0


def test_the_bootstrap_repeats_itself_and_comes_near_the_normal_interval():
    rng = random.Random(5)
    differences = [rng.choice([-0.5, 0, 0, 0.5]) for _ in range(400)]
    interval = bootstrap(differences, 0.95, seed=3)
    assert interval == bootstrap(differences, 0.95, seed=3)
    deviation = math.sqrt(sum((d - interval.value) ** 2 for d in differences) / 399)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * deviation / 20, rel=0.08)
