"""Logistic regression on a table of classified examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.tensors import Role
from lodo_bench.tasks.custom.function import FunctionTask
from lodo_bench.tasks.data.bundled import load_digits
from lodo_bench.tasks.data.files import digest
from lodo_bench.tasks.data.tables import ClassifiedTable, load_table, standardized


@final
class LogisticRegression(FunctionTask):
    """Convex classification: L2-regularized logistic regression on your own table or on handwritten digits.

    With features z of d standardized numbers, weights W and intercepts b, the loss of a batch is::

        mean of −log softmax(W z + b)_class + regularization/2 · (‖W‖² + ‖b‖²)

    in nats. Two classes need one row of weights, for the second class; the first one's logit is 0. The initial point is
    0, where the loss is ln K for K classes. The loss is strongly convex, so its minimum is unique; with the Hessian,
    which the task provides, Newton's method finds it in a few steps.

    The bundled data are 1,797 images of 8×8 pixels in ten classes (n = 650): the initial loss is ln 10 = 2.302585, the
    minimum of the full batch 0.087529 with the default regularization. After 1,000 steps, Adam with a learning rate of
    0.01 is at 0.08780, and with 0.03 within 1e-7 of the minimum.
    """

    options_table = (
        Option("data", "file", "text", "", "CSV file (class in the last column) or LIBSVM file; digits if empty"),
        Option("regularization", "l2", "variance", 1e-3, "factor of half the squared norm of the parameters"),
        Option("batch_size", "batch", "nonnegative-int", 0, "examples in a batch, drawn with replacement; 0 for all"),
    )
    step_milestone = 1000
    roles: ClassVar[Mapping[str, Role]] = {"weight": "head"}
    offers = frozenset({"hessian"})

    @override
    def setup(self) -> None:
        table = _table(self.options["data"])
        self._features = table.features.to(self.device, self.dtype)
        self._classes = table.classes.to(self.device)

    @classmethod
    @override
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        _table(str(options.get("data", "")))

    @classmethod
    @override
    def data_version(cls, options: Mapping[str, Value]) -> str:
        return digest(str(options.get("data", "")))

    @classmethod
    @override
    def is_random(cls, options: Mapping[str, Value]) -> bool:
        """Return whether batches are drawn; otherwise each has all examples."""
        return bool(cls.with_defaults(options)["batch_size"])

    @classmethod
    @override
    def draw_parameters(cls, options: Mapping[str, Any], generator: Generator) -> Mapping[str, Tensor]:
        table = _table(options["data"])
        classes = len(table.labels)
        rows = 1 if classes == 2 else classes
        return {"weight": torch.zeros(rows, table.features.shape[1]), "bias": torch.zeros(rows)}

    @override
    def draw_batch(self, generator: Generator) -> tuple[Tensor, Tensor]:
        size = self.options["batch_size"]
        if not size:
            return self._features, self._classes
        chosen = torch.randint(len(self._classes), (size,), generator=generator, device=self.device)
        return self._features[chosen], self._classes[chosen]

    @override
    def loss(self, parameters: Mapping[str, Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        features, classes = batch
        squares = parameters["weight"].square().sum() + parameters["bias"].square().sum()
        penalty: Tensor = 0.5 * self.options["regularization"] * squares
        return F.cross_entropy(_logits(features, parameters), classes) + penalty

    @override
    def _hessian(self, parameters: Mapping[str, Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the Hessian (n, n) from its closed form.

        With probabilities p and inputs z, extended by 1, the block of the rows k and l of weights is the mean of
        p_k (δ_kl − p_l) z zᵀ, plus the regularization on the diagonal.
        """
        features, rows = batch[0], len(parameters["bias"])
        probabilities = _logits(features, parameters).softmax(1)[:, -rows:]
        inputs = torch.cat([features, torch.ones_like(features[:, :1])], 1)
        size = inputs.shape[1]
        blocks = inputs.new_empty(rows, size, rows, size)
        for row, identity in enumerate(torch.eye(rows, dtype=self.dtype, device=self.device)):
            factors = probabilities[:, row : row + 1] * (identity - probabilities) / len(inputs)
            blocks[row] = (inputs.T @ (factors.unsqueeze(2) * inputs.unsqueeze(1)).flatten(1)).view(size, rows, size)
        positions = torch.arange(rows * size, device=self.device).view(rows, size)
        order = torch.cat([positions[:, :-1].flatten(), positions[:, -1]])  # intercepts are last
        hessian = blocks.view(rows * size, rows * size)[order[:, None], order]
        hessian.diagonal().add_(self.options["regularization"])
        return hessian


def _logits(features: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    """Return the logits of all classes, (B, K); the first is 0 if there are two."""
    logits = F.linear(features, parameters["weight"], parameters["bias"])
    return torch.cat([torch.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits


def _table(path: str) -> ClassifiedTable:
    if path:
        return load_table(path)
    digits = load_digits()
    return ClassifiedTable(standardized(digits.pixels.double()), digits.classes, tuple("0123456789"))
