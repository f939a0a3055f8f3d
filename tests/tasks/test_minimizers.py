"""At the minimizers that a task names, its gradient is zero and its loss the lowest."""

import pytest
import torch

from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tasks.diagnostic_cases import CASES
from lodo_bench.tasks.functions import FUNCTIONS
from tests.helpers import build_task

KNOWN = [
    ("rosenbrock", {}),
    *(("test-functions", {"function": name}) for name in FUNCTIONS),
    *(("diagnostics", {"case": name}) for name in CASES),
]


@pytest.mark.parametrize(
    ("name", "options"), KNOWN, ids=lambda value: "-".join(map(str, getattr(value, "values", str)()))
)
def test_the_gradient_is_zero_and_the_loss_the_bound(name, options):
    kind = TASKS.load(name)
    options = dict(task_spec(name, options).options)
    points = torch.tensor(kind.minimizers(options), dtype=torch.float64)
    assert points.shape == (len(points), kind.dimension_for(options)) and len(points)
    task = build_task(name, range(len(points)), **options)
    lowest = kind.optimal_loss(options)
    task.next_batch()
    if name == "diagnostics":  # whose noise is not part of the loss that it descends
        loss, gradient = task._loss(points), torch.autograd.functional.jacobian(lambda x: task._loss(x).sum(), points)
    else:
        loss, gradient = task.loss_and_gradient(points)
    scale = max(1.0, float(points.abs().max()))
    assert gradient.abs().max() < 1e-10 * scale
    expected = torch.full_like(loss, 0.0 if lowest is None else lowest.loss)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)


def test_each_minimizer_is_another_point():
    points = TASKS.load("test-functions").minimizers({"function": "himmelblau"})
    assert len({tuple(point) for point in points}) == 4


def test_tasks_need_not_name_any():
    assert TASKS.load("quadratic").minimizers({}) == ()
