"""Adapter of torch.optim's interface: one instance of the class for each individual of a population."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeGuard

import torch
from torch import Generator, Tensor
from torch.nn import Parameter
from torch.optim import AdamW
from torch.optim import Optimizer as TorchOptimizer
from typing_extensions import override

from lodo_bench.errors import UsageError, in_words
from lodo_bench.optimizers.adapted.hutchinson import takes_hessian
from lodo_bench.optimizers.adapted.member import Member
from lodo_bench.optimizers.adapted.signature import declared_arguments
from lodo_bench.optimizers.adapted.space import Space, space_of
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Option, Value
from lodo_bench.spec.tensors import Problem

# For parameters that are no hidden matrices, of methods for matrices only: AdamW, as such methods are used with.
_REST = HyperparameterSpec(
    "rest_lr_ratio",
    "rest_lr_ratio",
    "rate",
    0.1,
    "learning rate of AdamW on the rest, relative to lr",
    range=(0.01, 1.0),
)
_REST_BETAS = (0.9, 0.95)


class AdaptedOptimizer(Optimizer):
    """A population of a torch.optim class: each individual has an instance of its own, on its own tensors.

    Parameters have the shapes of the task's tensors and share memory with `x`; gradients are copies. Closures are
    answered by the oracle, and each question beyond the gradient that was given anyway counts as an evaluation. The
    global generators of PyTorch and NumPy are those of the individual within a step. Of a class outside PyTorch that
    draws from none, a class attribute `is_random = False` says so.

    Of a class that needs matrices, only hidden matrices are given to it, those with more dimensions as (rows, rest),
    and AdamW takes care of the rest.

    Attributes:
        torch_class: the class.
        space: its tuned and fixed arguments.
    """

    torch_class: ClassVar[type[TorchOptimizer]]
    space: ClassVar[Space]
    hyperparameter_dtype = torch.float64
    complexity = ""
    reference = ""
    state_names = ("_members", "failures")

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        self.failures: dict[int, str] = {}
        self._members = [
            Member(row, self.problem.tensors, generator, partial(self._build, index))
            for index, (row, generator) in enumerate(zip(self.x, generators, strict=True))
        ]

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        losses = oracle.loss
        for index, member in enumerate(self._members):
            try:
                member.step(losses[index], gradient[index], partial(self._evaluate, index, oracle))
            except UsageError:
                raise
            except (Exception, SystemExit, GeneratorExit) as error:  # whatever the class raises
                if bool(gradient[index].isfinite().all()):
                    if len(self._members) == 1:
                        raise
                    self.failures.setdefault(index, in_words(error))
                self.x[index] = torch.nan  # the others continue, as they do alone

    @property
    @override
    def evaluation_point(self) -> Tensor:
        return torch.stack([member.evaluation_point() for member in self._members])

    @classmethod
    @override
    def has_learning_rate(cls) -> bool:
        return "lr" in inspect.signature(cls.torch_class).parameters

    @property
    @override
    def given_learning_rate(self) -> Tensor:
        rates = [[member.learning_rate] for member in self._members]  # also where it is fixed, as that of Prodigy
        return torch.tensor(rates, dtype=torch.float64, device=self.x.device)

    @override
    def scale_learning_rate(self, factor: float | Tensor) -> None:
        factors = factor.flatten().tolist() if isinstance(factor, Tensor) else [factor] * len(self._members)
        for member, own in zip(self._members, factors, strict=True):
            member.scale_learning_rate(own)

    @classmethod
    def fixed_arguments(cls, problem: Problem) -> dict[str, Any]:
        """Return the constructor's arguments that are not tuned and differ from its defaults, for a problem."""
        given = dict(cls.space.fixed)
        if all(tensor.role == "vector" for tensor in problem.tensors):
            given.update(cls.space.on_vectors)
        if cls.space.horizon:
            given[cls.space.horizon] = problem.planned_steps
        return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}

    def _build(self, index: int, parameters: Sequence[Parameter]) -> list[TorchOptimizer]:
        arguments = self._arguments(index)
        if "matrices" not in self.needs:
            return [self.torch_class(list(parameters), **arguments)]
        own = [p for p in parameters if p.spec.role == "matrix"]  # type: ignore[attr-defined]
        rest = [p for p in parameters if p.spec.role != "matrix"]  # type: ignore[attr-defined]
        for parameter in own:
            parameter.data = parameter.data.flatten(1)
        rate = arguments.get("lr", _default(self.torch_class, "lr")) * float(self._hyperparameters[_REST.name][index])
        adamw = [AdamW(rest, lr=rate, betas=_REST_BETAS, weight_decay=0.0)] if rest else []
        return [self.torch_class(own, **arguments), *adamw]

    def _arguments(self, index: int) -> dict[str, Any]:
        found = self.fixed_arguments(self.problem)
        for option in self.options_table:
            value = self.options[option.name]
            if value != option.default:
                found[option.name] = _argument(option, value)
        elements: dict[str, dict[int, float]] = {}
        for argument in self.space.tuned:
            value = float(self._hyperparameters[argument.name][index])
            if argument.index is None:
                found[argument.argument] = value
            else:
                elements.setdefault(argument.argument, {})[argument.index] = value
        for name, values in elements.items():
            base = found.get(name, _default(self.torch_class, name))
            found[name] = tuple(values.get(i, value) for i, value in enumerate(base))
        return found

    def _evaluate(self, index: int, oracle: Oracle) -> tuple[Tensor, Tensor]:
        if len(self._members) > 1:
            raise UsageError(
                f"{self.torch_class.__name__} evaluates more than once in a step. Write 'needs: [closure]' in its "
                f"search space, so that individuals are trained one at a time."
            )
        losses, gradients = oracle.loss_and_gradient(self.x)
        return losses[index], gradients[index]


