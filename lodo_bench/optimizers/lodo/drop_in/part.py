"""Parameters of a group that share a preconditioner, and the tensors of the optimizer's state that belong to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import is_
from typing import Any

import torch
from torch import Generator, Tensor

from lodo_bench.compute.selection import implementation
from lodo_bench.optimizers.lodo.drop_in.butterfly import ButterflyStructure
from lodo_bench.optimizers.lodo.drop_in.diagonal import DiagonalStructure
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import ADAM_BETAS, META_OPTIMIZERS
from lodo_bench.optimizers.lodo.drop_in.network import NetworkStructure
from lodo_bench.optimizers.lodo.drop_in.structure import Settings, Structure

STRUCTURES: Mapping[str, type[Structure]] = {
    "butterfly": ButterflyStructure,
    "random": NetworkStructure,
    "diagonal": DiagonalStructure,
}
_HALF = (torch.float16, torch.bfloat16)

State = dict[str, Tensor]

CPU_NAMES = ("step", "last_lr", "meta_powers", "part", "offset", "moved", "length")
"""The tensors of a state that are read as numbers, and stay on the CPU."""
INDEX_NAMES = ("permutations", "embedding_index")
"""The tensors of a state that are positions in the vector between two layers."""
_MOMENTS = {name for rule in META_OPTIMIZERS.values() for name in rule.moments}
_DEVICE_NAMES = frozenset({"momentum", "weights", *INDEX_NAMES, *_MOMENTS})
_NAMES = _DEVICE_NAMES.union(CPU_NAMES)


def own(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what in a parameter's state belongs to LODO; others may keep something under names of their own."""
    return {name: value for name, value in state.items() if name in _NAMES}


@dataclass(frozen=True)
class Rates:
    """The rates of a step of a group, after schedules, and the steps in which `lr` rises to what it is here."""

    lr: float
    meta_lr: float
    beta: float
    weight_decay: float
    warmup_steps: int


def working_dtype(parameter: Tensor) -> torch.dtype:
    """Return the precision of a parameter's state and arithmetic: half precision cannot accumulate short steps."""
    return torch.float32 if parameter.dtype in _HALF else parameter.dtype


def kept_dtype(name: str, tensor: Tensor, parameter: Tensor, settings: Settings) -> torch.dtype:
    """Return the type in which a tensor of a parameter's state is kept."""
    if not tensor.is_floating_point():
        return tensor.dtype
    is_rounded = name == "weights" and settings.preconditioner_dtype == "bfloat16"
    return torch.bfloat16 if is_rounded else working_dtype(parameter)


