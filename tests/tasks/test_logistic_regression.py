import math

import numpy as np
import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tasks.custom.function import FunctionTask
from tests.helpers import SMALL, build_task, generators

NAME = "logistic-regression"
TABLE = SMALL[NAME]["data"]


@pytest.fixture
def two_classes(tmp_path):
    path = tmp_path / "two.libsvm"
    path.write_text("1 1:1 2:3\n-1 1:2 2:-1\n1 1:0.5\n-1 1:3 2:0.2\n1 2:2\n")
    return str(path)


def table(path):
    """Features and class numbers of a CSV file, by NumPy."""
    cells = np.genfromtxt(path, delimiter=",", dtype=str, skip_header=1)
    features = cells[:, :-1].astype(float)
    return (features - features.mean(0)) / features.std(0), np.unique(cells[:, -1], return_inverse=True)[1]


def newton(task, steps=10):
    """The minimum, by Newton's method with steps that are halved while the loss grows."""
    x = task.initial_point()
    for _ in range(steps):
        loss, gradient = task.loss_and_gradient(x)
        direction = torch.linalg.solve(task.hessian(x), gradient)
        scale = 1.0
        while task.loss_and_gradient(x - scale * direction)[0] > loss and scale > 1e-9:
            scale /= 2
        x = x - scale * direction
    loss, gradient = task.loss_and_gradient(x)
    return loss.item(), gradient.abs().max().item()


def test_the_loss_is_that_of_the_formula():
    task = build_task(NAME, [0], regularization=0.1)
    features, classes = table(TABLE)
    x = torch.randn(1, 15, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weight, bias = x[0, :12].numpy().reshape(3, 4), x[0, 12:].numpy()
    logits = features @ weight.T + bias
    likelihood = logits[np.arange(30), classes] - np.log(np.exp(logits).sum(1))
    expected = -likelihood.mean() + 0.05 * (x**2).sum().item()
    assert task.loss_and_gradient(x)[0].item() == pytest.approx(expected, rel=1e-12)


def test_two_classes_have_one_row_of_weights(two_classes):
    task = build_task(NAME, [0], data=two_classes)
    assert task.dimension == 3
    x = torch.tensor([[0.3, -0.2, 0.1]], dtype=torch.float64)
    raw = np.array([[1, 3], [2, -1], [0.5, 0], [3, 0.2], [0, 2]])
    margins = np.array([1, -1, 1, -1, 1]) * ((raw - raw.mean(0)) / raw.std(0) @ [0.3, -0.2] + 0.1)
    expected = np.log1p(np.exp(-margins)).mean() + 0.0005 * 0.14
    assert task.loss_and_gradient(x)[0].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("two", [True, False])
def test_the_hessian_in_closed_form_is_that_of_autograd(two, two_classes):
    task = build_task(NAME, [0, 1], data=two_classes if two else TABLE)
    x = torch.randn(2, task.dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batch = task._streams[0].batch
    for row, found in zip(x, task.hessian(x), strict=True):
        rows = task.dimension // (task._features.shape[1] + 1)
        named = {"weight": row[:-rows].view(rows, -1), "bias": row[-rows:]}
        torch.testing.assert_close(found, FunctionTask._hessian(task, named, batch))


def test_it_starts_at_the_logarithm_of_the_number_of_classes():
    task = TASKS.load(NAME)(generators([0]), torch.float64, {})
    assert task.dimension == 650
    assert task.loss_and_gradient(task.initial_point())[0].item() == pytest.approx(math.log(10), rel=1e-12)


def test_newtons_method_finds_the_minimum_that_is_documented():
    loss, slope = newton(TASKS.load(NAME)(generators([0]), torch.float64, {}))
    assert slope < 1e-9
    assert f"{loss:.6f}" in TASKS.load(NAME).__doc__


def test_mini_batches_are_random_and_unbiased():
    full, task = build_task(NAME, [0]), build_task(NAME, [0], batch_size=10)
    x, losses = torch.randn(1, 15, generator=torch.Generator().manual_seed(0), dtype=torch.float64), []
    for _ in range(400):
        task.next_batch()
        losses.append(task.loss_and_gradient(x)[0].item())
    expected = full.loss_and_gradient(x)[0].item()
    assert abs(np.mean(losses) - expected) < 4 * np.std(losses) / 20
    assert len(set(losses)) > 300


def test_results_of_a_mini_batch_are_bit_identical_for_any_population_size():
    def run(seeds):
        task = TASKS.load(NAME)(generators(seeds), torch.float32, {"batch_size": 31})
        x = task.initial_point()
        for _ in range(10):
            task.next_batch()
            x = x - 0.1 * task.loss_and_gradient(x)[1]
        return x

    together = run(range(5))
    assert torch.equal(torch.cat([run([seed]) for seed in range(5)]), together)


def test_the_content_of_the_file_is_part_of_the_identity(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("1,a\n2,b\n")
    first = task_spec(NAME, {"file": str(path)})
    assert TASKS.load(NAME).dimension_for(first.options) == 2
    path.write_text("1,a\n3,b\n5,c\n")
    assert TASKS.load(NAME).dimension_for(first.options) == 6
    second = task_spec(NAME, {"data": str(path)})
    assert first.options == second.options == {"data": str(path)}
    assert first.version.startswith("sha256:")
    assert first != second
    assert task_spec(NAME, {}).version == ""


def test_a_missing_file_is_told():
    with pytest.raises(UsageError, match=r"cannot read 'none\.csv'"):
        task_spec(NAME, {"data": "none.csv"})
