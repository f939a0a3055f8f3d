"""Construction of an optimizer from a training specification."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lodo_bench.compute.selection import use_backend
from lodo_bench.optimizers import OPTIMIZERS, load_optimizer
from lodo_bench.optimizers.base import MetaTrained, Optimizer
from lodo_bench.seeding import optimizer_generators
from lodo_bench.spec.options import resolve
from lodo_bench.spec.tensors import Problem, TensorSpec
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.user_code import foreign


def build_optimizer(spec: TrainingSpec, x: Tensor, tensors: Sequence[TensorSpec] | None = None) -> Optimizer:
    """Build the optimizer that `spec` names, with each individual's hyperparameters and the meta-trained weights.

    Args:
        spec: names the optimizer, its options, the individuals and the backend.
        x: (P, n), the starting parameters, which the optimizer updates in place.
        tensors: the tensors that `x` consists of; a single vector if None.

    Raises:
        UsageError: if the optimizer's code is not of the version in `spec`.
        UnknownNameError: for an option that the optimizer does not have, as a run of a former version may.
    """
    kind = load_optimizer(spec.optimizer)
    if spec.optimizer.version:
        found = OPTIMIZERS.version(spec.optimizer.name)
        OPTIMIZERS.check_version(spec.optimizer.name, spec.optimizer.version, found)
    resolve(kind.options_table, spec.optimizer.options, spec.optimizer.name)
    dtype = kind.hyperparameter_dtype or x.dtype
    values = {
        p.name: x.new_tensor([i.hyperparameters[p.name] for i in spec.individuals], dtype=dtype)
        for p in kind.hyperparameters
    }
    problem = Problem(tensors or Problem.flat(x.shape[1]).tensors, spec.steps)
    with use_backend(spec.compute.backend), foreign():
        optimizer = kind(x, values, optimizer_generators(spec), spec.optimizer.options, problem)
        if isinstance(optimizer, MetaTrained) and spec.weights:
            optimizer.load_weights(spec.weights)
    return optimizer