def shared_shapes(n: int, settings: Settings) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors of a preconditioner for n entries, by name, which its first parameter keeps.

    - weights, and what else the structure and the meta-optimizer have;
    - step: the steps taken, other than with a learning rate of 0;
    - last_lr: the learning rate of the last step, 0 before the first.

    Raises:
        ValueError: for settings that do not fit n.
    """
    kind, meta = STRUCTURES[settings.structure], META_OPTIMIZERS[settings.meta_optimizer]
    shapes = kind.shapes(n, settings)
    shapes |= meta.shapes(shapes["weights"], kind.block_axes)
    if meta.has_powers:
        shapes["meta_powers"] = (len(ADAM_BETAS),)
    return {**shapes, "step": (), "last_lr": ()}


def new_states(parameters: Sequence[Tensor], settings: Settings, number: int, generator: Generator) -> list[State]:
    """Return the states of parameters that are to share a preconditioner, with S = I.

    The first has the preconditioner's tensors, each its momentum, and if there are several parameters

    - part: the number of the preconditioner, by which they are found together;
    - offset: the position of its first entry in the vector of all;
    - moved: whether it took part in the last step.
    """
    dtype, device, n = working_dtype(parameters[0]), parameters[0].device, sum(map(torch.numel, parameters))
    states: list[State] = [
        {"momentum": torch.zeros_like(p, dtype=dtype, memory_format=torch.contiguous_format)} for p in parameters
    ]
    shapes = shared_shapes(n, settings)
    drawn = STRUCTURES[settings.structure].draw(n, settings, generator, dtype)
    for name, shape in shapes.items():
        if name in drawn:
            states[0][name] = drawn[name].to(device, kept_dtype(name, drawn[name], parameters[0], settings))
        elif name in ("step", "last_lr"):
            states[0][name] = torch.zeros((), dtype=torch.float64)
        elif name == "meta_powers":
            # The first update is made in the second step.
            states[0][name] = torch.tensor(ADAM_BETAS, dtype=torch.float64)
        else:
            states[0][name] = torch.zeros(shape, dtype=dtype, device=device)
    if not settings.per_tensor:
        states[0]["length"] = torch.tensor(n)
        for state, offset in zip(states, accumulate(map(torch.numel, parameters), initial=0), strict=False):
            state |= {"part": torch.tensor(number), "offset": torch.tensor(offset), "moved": torch.tensor(True)}
    return states


class Part:
    """Parameters that share a preconditioner, as one vector for its structure.

    Args:
        parameters: the parameters, in the order of their entries in the vector.
        states: of each, as `new_states` returns them; their tensors change in place only.
        settings: of the group.
        eps: ε of the meta-optimizer.

    Raises:
        ValueError: the states were made for other settings, or parameters that share one differ in device or precision.
    """

    def __init__(self, parameters: Sequence[Tensor], states: Sequence[State], settings: Settings, eps: float) -> None:
        self.parameters, self.states, self.settings, self.eps = list(parameters), list(states), settings, eps
        lead = self.states[0]
        dtype, device = working_dtype(self.parameters[0]), self.parameters[0].device
        if any((working_dtype(p), p.device) != (dtype, device) for p in self.parameters):
            raise ValueError(
                "parameters of LODO that share a preconditioner were moved to different devices or precisions. Convert "
                "all of them, or use per_tensor=True."
            )
        for parameter, state in zip(self.parameters, self.states, strict=True):
            conform(state, parameter, settings)
        sizes = [parameter.numel() for parameter in self.parameters]
        if settings.per_tensor:
            n, offsets = sizes[0], [0]
            self._momentum = lead["momentum"].view(-1)
        else:
            n, offsets = int(lead["length"]), [int(state["offset"]) for state in self.states]
            self._momentum = torch.zeros(n, dtype=dtype, device=device)
        check_tensors(lead, shared_shapes(n, settings))
        self._slices = [slice(offset, offset + size) for offset, size in zip(offsets, sizes, strict=True)]
        self._x, self._gradient = (
            torch.zeros(0 if settings.per_tensor else n, dtype=dtype, device=device) for _ in range(2)
        )
        if not settings.per_tensor:
            for state, place in zip(self.states, self._slices, strict=True):
                self._momentum[place] = state["momentum"].view(-1)
                state["momentum"] = self._momentum[place].view(state["momentum"].shape)
        build = implementation(STRUCTURES[settings.structure], device, dtype)
        self._structure = build(n, settings, lead, self._momentum, eps)
        self._layout = _layout(self.parameters, self.states)

    def is_current(self, parameters: Sequence[Tensor], states: Sequence[State]) -> bool:
        """Return whether these are the parameters and states that this part was made of, in the same memory."""
        return (
            len(parameters) == len(self.parameters)
            and all(map(is_, self.parameters, parameters))
            and all(map(is_, self.states, states))
            and self._layout == _layout(parameters, states)
        )

    def step(self, gradients: Sequence[Tensor | None], rates: Rates, scale: Tensor | None) -> None:
        """Move the parameters that have a gradient.

        Args:
            gradients: of each parameter, or None.
            rates: of the group.
            scale: a factor of the gradients, or None.
        """
        present = [index for index, gradient in enumerate(gradients) if gradient is not None]
        if not present:
            return
        lead = self.states[0]
        last_lr, lr = float(lead["last_lr"]), rates.lr
        if lr:
            lead["step"] += 1
            lr *= min(1.0, float(lead["step"]) / rates.warmup_steps) if rates.warmup_steps else 1.0
        scale = None if scale is None else scale.to(self._momentum.device, self._momentum.dtype)
        if self.settings.per_tensor:
            self._step_alone(gradients[0], scale, last_lr, lr, rates)
        else:
            self._step_together(gradients, scale, present, last_lr, lr, rates)
        lead["last_lr"].fill_(lr)

    def _step_alone(
        self, gradient: Tensor | None, scale: Tensor | None, last_lr: float, lr: float, rates: Rates
    ) -> None:
        assert gradient is not None
        parameter, dtype = self.parameters[0], self._momentum.dtype
        flat = gradient.to(dtype)
        # A compiled structure reads memory, not what a view makes of it.
        flat = (flat if scale is None else flat * scale).resolve_neg().contiguous().view(-1)
        is_direct = parameter.dtype == dtype and parameter.is_contiguous() and not parameter.is_neg()
        x = parameter.detach() if is_direct else torch.empty(parameter.shape, dtype=dtype, device=parameter.device)
        if not is_direct:
            x.copy_(parameter)
        if lr and rates.weight_decay:
            x.mul_(1 - lr * rates.weight_decay)
        self._structure.step(x.view(-1), flat, last_lr, rates.meta_lr, lr, rates.beta)
        if not is_direct:
            parameter.copy_(x)

    def _step_together(
        self,
        gradients: Sequence[Tensor | None],
        scale: Tensor | None,
        present: list[int],
        last_lr: float,
        lr: float,
        rates: Rates,
    ) -> None:
        moved = [index for index in present if bool(self.states[index]["moved"])]
        for place, parameter in zip(self._slices, self.parameters, strict=True):
            self._x[place].view(parameter.shape).copy_(parameter.detach())
        if lr and rates.weight_decay:
            self._x.mul_(1 - lr * rates.weight_decay)
        # θ does not learn from parameters that did not move: their gradients count as 0.
        self._gradient.zero_()
        self._read(gradients, scale, moved)
        if last_lr and rates.meta_lr:
            self._structure.learn(self._gradient, last_lr, rates.meta_lr)
        # Where there is no gradient, the momentum stands for it, so that it does not change.
        self._gradient.copy_(self._momentum)
        self._read(gradients, scale, present)
        self._structure.move(self._x, self._gradient, lr, rates.beta)
        for index in present:
            self.parameters[index].copy_(self._x[self._slices[index]].view(self.parameters[index].shape))
        for index, state in enumerate(self.states):
            state["moved"].fill_(index in present)

    def _read(self, gradients: Sequence[Tensor | None], scale: Tensor | None, places: Sequence[int]) -> None:
        """Copy the gradients of some parameters to the vector."""
        for index in places:
            gradient = gradients[index]
            assert gradient is not None
            place = self._gradient[self._slices[index]].view(gradient.shape).copy_(gradient)
            if scale is not None:
                place.mul_(scale)


def _layout(parameters: Sequence[Tensor], states: Sequence[State]) -> list[object]:
    """Return what a part is bound to: the kind of its parameters, and the memory of the tensors of their states."""
    return [
        (
            parameter.shape,
            parameter.dtype,
            parameter.device,
            [(name, t.data_ptr(), t.numel(), t.dtype) for name, t in state.items() if name in _DEVICE_NAMES],
        )
        for parameter, state in zip(parameters, states, strict=True)
    ]


_CHANGED = "the state does not fit the arguments of its group of LODO, which were others when it was made: "


def check_tensors(state: State, expected: Mapping[str, tuple[int, ...]], why: str = _CHANGED) -> None:
    """Make sure that a state has these tensors.

    Raises:
        ValueError: one is missing, or has another shape or kind; the message begins with `why`.
    """
    for name, shape in expected.items():
        if name not in state:
            raise ValueError(f"{why}a parameter has {sorted(own(state))}, and no '{name}'")
        if tuple(state[name].shape) != shape:
            raise ValueError(f"{why}'{name}' has the shape {tuple(state[name].shape)}, not {shape}")
        if name in INDEX_NAMES and state[name].dtype != torch.int32:
            raise ValueError(f"{why}'{name}' has the type {state[name].dtype}, not {torch.int32}")
        if name not in (*INDEX_NAMES, *CPU_NAMES) and not state[name].is_floating_point():
            raise ValueError(f"{why}'{name}' has the type {state[name].dtype}, and is no floating-point tensor")


def conform(state: State, parameter: Tensor, settings: Settings) -> None:
    """Convert the tensors of a state to a parameter's device and the types they are kept in, where they have others.

    Raises:
        ValueError: the parameter has another shape than its momentum.
    """
    if state["momentum"].shape != parameter.shape:
        raise ValueError(
            f"the shape of a parameter of LODO was changed from {tuple(state['momentum'].shape)} to "
            f"{tuple(parameter.shape)}, but it has a preconditioner already. Build a new optimizer instead."
        )
    for name, tensor in state.items():
        if name in _DEVICE_NAMES:
            state[name] = tensor.to(parameter.device, kept_dtype(name, tensor, parameter, settings)).contiguous()


def describe(parameter: Tensor) -> str:
    """Return what identifies a parameter in a message."""
    return f"a parameter of shape {tuple(parameter.shape)}"


def check_parameter(parameter: Tensor) -> None:
    """Make sure that a parameter can be optimized.

    Raises:
        ValueError: it is of another kind than LODO supports.
    """
    if parameter.dtype not in (*_HALF, torch.float32, torch.float64):
        raise ValueError(
            f"LODO supports real floating-point parameters of 16 to 64 bits, not {parameter.dtype}. Leave them out."
        )
    if parameter.layout != torch.strided:
        raise ValueError(f"LODO supports dense parameters, not {describe(parameter)} with layout {parameter.layout}.")
    if parameter.is_meta:
        raise ValueError(
            f"{describe(parameter)} is on the meta device and has no values yet. Materialize the model first, "
            "e.g. with model.to_empty(device=...), and then build the optimizer."
        )
    if type(parameter.data) not in (Tensor, torch.nn.Parameter):
        raise ValueError(
            f"{describe(parameter)} is a {type(parameter.data).__name__}: LODO does not support sharded and other "
            "special tensors. Use DistributedDataParallel, whose replicas stay equal, or another optimizer for it."
        )
