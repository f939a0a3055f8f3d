"""Checks of a task."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from lodo_bench.conformance.bits import same_bits, saved_state
from lodo_bench.conformance.cases import TaskCase
from lodo_bench.errors import ConformanceError
from lodo_bench.tasks.base import Task

_BATCHES = 3


def check_determinism(case: TaskCase) -> None:
    """Check that the initial point and the batches follow from the seeds, to the last bit."""
    (first, x), (second, _) = (_task_and_point(case, case.seeds) for _ in range(2))
    if not same_bits(first.initial_point(), second.initial_point()):
        raise ConformanceError(
            "The initial point must follow from the generators; two tasks with the same seeds start at different "
            "points. Draw random numbers from the generators only."
        )
    for batch, (one, other) in enumerate(zip(_evaluations(first, x), _evaluations(second, x), strict=True)):
        if not same_bits(one, other):
            raise ConformanceError(
                "Batches must follow from the generators; two tasks with the same seeds differ to the last bit on "
                f"batch {batch + 1}. Draw random numbers from the generators only, and keep nothing in the class or "
                "the module that changes."
            )


def check_lockstep_independence(case: TaskCase) -> None:
    """Check that an individual alone has the same point, losses and gradients, to the last bit, as among others."""
    together, x = _task_and_point(case, case.seeds)
    expected = list(_evaluations(together, x))
    for index, seed in enumerate(case.seeds):
        alone, _ = _task_and_point(case, (seed,))
        same_start = same_bits(alone.initial_point()[0], together.initial_point()[index])
        found = list(_evaluations(alone, x[index : index + 1]))
        pairs = zip(found, expected, strict=True)
        if not (same_start and all(same_bits(one[0], all_[index]) for one, all_ in pairs)):
            raise ConformanceError(
                f"An individual must be the same, to the last bit, alone and among {len(case.seeds)} individuals; "
                f"individual {index} is not. Draw the random numbers of individual i from generators[i] only, and "
                "reduce over all dimensions but the first, which is that of the individuals."
            )


def check_repeatability(case: TaskCase) -> None:
    """Check that calls at the same `x` on the same batch return the same, and leave `x` as it is."""
    task, x = _task_and_point(case, case.seeds)
    given = x.clone()
    first = _evaluation(task, x)
    task.loss_and_gradient(x + 1)
    second = _evaluation(task, x)
    if not same_bits(x, given):
        raise ConformanceError(
            "loss_and_gradient must not modify x; it did. Compute with new tensors instead of in-place operations on x."
        )
    if not same_bits(first, second):
        raise ConformanceError(
            "loss_and_gradient must return the same at the same x on the same batch; a second call differs. Advance "
            "batches and draw random numbers in next_batch only."
        )


def check_new_tensors(case: TaskCase) -> None:
    """Check that losses, gradients and initial points are new tensors, which later calls do not overwrite."""
    task, x = _task_and_point(case, case.seeds)
    loss, gradient = task.loss_and_gradient(x)
    kept = loss.clone(), gradient.clone()
    task.next_batch()
    task.loss_and_gradient(x + 1)
    if not (same_bits(loss, kept[0]) and same_bits(gradient, kept[1])):
        raise ConformanceError(
            "loss_and_gradient must return new tensors, which the caller may keep; the next call overwrote them. "
            "Return copies of tensors that the task keeps."
        )
    first, expected = task.initial_point(), task.initial_point().clone()
    first.add_(1)
    if not same_bits(task.initial_point(), expected):
        raise ConformanceError(
            "initial_point must return the same point in a new tensor at every call; changing one changed the next, or "
            "it is drawn anew. Draw it in the constructor, and return a copy."
        )


def check_shapes(case: TaskCase) -> None:
    """Check the shapes, in single and double precision, of points (P, n), losses (P,) and gradients (P, n)."""
    for dtype in (torch.float32, torch.float64):
        task = case.build(case.seeds, dtype)
        task.next_batch()
        x = task.initial_point()
        loss, gradient = task.loss_and_gradient(x.clone())
        size = (len(case.seeds), task.dimension)
        for name, tensor, shape in (
            ("initial point", x, size),
            ("losses", loss, size[:1]),
            ("gradients", gradient, size),
        ):
            if (tuple(tensor.shape), tensor.dtype) != (shape, dtype):
                raise ConformanceError(
                    f"The {name} must have shape {shape} and {dtype}; they have {tuple(tensor.shape)} and "
                    f"{tensor.dtype}. Use self.population, self.dimension and self.dtype."
                )


def check_gradient(case: TaskCase) -> None:
    """Check the gradient against central differences of the loss, in double precision.

    The slopes along five random directions of length one must agree to 1e-6 of their size, besides rounding.
    """
    task, x = _task_and_point(case, case.seeds)
    loss, gradient = task.loss_and_gradient(x)
    random, width = torch.Generator().manual_seed(1), 1e-5
    rounding = 1e-7 + 10 * torch.finfo(x.dtype).eps * loss.abs() / width
    for _ in range(5):
        # Of length one, as the farther it goes the more the slope changes on the way.
        direction = torch.nn.functional.normalize(torch.randn(x.shape, generator=random, dtype=x.dtype))
        ahead, behind = (task.loss_and_gradient(x + sign * width * direction)[0] for sign in (1, -1))
        slopes, expected = (gradient * direction).sum(1), (ahead - behind) / (2 * width)
        agree = (slopes - expected).abs() <= 1e-6 * expected.abs() + rounding
        if not agree.all():
            index = agree.tolist().index(False)
            raise ConformanceError(
                "The gradient must agree with central differences of the loss; for individual "
                f"{index} it gives a slope of {slopes[index]:.9g} instead of {expected[index]:.9g}. "
                "Correct the derivative, or a factor between loss and gradient."
            )


def check_state_round_trip(case: TaskCase, batches: int = 3, more: int = _BATCHES) -> None:
    """Check that a task continues, to the last bit, in another object that has loaded its state from a file.

    Args:
        case: the task.
        batches: the number of batches before the state is saved, at least 0.
        more: the number of batches that are compared, at least 1.
    """
    first, fresh, used = (case.build(case.seeds) for _ in range(3))
    x = first.initial_point() + 1
    for _ in _evaluations(first, x, batches):
        pass
    for _ in _evaluations(used, x, 2):
        pass
    state, now = saved_state(first), _evaluation(first, x)
    expected = list(_evaluations(first, x, more))
    for other in (fresh, used):
        other.load_state_dict(state, x.device)
        found = [_evaluation(other, x), *_evaluations(other, x, more)]
        if not all(same_bits(one, another) for one, another in zip(found, [now, *expected], strict=True)):
            raise ConformanceError(
                "A task must continue, to the last bit, in another object that has loaded its state; it differs within "
                f"{more} batches. Name every attribute that changes during training in state_names, the generators "
                "included."
            )


def check_metrics(case: TaskCase) -> None:
    """Check that metrics have shape (P,), are finite near the start, and change neither `x` nor later batches.

    They are measured in the task's default precision, that of final runs.
    """
    dtype = getattr(torch, case.kind.default_dtype)
    (task, x), (untouched, _) = (_task_and_point(case, case.seeds, dtype) for _ in range(2))
    given, validation = x.clone(), task.validation_metrics(x)
    if bool(validation) != (case.kind.metric_interval is not None):
        raise ConformanceError(
            f"validation_metrics must return metrics exactly if metric_interval is set; the interval is "
            f"{case.kind.metric_interval}, and there are {len(validation)}. Set the interval, or implement them."
        )
    for name, values in {**validation, **task.test_metrics(x)}.items():
        if values.shape != (task.population,) or not values.isfinite().all():
            raise ConformanceError(
                f"A metric must be finite near the initial point and of shape {(task.population,)}; {name} is "
                f"{values.tolist()}. Return one number for each individual."
            )
    if not same_bits(x, given):
        raise ConformanceError("Metrics must not modify x; they did. Compute with new tensors.")
    pairs = zip(_evaluations(task, x), _evaluations(untouched, x), strict=True)
    if not all(same_bits(found, expected) for found, expected in pairs):
        raise ConformanceError(
            "Metrics must not influence later steps; the batches after them differ. Give them generators of their own, "
            "and leave the state alone."
        )


def _task_and_point(case: TaskCase, seeds: Iterable[int], dtype: torch.dtype = torch.float64) -> tuple[Task, Tensor]:
    """Return a task on its first batch, and a point near its initial one."""
    task = case.build(seeds, dtype)
    task.next_batch()
    x = task.initial_point()
    return task, x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)


def _evaluation(task: Task, x: Tensor) -> Tensor:
    """Return loss and gradient of each individual, (P, 1 + n)."""
    loss, gradient = task.loss_and_gradient(x)
    return torch.cat((loss.unsqueeze(1), gradient), dim=1)


def _evaluations(task: Task, x: Tensor, batches: int = _BATCHES) -> Iterable[Tensor]:
    """Yield loss and gradient, (P, 1 + n), on one new batch after another."""
    for _ in range(batches):
        task.next_batch()
        yield _evaluation(task, x)
