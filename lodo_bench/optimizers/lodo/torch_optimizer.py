"""LODO as a drop-in torch.optim.Optimizer (LODO §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final, overload

import torch
from torch import Generator, Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import override

from lodo_bench.errors import StateError, UsageError
from lodo_bench.optimizers.lodo import Lodo
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.options import Option, Value, resolve

_STRUCTURE = ("layers", "block_size", "hidden_dim")
_HALF = (torch.float16, torch.bfloat16)


@final
class LODO(torch.optim.Optimizer):
    """LODO: momentum, multiplied by a matrix that is itself learned from every gradient; a drop-in for torch.optim.

    Update rule, with m = 0 and G = lr · I at the start, g the gradients of all parameters as one vector::

        θ <- Adam(θ, ∂ℓ(x_before − G(θ) m) / ∂θ; meta_lr)     g pushed back through the last step: no second backward
        m <- beta m + (1 − beta) g
        x <- x − G(θ) m,    G(θ) = lr · (I 0) G̃(θ)ᵀ G̃(θ) (I 0)ᵀ

    It needs nothing but `loss.backward()` before `step()`. With the same gradients it takes the same steps as
    `lodo_bench.optimizers.lodo.Lodo`, which it wraps.

    A parameter is assigned to a preconditioner at the first step at which it has a gradient; the parameters of a group
    that are assigned at the same step, with the same device and precision, share one. Half-precision parameters are
    updated in float32, and share a preconditioner with those in float32. So frozen and unused parameters cost nothing.
    A parameter whose gradient is None at some step is not moved, nor is its part of m, as in torch.optim; and θ does
    not learn from parameters that did not move.

    A learning rate changed by a scheduler takes effect at the next `step()`, and scales all of G; the hypergradient of
    a step uses the learning rate of that step. With `meta_lr` = 0, θ is frozen.

    Memory: with the defaults 2 KiB per parameter entry, for its 128 weights, twice as many moments, and the activations
    that a step stores for the next; docs/drop-in.md has the formula.

    Args:
        params: parameters, or parameter groups with arguments of their own, as in torch.optim.
        lr: α₀ > 0, the initial learning rate.
        meta_lr: α > 0, the step size of Adam for θ. The paper's tuned values are 1e-5 for a network and 1e-3 for small
            problems.
        beta: β in [0, 1), the decay of the averaged gradient.
        layers: N >= 0 layers of G̃; with none, this is SGD with momentum.
        block_size: k >= 1.
        hidden_dim: ñ, a multiple of k and at least the number of entries; 0 for the smallest that is at least twice it.
        per_tensor: use one preconditioner per parameter tensor, instead of one per group.
        seed: seed of the random permutations and initial blocks; replicas of a model that are to stay equal need the
            same.

    Raises:
        ValueError: if an argument is out of range.

    Example::

        optimizer = lodo_bench.LODO(model.parameters(), lr=0.1, meta_lr=1e-5, beta=0.9)

    Reference:
        Liao, Dangovski, Foerster, Soljačić, "Learning to Optimize Quasi-Newton Methods", TMLR 2023, §3, Algorithm 1.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.1,
        meta_lr: float = 1e-5,
        beta: float = 0.9,
        *,
        layers: int = 16,
        block_size: int = 4,
        hidden_dim: int = 0,
        per_tensor: bool = False,
        seed: int = 0,
    ) -> None:
        self._parts: list[_Part] = []
        structure = {"layers": layers, "block_size": block_size, "hidden_dim": hidden_dim}
        defaults = {"lr": lr, "meta_lr": meta_lr, "beta": beta, **structure, "per_tensor": per_tensor, "seed": seed}
        super().__init__(params, defaults)

    @override
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group.

        Raises:
            ValueError: if an argument is out of range.
        """
        settings = {**self.defaults, **param_group}
        _check(settings)
        super().add_param_group(param_group)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step with the current gradients of the parameters.

        Args:
            closure: evaluates the model and returns the loss; called once, before the step.

        Raises:
            ValueError: if a learning rate is out of range, a gradient is sparse, or a parameter is on another device
                than before; no parameter has moved then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._advance()
        return loss

    @override
    def state_dict(self) -> dict[str, Any]:
        """Return the state, in nested dicts and lists of tensors and numbers; `load_state_dict` resumes bit for bit."""
        return {**super().state_dict(), "preconditioners": [part.state_dict() for part in self._parts]}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from the `state_dict()` of an optimizer of the same parameters in the same groups.

        Raises:
            ValueError: if the state is that of another optimizer; nothing has changed then.
        """
        rest = dict(state_dict)
        if (preconditioners := rest.pop("preconditioners", None)) is None:
            raise ValueError("this is not a state_dict of LODO: it has no 'preconditioners'")
        before = self.param_groups
        super().load_state_dict(rest)
        try:
            self._parts = self._rebuild(preconditioners)
        except ValueError:
            self.param_groups = before
            raise

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "preconditioners": [part.state_dict() for part in self._parts]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        rest = dict(state)
        preconditioners = rest.pop("preconditioners", None)
        super().__setstate__(rest)
        if preconditioners is not None:
            self._parts = self._rebuild(preconditioners)

    # Excluded from torch.compile, where a whole training step is compiled.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _advance(self) -> None:
        self._assign()
        for part in self._parts:
            part.prepare(self.param_groups[part.group])
        for part in self._parts:
            part.step()

    def _assign(self) -> None:
        """Assign a preconditioner to the parameters that have a gradient for the first time."""
        assigned = {(part.group, place) for part in self._parts for place in part.places}
        joining: dict[tuple[int, torch.device, torch.dtype, int], list[int]] = {}
        for number, group in enumerate(self.param_groups):
            for place, parameter in enumerate(group["params"]):
                if parameter.grad is None or not parameter.numel() or (number, place) in assigned:
                    continue
                alone = place if group["per_tensor"] else -1
                joining.setdefault((number, parameter.device, _working_dtype(parameter), alone), []).append(place)
        for (number, *_), places in joining.items():
            self._parts.append(_Part(self.param_groups[number], number, places, len(self._parts)))

    @torch.no_grad()
    def _rebuild(self, preconditioners: list[dict[str, Any]]) -> list[_Part]:
        parts = []
        for number, state in enumerate(preconditioners):
            part = _Part(self.param_groups[state["group"]], state["group"], state["places"], number)
            part.load_state_dict(state)
            parts.append(part)
        return parts


