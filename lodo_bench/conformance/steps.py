"""Checks of an optimizer's single step: what it does with `x`, with the gradient and with the oracle."""

from __future__ import annotations

from collections import Counter

import torch

from lodo_bench.conformance.bits import same_bits
from lodo_bench.conformance.cases import TaskOracle, build_on, cases_for, seeds_for
from lodo_bench.conformance.counting import CountedTask
from lodo_bench.errors import ConformanceError, UsageError
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.training.trainer import Trainer

_STEPS = 5


def check_x_in_place(kind: type[Optimizer]) -> None:
    """Check that the steps move every individual's `x`, and that it stays the same tensor in the same memory."""
    for case in cases_for(kind):
        task = case.build(seeds_for(kind))
        optimizer, oracle = build_on(kind, case, task, _STEPS), TaskOracle(task)
        x, start = optimizer.x, task.initial_point()
        address = x.data_ptr()
        for _ in range(_STEPS):
            optimizer.step(oracle.next_gradient(x), oracle)
            if optimizer.x is not x or x.data_ptr() != address:
                raise ConformanceError(
                    f"A step must change x in place; on {case.label} it replaced the tensor. Write, for example, "
                    "self.x.sub_(update) instead of self.x = self.x - update."
                )
        if (x == start).all(1).any():
            raise ConformanceError(
                f"Steps must move x; on {case.label} an individual is where it started after {_STEPS} steps. "
                "Update self.x in step, for all individuals."
            )


def check_gradient_unmodified(kind: type[Optimizer]) -> None:
    """Check that a step does not modify the gradient that it is given."""
    for case in cases_for(kind):
        task = case.build(seeds_for(kind))
        optimizer, oracle = build_on(kind, case, task, _STEPS), TaskOracle(task)
        for _ in range(_STEPS):
            gradient = oracle.next_gradient(optimizer.x)
            given = gradient.clone()
            optimizer.step(gradient, oracle)
            if not same_bits(gradient, given):
                raise ConformanceError(
                    f"A step must not modify the gradient that it is given; on {case.label} it did. Replace in-place "
                    "operations on it, such as gradient.mul_(...), by new tensors."
                )


def check_gradient_not_kept(kind: type[Optimizer]) -> None:
    """Check that no step refers to a former step's gradient, as a task may reuse its memory."""
    for case in cases_for(kind):
        results = []
        for reuse in (False, True):
            task = case.build(seeds_for(kind))
            optimizer, oracle = build_on(kind, case, task, _STEPS), TaskOracle(task)
            generator, memory = torch.Generator().manual_seed(0), torch.empty_like(optimizer.x)
            for _ in range(_STEPS):
                gradient = torch.randn(memory.shape, dtype=memory.dtype, generator=generator)
                optimizer.step(memory.copy_(gradient) if reuse else gradient, oracle)
            results.append(optimizer.x)
        if not same_bits(*results):
            raise ConformanceError(
                "A step must not keep the gradient tensor that it is given, whose memory may be reused; on "
                f"{case.label} a later step depends on it. Keep a copy, gradient.clone()."
            )


def check_evaluation_counts(kind: type[Optimizer]) -> None:
    """Check that every evaluation of the loss is asked of the oracle, which counts it."""
    for case in cases_for(kind):
        task = CountedTask(case.build(seeds_for(kind)))
        optimizer = build_on(kind, case, task, _STEPS)
        before = task.evaluations
        _, counts = Trainer(task, optimizer, _STEPS).run_steps(_STEPS)
        done = task.evaluations - before
        if counts[-1] != done or before:
            raise ConformanceError(
                f"Every evaluation of the loss must be counted; on {case.label} {done + before} took place in {_STEPS} "
                f"steps, and {counts[-1]} were counted. Ask for gradients by oracle.gradient(x) only."
            )


def check_single_precision(kind: type[Optimizer]) -> None:
    """Check that an optimizer works in single precision, too."""
    for case in cases_for(kind):
        task = case.build(seeds_for(kind), torch.float32)
        optimizer, oracle = build_on(kind, case, task, _STEPS), TaskOracle(task)
        for _ in range(_STEPS):
            optimizer.step(oracle.next_gradient(optimizer.x), oracle)
        if optimizer.x.dtype != torch.float32:
            raise ConformanceError(
                f"x must keep its dtype, torch.float32; on {case.label} it became {optimizer.x.dtype}. Create tensors "
                "with the dtype of x, as torch.zeros_like(self.x) does, and update x in place."
            )


def check_hyperparameters(kind: type[Optimizer]) -> None:
    """Check the declaration of hyperparameters: unique names and aliases, and defaults in their ranges."""
    counts = Counter(name for p in kind.hyperparameters for name in {p.name, p.alias})
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise ConformanceError(
            f"Names and aliases of hyperparameters must be unique; {', '.join(repeated)} is used twice. Rename one."
        )
    for parameter in kind.hyperparameters:
        try:
            parameter.validate(parameter.default, kind.__name__)
        except UsageError as error:
            raise ConformanceError(f"A default must be in its range: {error} Change the default or the kind.") from None
        if parameter.kind not in ("rate", "decay"):
            raise ConformanceError(
                f"A hyperparameter must be of the kind 'rate' or 'decay', which searches know; {parameter.name} is of "
                f"'{parameter.kind}'. Make it an option, in options_table."
            )
