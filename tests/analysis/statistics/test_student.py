"""Student's quantiles against SciPy's, and those that have a formula."""

import math

import pytest
from scipy import stats

from lodo_bench.analysis.statistics.student import two_sided_quantile


@pytest.mark.parametrize("probability", [0.001, 0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 8, 9, 30, 99, 1000, 9999])
def test_it_is_that_of_scipy(probability, degrees):
    expected = -stats.t.ppf((1 - probability) / 2, degrees)
    assert two_sided_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9)


def test_of_one_degree_it_is_that_of_cauchy():
    assert two_sided_quantile(0.95, 1) == pytest.approx(math.tan(0.95 * math.pi / 2), rel=1e-12)


def test_of_two_degrees_it_has_a_formula():
    assert two_sided_quantile(0.95, 2) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-12)