def _check(settings: Mapping[str, Any]) -> None:
    """Make sure that a group's arguments are within their ranges."""
    _resolved(Lodo.hyperparameters, {name: float(settings[name]) for name in _HYPERPARAMETERS})
    _structure(settings)


def _rates(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the current hyperparameters of a group by their full names. A rate may have become 0: it freezes then."""
    rates = {full: float(settings[short]) for short, full in _HYPERPARAMETERS.items()}
    _resolved(Lodo.hyperparameters, {full: value for full, value in rates.items() if value})
    return rates


def _structure(settings: Mapping[str, Any]) -> dict[str, Value]:
    return _resolved(Lodo.options_table, {name: settings[name] for name in _STRUCTURE})


def _resolved(table: Iterable[Option], given: Mapping[str, Value]) -> dict[str, Value]:
    try:
        return resolve(table, given, "LODO")
    except UsageError as error:
        raise ValueError(str(error)) from None


def _working_dtype(parameter: Tensor) -> torch.dtype:
    """Return the precision of a parameter's state and arithmetic: half precision cannot accumulate short steps."""
    return torch.float32 if parameter.dtype in _HALF else parameter.dtype


class _Part:
    """The parameters of a group that share a preconditioner, as one vector for `Lodo`.

    Args:
        settings: the arguments of the group.
        group: the index of the group.
        places: the indices of the parameters in the group.
        number: the index of this part, which its random numbers depend on.
    """

    def __init__(self, settings: Mapping[str, Any], group: int, places: list[int], number: int) -> None:
        self.group, self.places = group, list(places)
        self._parameters: list[Tensor] = [settings["params"][place] for place in places]
        first = self._parameters[0]
        if first.is_complex() or not first.is_floating_point():
            raise ValueError(f"LODO supports real floating-point parameters, not {first.dtype}. Leave them out.")
        sizes = [parameter.numel() for parameter in self._parameters]
        x = torch.zeros(1, sum(sizes), device=first.device, dtype=_working_dtype(first))
        self._gradient = torch.zeros_like(x)
        generator = Generator(first.device).manual_seed(derive_seed("drop-in", settings["seed"], number))
        self._rates = _rates(settings)
        values = {name: x.new_tensor([value]) for name, value in self._rates.items()}
        try:
            self._lodo = Lodo(x, values, [generator], _structure(settings))
        except UsageError as error:
            raise ValueError(str(error)) from None
        # The α₀ of the last step, and the parameters that it moved; before the first step, nothing depends on either.
        self._rate, self._moved = self._rates["initial_learning_rate"], list(range(len(sizes)))
        self._points, self._gradients, self._averages = (
            [piece.view(p.shape) for piece, p in zip(torch.split(whole[0], sizes), self._parameters, strict=True)]
            for whole in (x, self._gradient, self._lodo.momentum)
        )

    def prepare(self, settings: Mapping[str, Any]) -> None:
        """Read the group's current hyperparameters, and make sure that a step is possible.

        Raises:
            ValueError: if one is out of range, a gradient is sparse, or a parameter has moved to another device.
        """
        self._rates = _rates(settings)
        for parameter in self._parameters:
            if parameter.device != self._gradient.device:
                raise ValueError(
                    f"a parameter of shape {tuple(parameter.shape)} has moved to {parameter.device}, but LODO's state "
                    f"for it is on {self._gradient.device}. "
                    "After moving a model, call optimizer.load_state_dict(optimizer.state_dict())."
                )
            if parameter.grad is not None and parameter.grad.layout != torch.strided:
                raise ValueError(
                    f"a parameter of shape {tuple(parameter.shape)} has a sparse gradient, which is not supported. "
                    "Build its layer with sparse=False, or use another optimizer for this parameter."
                )

    def step(self) -> None:
        """Move the parameters that have a gradient."""
        present = [index for index, parameter in enumerate(self._parameters) if parameter.grad is not None]
        if not present:
            return
        torch._foreach_copy_(self._points, self._parameters)
        moved = [index for index in present if index in self._moved]
        self._read(moved)
        if self._rates["meta_learning_rate"]:
            self._lodo.set_hyperparameter("meta_learning_rate", self._rates["meta_learning_rate"])
            self._lodo.stepper.update_preconditioner(self._gradient)
        if moved != present:
            self._read(present)
        for index in set(range(len(self._parameters))).difference(present):
            self._gradients[index].copy_(self._averages[index])  # so that it does not change
        self._rate = self._rates["initial_learning_rate"]
        self._lodo.set_hyperparameter("initial_learning_rate", self._rate)
        self._lodo.set_hyperparameter("momentum", self._rates["momentum"])
        self._lodo.stepper.update_parameters(self._gradient)
        torch._foreach_copy_([self._parameters[i] for i in present], [self._points[i] for i in present])
        self._moved = present

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this part."""
        own = {"group": self.group, "places": self.places, "rate": self._rate, "moved": self._moved}
        return {**own, "lodo": self._lodo.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self._rate, self._moved = state["rate"], list(state["moved"])
        self._lodo.set_hyperparameter("initial_learning_rate", self._rate)
        try:
            self._lodo.load_state_dict(_with_current_names(state["lodo"]), self._gradient.device)
        except StateError as error:
            raise ValueError(f"the state belongs to a different LODO optimizer: {error}") from None

    def _read(self, places: Sequence[int]) -> None:
        """Copy the gradients of some parameters to the vector; those of all others are 0."""
        if len(places) < len(self._parameters):
            self._gradient.zero_()
        gradients = {place: gradient for place in places if (gradient := self._parameters[place].grad) is not None}
        if gradients:
            torch._foreach_copy_([self._gradients[place] for place in gradients], list(gradients.values()))


# The arguments of a group, such as `lr`, and the full names of LODO's hyperparameters.
_HYPERPARAMETERS = {parameter.alias: parameter.name for parameter in Lodo.hyperparameters}

# Names in states that former versions saved, and the present ones.
_FORMER_NAMES = {
    "average": "momentum",
    "_meta": "meta_optimizer",
    "orders": "permutations",
    "entrance": "embedding_index",
    "power1": "beta1_power",
    "power2": "beta2_power",
}


def _with_current_names(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state of `Lodo` under the present names, whichever names it was saved under."""
    return {
        _FORMER_NAMES.get(name, name): _with_current_names(value) if isinstance(value, Mapping) else value
        for name, value in state.items()
    }
