"""LODO as a drop-in torch.optim.Optimizer (LODO §3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, final, overload

import torch
from torch import Generator, Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import override

from lodo_bench.compute.selection import chosen_backend, use_backend
from lodo_bench.optimizers.lodo.drop_in.arguments import (
    RATES,
    PresetName,
    StructureName,
    check_structure,
    plain,
    rate,
    resolve,
    settings_of,
)
from lodo_bench.optimizers.lodo.drop_in.group_step import GroupStep
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import MetaName
from lodo_bench.optimizers.lodo.drop_in.part import (
    Part,
    Rates,
    State,
    check_parameter,
    check_tensors,
    describe,
    new_states,
    own,
    working_dtype,
)
from lodo_bench.optimizers.lodo.drop_in.states import checked
from lodo_bench.optimizers.lodo.drop_in.structure import DtypeName, Settings
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.compute import BackendChoice

# What may be changed in a group between steps, beside the rates.
_CHANGEABLE = ("max_grad_norm", "warmup_steps", "skip_nonfinite", "meta_eps", "seed")


@final
class LODO(torch.optim.Optimizer):
    """LODO: momentum, multiplied by a matrix that is itself learned from every gradient; a drop-in for torch.optim.

    Update rule, with m = 0 and S(θ) = I at the start, g the gradients of a tensor, or of a whole group, as one vector::

        h <- ∂ℓ(x_before − lr S(θ) m) / ∂θ        g pushed back through the last step: no second backward
        θ <- Meta(θ, h; meta_lr)
        m <- beta m + (1 − beta) g
        x <- (1 − lr weight_decay) x − lr S(θ) m

    It needs nothing but `loss.backward()` before `step()`. What S(θ) is, and how θ learns, depends on the preset:

    - `light`: four layers of 4 × 4 blocks in the places of a fast Fourier transform (a butterfly network), for each
      tensor, which learn by the signs of their hypergradients; 68 bytes for each number.
    - `paper`: the network of the paper: 16 layers of 4 × 4 blocks and random permutations, with twice as many entries,
      for each group, which learn by Adam; 2 kB for each number. With the same gradients it takes the same steps as
      `lodo_bench.optimizers.lodo.Lodo`.
    - `diagonal`: a learning rate for each number, which learns by signs; 8 bytes, as AdamW.

    A parameter gets its preconditioner at the first step at which it has a gradient; with `per_tensor=False` it shares
    one with those of its group that get theirs at the same step, with the same device and precision. Frozen and unused
    parameters cost nothing. Half-precision parameters are updated in float32. A parameter whose gradient is None in a
    step is not moved, nor is its part of m, as in torch.optim; and θ does not learn from parameters that did not move.

    A learning rate changed by a scheduler takes effect at the next `step()`, and scales all of S; the hypergradient of
    a step uses the learning rate of that step. With `lr` = 0 nothing moves, and the following step does not learn. With
    `meta_lr` = 0, θ is frozen.

    Args:
        params: parameters, or parameter groups with arguments of their own, as in torch.optim. A group may have a
            preset of its own: it then has the values of that preset for all arguments in which presets differ, and
            otherwise those of the optimizer.
        lr: α₀ >= 0, the initial learning rate; None, here and below, for the preset's.
        meta_lr: α >= 0, the step size of the meta-optimizer. S changes by about `meta_lr` times the number of steps, so
            that fewer steps need a larger one.
        beta: β in [0, 1), the decay of the averaged gradient.
        preset: the values of the arguments that are not given.
        weight_decay: >= 0, decoupled: x shrinks by the factor 1 − lr · weight_decay in each step.
        max_grad_norm: > 0; the gradients of a group are scaled down to this norm if theirs is larger.
        warmup_steps: >= 0, the number of first steps in which the learning rate rises linearly.
        skip_nonfinite: leave out the step of a group with a gradient that is infinite or NaN; nothing changes. Without
            it, such a gradient spoils the momentum, as in torch.optim. It makes a GPU wait for each step.
        structure: of S: `butterfly`, `random`, or `diagonal`.
        layers: N >= 0 layers; with none, this is SGD with momentum.
        block_size: k >= 1; at least 2 for `butterfly`.
        hidden_dim: ñ of `random`, a multiple of k and at least the number of entries; 0 for the smallest that is at
            least twice it.
        meta_optimizer: `adam`; `sign`, signs of hypergradients; `lion`, signs of averaged hypergradients; `block-rms`,
            hypergradients divided by the root mean square of their block; `sgd`, plain gradient descent.
        meta_eps: ε > 0 of `adam` and `block-rms`.
        per_tensor: use one preconditioner per parameter tensor, instead of one per group.
        preconditioner_dtype: the type in which the weights of `butterfly` are kept: `same` as the arithmetic, float32
            or float64, or `bfloat16`, half as large, rounded stochastically in each step.
        seed: seed of the initial blocks and permutations; replicas of a model that are to stay equal need the same.

    Raises:
        ValueError: if an argument is unknown or out of range, or a parameter is complex, sharded, sparse, or on the
            meta device.

    Example::

        optimizer = lodo_bench.LODO(model.parameters(), lr=1.0, meta_lr=1e-3, beta=0.9)

    Reference:
        Liao, Dangovski, Foerster, Soljačić, "Learning to Optimize Quasi-Newton Methods", TMLR 2023, §3, Algorithm 1.
        Deviations of `light`: the places and number of blocks, and the meta-optimizer.
    """

    state: defaultdict[Any, Any]  # by parameter; others may keep theirs under keys that are none

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor | None = None,
        meta_lr: float | None = None,
        beta: float | None = None,
        *,
        preset: PresetName = "light",
        weight_decay: float | None = None,
        max_grad_norm: float | None = None,
        warmup_steps: int | None = None,
        skip_nonfinite: bool | None = None,
        structure: StructureName | None = None,
        layers: int | None = None,
        block_size: int | None = None,
        hidden_dim: int | None = None,
        meta_optimizer: MetaName | None = None,
        meta_eps: float | None = None,
        per_tensor: bool | None = None,
        preconditioner_dtype: DtypeName | None = None,
        seed: int | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "params", "__class__")}
        self._given = {name: value for name, value in given.items() if value is not None or name == "preset"}
        self._parts: dict[Tensor, Part] = {}  # by their first parameter
        self._settings: dict[Tensor, Settings] = {}  # with which the state of each parameter was made
        self._backend: BackendChoice | None = None  # until the first step
        super().__init__(params, resolve({}, self._given))

    @override
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group, with arguments of its own.

        Raises:
            ValueError: an argument is unknown or out of range, or a parameter is of a kind that LODO does not support.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group must be a dict, not {type(param_group).__name__}")
        if "params" not in param_group:
            raise ValueError(f"a parameter group of LODO needs 'params'; this one has {sorted(param_group)}.")
        complete = {**param_group, **resolve(param_group, self._given)}
        params = complete["params"]
        if not isinstance(params, Tensor | set):
            complete["params"] = params = list(params)
        for item in [params] if isinstance(params, Tensor) else params:
            parameter = item[1] if isinstance(item, tuple) else item
            if isinstance(parameter, Tensor):
                check_parameter(parameter)
        super().add_param_group(complete)

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
            ValueError: if an argument of a group is out of range, a gradient is sparse or of another shape than its
                parameter, or the structure of a group or the shape of a parameter was changed; no parameter has moved
                then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._advance()
        return loss

    @override
    def state_dict(self) -> dict[str, Any]:
        """Return the state; with `load_state_dict`, training continues bit for bit."""
        self._forget_removed()
        return super().state_dict()

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from the `state_dict()` of an optimizer of the same parameters in the same groups.

        The arguments of the groups are then those of the state, as in torch.optim.

        Raises:
            ValueError: if the state is that of another optimizer; nothing has changed then.
        """

        def check(optimizer: torch.optim.Optimizer, given: dict[str, Any]) -> dict[str, Any]:
            self._incoming, groups = checked(given, self.param_groups)
            return {"state": {}, "param_groups": groups}

        # As the last of the hooks that see a state before it is loaded. PyTorch itself would convert all tensors of the
        # state to the precision of their parameters.
        handle = self.register_load_state_dict_pre_hook(check)
        try:
            super().load_state_dict(state_dict)
        finally:
            handle.remove()
            self._incoming = {}
        choice = chosen_backend()
        self._backend = None if choice == "auto" else choice

    _incoming: dict[Tensor, dict[str, Tensor]] = {}  # noqa: RUF012 - replaced, never changed

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "given": self._given, "backend": self._backend}

    def __setstate__(self, state: dict[str, Any]) -> None:
        rest = dict(state)
        self._given = rest.pop("given", getattr(self, "_given", {}))
        self._backend = rest.pop("backend", getattr(self, "_backend", None))
        super().__setstate__(rest)
        self.state.update(self._incoming)
        self._parts = {}
        self._settings = {
            p: settings_of(group) for group in self.param_groups for p in group["params"] if self._has_state(p)
        }

    # Excluded from torch.compile, where a whole training step is compiled.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _advance(self) -> None:
        self._forget_removed()
        if self._backend is None:
            self._backend = chosen_backend()
        with use_backend(self._backend):
            steps = [step for group in self.param_groups if (step := self._checked(group)) is not None]
            steps = [step for step in steps if not step.is_skipped]
            joined: list[Tensor] = []
            try:
                for step in steps:
                    self._join(step, joined)
                parts = [self._parts_of(step) for step in steps]
            except BaseException:
                for parameter in joined:
                    self._forget(parameter)
                raise
            for step, found in zip(steps, parts, strict=True):
                scale = step.scale
                for part in found:
                    part.step([p.grad for p in part.parameters], step.rates, scale)

    def _checked(self, group: dict[str, Any]) -> GroupStep | None:
        """Return the next step of a group, whose arguments and gradients are sound; None if it has no gradients.

        Raises:
            ValueError: see `step`.
        """
        plain("preset", group["preset"])
        values = {name: plain(name, group[name]) for name in _CHANGEABLE}
        rates = Rates(**{name: rate(group, name) for name in RATES}, warmup_steps=values["warmup_steps"])
        settings = settings_of(group)
        for parameter in group["params"]:
            self._check_unchanged(parameter, settings)
        parameters = [p for p in dict.fromkeys(group["params"]) if p.grad is not None and p.numel()]
        for parameter in parameters:
            if parameter.grad.layout != torch.strided:
                raise ValueError(
                    f"{describe(parameter)} has a sparse gradient, which is not supported. "
                    "Build its layer with sparse=False, or use another optimizer for this parameter."
                )
            if parameter.grad.shape != parameter.shape:
                raise ValueError(f"{describe(parameter)} has a gradient of shape {tuple(parameter.grad.shape)}.")
            if not self._has_state(parameter):
                check_parameter(parameter)
        if not all(map(self._has_state, parameters)):
            check_structure(group)
        return GroupStep(group["params"], parameters, settings, rates, values) if parameters else None

    def _check_unchanged(self, parameter: Tensor, settings: Settings) -> None:
        """Make sure that a parameter with a preconditioner has the settings that it was made with."""
        made = self._settings.get(parameter, settings) if self._has_state(parameter) else settings
        if made != settings:
            former = vars(made)
            name, now = next((name, now) for name, now in vars(settings).items() if now != former[name])
            raise ValueError(
                f"the group of {describe(parameter)} has {name} = {now!r}, but LODO made its preconditioner with "
                f"{former[name]!r}. Build a new optimizer instead."
            )

    def _join(self, step: GroupStep, joined: list[Tensor]) -> None:
        """Give a preconditioner to the parameters that have a gradient for the first time, and add them to `joined`."""
        joining: dict[tuple[Any, ...], list[Tensor]] = {}
        for index, parameter in enumerate(step.parameters):
            if not self._has_state(parameter):
                alone = index if step.settings.per_tensor else -1
                joining.setdefault((parameter.device, working_dtype(parameter), alone), []).append(parameter)
        every = dict.fromkeys(p for group in self.param_groups for p in group["params"]) if joining else {}
        places = {p: place for place, p in enumerate(every)}
        for members in joining.values():
            # By their place: whatever else has a preconditioner, they get the same one.
            seed = derive_seed("drop-in", step.values["seed"], places[members[0]])
            generator = Generator(members[0].device).manual_seed(seed)
            parts = [int(state["part"]) for state in self._states().values() if "part" in state]
            new = new_states(members, step.settings, max(parts, default=-1) + 1, generator)
            joined += members
            for parameter, state in zip(members, new, strict=True):
                self.state[parameter].update(state)
                self._settings[parameter] = step.settings

    def _parts_of(self, step: GroupStep) -> list[Part]:
        """Return the parts of a group, from its state; new ones only for what has changed."""
        settings, eps = step.settings, float(step.values["meta_eps"])
        members: dict[int, list[Tensor]] = defaultdict(list)
        for index, parameter in enumerate(dict.fromkeys(step.members)):
            if self._has_state(parameter):
                if not settings.per_tensor:
                    check_tensors(self.state[parameter], {"part": (), "offset": (), "moved": ()})
                members[index if settings.per_tensor else int(self.state[parameter]["part"])].append(parameter)
        parts = []
        for found in members.values():
            if not settings.per_tensor:
                found.sort(key=lambda parameter: int(self.state[parameter]["offset"]))
                if "length" not in self.state[found[0]]:
                    raise ValueError(
                        f"{describe(found[0])} shares its preconditioner with parameters of another group. Move all of "
                        "them to this group, or build a new optimizer."
                    )
            part, states = self._parts.get(found[0]), [self.state[parameter] for parameter in found]
            if part is None or part.eps != eps or not part.is_current(found, states):
                part = Part(found, states, settings, eps)
            self._parts[found[0]] = part
            parts.append(part)
        return parts

    def _has_state(self, parameter: Tensor) -> bool:
        """Return whether a parameter has a preconditioner; a state that only others use, or that is empty, is none."""
        return "momentum" in self.state.get(parameter, {})

    def _forget(self, parameter: Tensor) -> None:
        """Drop the preconditioner of a parameter, but not what others keep in its state."""
        for name in own(self.state[parameter]):
            del self.state[parameter][name]
        if not self.state[parameter]:
            del self.state[parameter]
        self._settings.pop(parameter, None)

    def _states(self) -> dict[Tensor, State]:
        """Return the states of parameters; others may keep things of their own beside them."""
        return {key: state for key, state in self.state.items() if isinstance(key, Tensor)}

    def _forget_removed(self) -> None:
        """Drop the state of parameters that are in no group any more; what they shared goes to another one."""
        kept = {parameter for group in self.param_groups for parameter in group["params"]}
        removed = [parameter for parameter in self._states() if parameter not in kept]
        for parameter in removed:
            state = own(self.state.pop(parameter))
            self._settings.pop(parameter, None)
            if "part" in state and "weights" in state:
                others = (other for other in self._states().values() if "part" in other)
                heirs = [other for other in others if int(other["part"]) == int(state["part"])]
                if heirs:
                    heir = min(heirs, key=lambda other: int(other["offset"]))
                    heir |= {name: value for name, value in state.items() if name not in heir}
        if removed:
            self._parts = {}
