"""LODO as an optimizer of PyTorch's own kind, for anybody's model (LODO §3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final, overload

import torch
from torch import Generator, Tensor
from torch.optim.optimizer import ParamsT

from lodo_bench.errors import StateError, UsageError
from lodo_bench.optimizers.lodo import Lodo
from lodo_bench.seeding import derive_seed
from lodo_bench.spec import resolve

_STRUCTURE = ("layers", "block_size", "hidden_dim")
# What half precision is worked on in: steps are too short to be added up in it.
_WORKING_DTYPE = {torch.float16: torch.float32, torch.bfloat16: torch.float32}


@final
class LODO(torch.optim.Optimizer):
    """LODO: momentum, multiplied by a matrix that is itself learned from every gradient; a drop-in for torch.optim.

    Update rule, with m = 0 and G = lr · I at the start, g the gradients of all parameters as one vector::

        θ <- Adam(θ, ∂ℓ(x_before − G(θ) m) / ∂θ; meta_lr)     g pushed back through the last step: no second backward
        m <- beta m + (1 − beta) g
        x <- x − G(θ) m,    G(θ) = lr · (I 0) G̃(θ)ᵀ G̃(θ) (I 0)ᵀ

    It needs nothing but `loss.backward()` before `step()`. With the same gradients it takes the same steps as
    `lodo_bench.optimizers.lodo.Lodo`, of which it is a shell.

    A parameter joins a preconditioner at the first step at which it has a gradient; those of a group that join at the
    same step, with the same device and dtype, share one. So frozen and unused parameters cost nothing, and one whose
    gradient is None at some step stays where it is, with its part of m, like in torch.optim. Parameters in half
    precision are worked on in float32.

    A learning rate that a scheduler has changed counts from the next `step()` on, and scales all of G. While `meta_lr`
    is 0 nothing is learned.

    Memory: with the defaults, for each parameter 128 weights and twice as many moments in the parameter's precision,
    and 128 places of 4 bytes; the formula is in docs/drop-in.md.

    Args:
        params: parameters, or groups of them with arguments of their own, as for every optimizer of PyTorch.
        lr: α₀ > 0, the learning rate that G starts with.
        meta_lr: α > 0, the step size of Adam for θ. The paper's tuned values are 1e-5 for a network and 1e-3 for small
            problems.
        beta: β in [0, 1), the decay of the averaged gradient.
        layers: N >= 0 layers of G̃; with none, this is SGD with momentum.
        block_size: k >= 1.
        hidden_dim: ñ, a multiple of k and at least the number of entries; 0 for the smallest that is at least twice it.
        per_tensor: a preconditioner for each parameter, instead of one for all that share a group.
        seed: of the random permutations and first blocks.

    Raises:
        ValueError: for an argument outside of its range.

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

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with arguments of their own; see `torch.optim.Optimizer.add_param_group`.

        Raises:
            ValueError: for an argument outside of its range.
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
        """Take one step along the gradients that the parameters have.

        Args:
            closure: evaluates the model again and returns the loss, once, before the step.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._admit()
        for part in self._parts:
            part.step(self.param_groups[part.group])
        return loss

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on bit for bit; nested dictionaries and lists of tensors and numbers."""
        return {**super().state_dict(), "preconditioners": [part.state() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a `state_dict()`, of an optimizer of the same parameters in the same groups.

        Raises:
            ValueError: if it is the state of something else.
        """
        rest = dict(state_dict)
        if (preconditioners := rest.pop("preconditioners", None)) is None:
            raise ValueError("this is not a state_dict of LODO: it has no 'preconditioners'")
        super().load_state_dict(rest)
        self._rebuild(preconditioners)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "preconditioners": [part.state() for part in self._parts]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        rest = dict(state)
        preconditioners = rest.pop("preconditioners", None)
        super().__setstate__(rest)
        if preconditioners is not None:
            self._rebuild(preconditioners)

    def _admit(self) -> None:
        """Give those parameters a preconditioner that have a gradient for the first time."""
        admitted = {(part.group, place) for part in self._parts for place in part.places}
        joining: dict[tuple[int, torch.device, torch.dtype, int], list[int]] = {}
        for number, group in enumerate(self.param_groups):
            for place, parameter in enumerate(group["params"]):
                if parameter.grad is None or (number, place) in admitted:
                    continue
                alone = place if group["per_tensor"] else -1
                joining.setdefault((number, parameter.device, parameter.dtype, alone), []).append(place)
        for (number, *_), places in joining.items():
            self._parts.append(_Part(self.param_groups[number], number, places, len(self._parts)))

    def _rebuild(self, preconditioners: list[dict[str, Any]]) -> None:
        self._parts = []
        with torch.no_grad():
            for number, state in enumerate(preconditioners):
                part = _Part(self.param_groups[state["group"]], state["group"], state["places"], number)
                part.restore(state)
                self._parts.append(part)


def _check(settings: Mapping[str, Any]) -> None:
    """Make sure that a group's arguments are in their ranges."""
    given = {name: float(settings[name]) for name in ("lr", "meta_lr", "beta")}
    try:
        resolve(Lodo.hyperparameters, given, "LODO")
        resolve(Lodo.options_table, {name: settings[name] for name in _STRUCTURE}, "LODO")
    except UsageError as error:
        raise ValueError(str(error)) from None


class _Part:
    """The parameters of a group that share a preconditioner, as one vector that `Lodo` works on.

    Args:
        settings: the group.
        group: its number.
        places: which of its parameters.
        number: of this part among all, which its random numbers depend on.
    """

    def __init__(self, settings: Mapping[str, Any], group: int, places: list[int], number: int) -> None:
        self.group, self.places = group, list(places)
        self._parameters: list[Tensor] = [settings["params"][place] for place in places]
        first = self._parameters[0]
        if first.is_complex() or not first.is_floating_point():
            raise ValueError(f"LODO works on real floating-point parameters, not on {first.dtype}. Leave them out.")
        sizes = [parameter.numel() for parameter in self._parameters]
        dtype = _WORKING_DTYPE.get(first.dtype, first.dtype)
        x = torch.zeros(1, sum(sizes), device=first.device, dtype=dtype)
        self._gradient = torch.zeros_like(x)
        # Drawn on the CPU whatever the device, so that a state can move from one to another.
        generator = Generator().manual_seed(derive_seed("drop-in", settings["seed"], number))
        values = {name: x.new_tensor([float(settings[short])]) for short, name in _HYPERPARAMETERS.items()}
        try:
            self._lodo = Lodo(x, values, [generator], {name: settings[name] for name in _STRUCTURE})
        except UsageError as error:
            raise ValueError(str(error)) from None
        self._rate = float(settings["lr"])
        self._points, self._gradients, self._averages = (
            [piece.view_as(p) for piece, p in zip(torch.split(whole[0], sizes), self._parameters, strict=True)]
            for whole in (x, self._gradient, self._lodo.average)
        )

    def step(self, settings: Mapping[str, Any]) -> None:
        """Move the parameters that have a gradient."""
        present = [index for index, parameter in enumerate(self._parameters) if parameter.grad is not None]
        if not present:
            return
        self._read(present)
        meta_rate = float(settings["meta_lr"])
        if meta_rate:
            self._lodo.set_hyperparameter("meta_learning_rate", meta_rate)
            self._lodo.learn(self._gradient)
        self._rate = float(settings["lr"])
        self._lodo.set_hyperparameter("initial_learning_rate", self._rate)
        self._lodo.set_hyperparameter("momentum", float(settings["beta"]))
        for index in set(range(len(self._parameters))).difference(present):
            self._gradients[index].copy_(self._averages[index])  # which so stays as it is
        self._lodo.move(self._gradient)
        torch._foreach_copy_([self._parameters[i] for i in present], [self._points[i] for i in present])

    def state(self) -> dict[str, Any]:
        """What makes up this part, beside what it was built from."""
        return {"group": self.group, "places": self.places, "rate": self._rate, "lodo": self._lodo.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        self._rate = state["rate"]
        self._lodo.set_hyperparameter("initial_learning_rate", self._rate)
        try:
            self._lodo.restore(state["lodo"], self._gradient.device)
        except StateError as error:
            raise ValueError(f"this is the state of another LODO: {error}") from None

    def _read(self, present: list[int]) -> None:
        """Bring parameters and gradients into the vectors; the gradient is 0 where there is none."""
        gradients = [gradient for p in self._parameters if (gradient := p.grad) is not None]
        if any(gradient.is_sparse for gradient in gradients):
            raise RuntimeError("LODO does not take sparse gradients. Give these parameters to another optimizer.")
        if len(present) < len(self._parameters):
            self._gradient.zero_()
        torch._foreach_copy_([self._gradients[index] for index in present], gradients)
        torch._foreach_copy_(self._points, self._parameters)


# A group's short names of LODO's hyperparameters: `lr` and so on.
_HYPERPARAMETERS = {parameter.short: parameter.name for parameter in Lodo.hyperparameters}
