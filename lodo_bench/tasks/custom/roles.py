"""The roles of a module's parameters."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from lodo_bench.spec.tensors import Role


def trained(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield name and parameter of all that require gradients; a shared parameter once, under its first name."""
    return ((name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad)


def roles_of(module: nn.Module) -> Iterator[tuple[str, tuple[int, ...], Role]]:
    """Yield name, shape and role of each trained parameter.

    The weight of an `nn.Embedding` is an `embedding`, also if an output layer shares it. The weight of the last
    `nn.Linear`, in the order in which the modules were assigned, is the `head`. Others with two dimensions or more are
    matrices, and all the rest are vectors.
    """
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding | nn.EmbeddingBag)}
    linear = [part.weight for part in module.modules() if isinstance(part, nn.Linear)]
    head = id(linear[-1]) if linear else None
    for name, parameter in trained(module):
        yield name, tuple(parameter.shape), _role(parameter, tables, head)


def _role(parameter: Tensor, tables: set[int], head: int | None) -> Role:
    if id(parameter) in tables:
        return "embedding"
    if id(parameter) == head:
        return "head"
    return "matrix" if parameter.ndim >= 2 else "vector"
