"""Simes' combination of p-values."""

import pytest
from scipy import stats

from lodo_bench.analysis.statistics.simes import simes


@pytest.mark.parametrize("values", [[0.2], [0.01, 0.04, 0.3], [0.5, 0.5], [0.004] * 10, [1.0, 1.0]])
def test_p_is_the_least_of_the_adjusted_ones_of_scipy(values):
    assert simes(values) == pytest.approx(stats.false_discovery_control(values).min(), rel=1e-12)


def test_nothing_is_no_evidence():
    assert simes([]) == 1.0