_BOOLEAN = ("false", "true")
_MECHANICS = {"maximize", "foreach", "capturable", "differentiable", "fused"}  # how steps are computed, not which


def _argument(option: Option, value: Value) -> bool | float | str:
    """Return an option's value as the constructor's argument: integers stay what they are, as update intervals."""
    if option.choices == _BOOLEAN:
        return value == "true"
    if option.kind == "text":
        return str(value)
    number = float(value)
    return int(number) if isinstance(option.default, int) and number.is_integer() else number


def _default(cls: type[TorchOptimizer], name: str) -> Any:
    return inspect.signature(cls).parameters[name].default


def is_adaptable(found: object) -> TypeGuard[type[TorchOptimizer]]:
    """Return true for a class of torch.optim's interface."""
    return isinstance(found, type) and issubclass(found, TorchOptimizer)


def adapt(name: str, found: object) -> type[Optimizer] | None:
    """Return an adapted class for a torch.optim class with its own search space; None for anything else."""
    return with_space(name, found, space_of(name, found).to_json()) if is_adaptable(found) else None


def with_space(name: str, cls: type[TorchOptimizer], space: str) -> type[AdaptedOptimizer]:
    """Return an adapted class with this search space, given as JSON; the same one for equal arguments."""
    key = name, cls, space
    if key not in _adapted:
        _adapted[key] = _adapt(name, cls, Space.from_json(space))
    return _adapted[key]


_adapted: dict[tuple[str, object, str], type[AdaptedOptimizer]] = {}


def with_options(kind: type[Optimizer], options: Mapping[str, Value]) -> type[Optimizer]:
    """Return a class whose defaults are those that the adapted class has with these options, such as a preset's.

    Only a default of the search space that is also the class's own, without options, follows them: another one was
    chosen by the space.
    """
    if not options or not issubclass(kind, AdaptedOptimizer):
        return kind
    key = kind, tuple(sorted(options.items()))
    if key not in _with_options:
        plain, given = _own_defaults(kind, {}), _own_defaults(kind, options)
        changed = {
            h.name: given[h.name]
            for h in kind.hyperparameters
            if h.name in given and plain.get(h.name) == h.default and _is_allowed(h, given[h.name])
        }
        hyperparameters = tuple(replace(h, default=changed.get(h.name, h.default)) for h in kind.hyperparameters)
        _with_options[key] = type(kind.__name__, (kind,), {"__module__": __name__, "hyperparameters": hyperparameters})
    return _with_options[key]


_with_options: dict[tuple[type[Optimizer], tuple[tuple[str, Value], ...]], type[Optimizer]] = {}


def _own_defaults(kind: type[AdaptedOptimizer], options: Mapping[str, Value]) -> dict[str, float]:
    """Return the values of the tuned arguments in an optimizer that is built without them; none if it cannot be."""
    table = {option.name: option for option in kind.options_table}
    arguments: dict[str, Any] = dict(kind.space.fixed)
    arguments |= {name: _argument(table[name], value) for name, value in options.items() if name in table}
    try:
        group = kind.torch_class([Parameter(torch.zeros(1))], **arguments).param_groups[0]
        return {
            tuned.name: float(group[tuned.argument] if tuned.index is None else group[tuned.argument][tuned.index])
            for tuned in kind.space.tuned
        }
    except Exception:  # whatever the class raises
        return {}


def _is_allowed(hyperparameter: HyperparameterSpec, value: float) -> bool:
    low, high = hyperparameter.range or (0.0, math.inf)
    return low <= value <= high and 0 < value < (1 if hyperparameter.kind == "decay" else math.inf)


def _adapt(name: str, cls: type[TorchOptimizer], space: Space) -> type[AdaptedOptimizer]:
    hyperparameters = tuple(argument.hyperparameter for argument in space.tuned)
    attributes: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": cls.__doc__,
        "torch_class": cls,
        "space": space,
        "hyperparameters": (*hyperparameters, _REST) if "matrices" in space.needs else hyperparameters,
        "options_table": tuple(_options(cls, space)),
        "needs": frozenset(space.needs) & {"matrices"},
        "is_random": _is_random(cls),
        "max_population": 1 if "closure" in space.needs or _evaluates_again(cls) else None,
        "reference": name,
    }
    return type(cls.__name__, (AdaptedOptimizer,), attributes)


def _is_random(cls: type[TorchOptimizer]) -> bool:
    """Return what the class says of itself in `is_random`; without that, false for PyTorch's own, which draw nothing.

    Of all others it cannot be told: some draw only now and then.
    """
    return bool(getattr(cls, "is_random", not cls.__module__.startswith("torch.optim.")))


def _evaluates_again(cls: type[TorchOptimizer]) -> bool:
    """Return true if a step evaluates at points of its own: it requires a closure, or takes a Hessian."""
    if takes_hessian(cls):
        return True
    parameter = inspect.signature(cls.step).parameters.get("closure")
    return parameter is not None and parameter.default is inspect.Parameter.empty


def _options(cls: type[TorchOptimizer], space: Space) -> list[Option]:
    """Return the constructor's other arguments, as far as their defaults are numbers, words or booleans."""
    tuned = {argument.argument for argument in space.tuned}
    found = []
    for name, parameter in declared_arguments(cls, cls.__name__).items():
        default = space.fixed.get(name, parameter.default)
        if name in tuned or name in _MECHANICS or name == space.horizon:
            continue
        if isinstance(default, bool):
            choices = _BOOLEAN
            found.append(Option(name, name, "choice", str(default).lower(), "argument of the class", choices))
        elif isinstance(default, int | float):
            found.append(Option(name, name, "number", default, "argument of the class"))
        elif isinstance(default, str):
            found.append(Option(name, name, "text", default, "argument of the class"))
    return found
