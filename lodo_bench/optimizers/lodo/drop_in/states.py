"""States of the drop-in LODO that are to be loaded: checked as a whole, before anything changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from lodo_bench.optimizers.lodo.drop_in.arguments import (
    PRESETS,
    check_structure,
    is_number,
    plain,
    settings_of,
    unwrapped,
)
from lodo_bench.optimizers.lodo.drop_in.part import (
    CPU_NAMES,
    INDEX_NAMES,
    State,
    check_tensors,
    kept_dtype,
    own,
    shared_shapes,
)
from lodo_bench.optimizers.lodo.drop_in.structure import Settings

_DIFFERENT = "the state belongs to a different LODO optimizer: "


def checked(given: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> tuple[dict[Any, Any], list[Any]]:
    """Return the states by parameter, copied, and the groups, completed, of a `state_dict()`.

    What others keep in a state under keys of their own is passed on.

    Args:
        given: the state of an optimizer of the same parameters in the same groups, maybe of a former version.
        groups: the groups of the optimizer that is to load it.

    Raises:
        ValueError: it is not such a state.
    """
    if not isinstance(given.get("param_groups"), Sequence):
        raise ValueError("this is not a state_dict of LODO: it has no 'param_groups'")
    saved_groups = [_completed(group, number) for number, group in enumerate(given["param_groups"])]
    sizes, own_sizes = ([len(group["params"]) for group in each] for each in (saved_groups, groups))
    if sizes != own_sizes:
        raise ValueError(
            f"{_DIFFERENT}its groups have {sizes} parameters, and those of this one have {own_sizes}. "
            "Build the optimizer with the same parameters in the same groups."
        )
    saved = (
        _converted(given["preconditioners"], saved_groups, groups) if "preconditioners" in given else given.get("state")
    )
    if not isinstance(saved, Mapping):
        raise ValueError("this is not a state_dict of LODO: it has no 'state'")
    indices = {index for group in saved_groups for index in group["params"]}
    found: dict[Any, Any] = {key: value for key, value in saved.items() if key not in indices}
    for group, current in zip(saved_groups, groups, strict=True):
        indices_of = dict(zip(current["params"], group["params"], strict=True))  # one may be named twice
        given_states = {p: _mapping(saved[index]) for p, index in indices_of.items() if index in saved}
        members = [(p, _tensors(own(state), p)) for p, state in given_states.items() if own(state)]
        _check_members(members, group)
        settings = settings_of(group)
        found |= {p: dict(state) for p, state in given_states.items()}
        for parameter, state in members:
            found[parameter] |= _placed(state, parameter, settings)
    return found, saved_groups


def _completed(group: object, number: int) -> dict[str, Any]:
    """Return a group with all arguments; those that a former version did not have are the paper's."""
    if not isinstance(group, Mapping) or not isinstance(group.get("params"), Sequence):
        raise ValueError(f"this is not a state_dict of LODO: its group {number} has no 'params'")
    if not {"lr", "meta_lr", "beta"} <= set(group):
        raise ValueError(f"this is not a state_dict of LODO: its group {number} lacks 'lr', 'meta_lr' or 'beta'")
    former = {} if "structure" in group else {"preset": "paper", **PRESETS["paper"]}
    complete = {"preconditioner_dtype": "same", **former, **group}
    for name in (*PRESETS["paper"], "preset"):
        if name not in complete:
            raise ValueError(f"this is not a state_dict of LODO: its group {number} lacks '{name}'")
        if name not in ("lr", "meta_lr"):
            complete[name] = plain(name, complete[name])
        elif not is_number(unwrapped(name, complete[name])):  # a scheduler may have set one that a step would refuse
            raise ValueError(f"{name} = {complete[name]!r} of LODO: must be a number.")
    check_structure(complete)
    return complete


def _mapping(state: object) -> Mapping[str, Any]:
    if not isinstance(state, Mapping):
        raise ValueError(f"{_DIFFERENT}the state of a parameter is a {type(state).__name__}")
    return state


def _tensors(given: Mapping[str, Any], parameter: Tensor) -> State:
    state = {
        name: torch.tensor(value) if name in CPU_NAMES and isinstance(value, int | float) else value
        for name, value in given.items()
    }
    if not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{_DIFFERENT}the state of a parameter consists of tensors")
    momentum = state.get("momentum")
    if momentum is None or momentum.shape != parameter.shape:
        shape = None if momentum is None else tuple(momentum.shape)
        raise ValueError(f"{_DIFFERENT}its momentum is {shape}, for a parameter of shape {tuple(parameter.shape)}")
    return {name: _indices(name, value) if name in INDEX_NAMES else value for name, value in state.items()}


def _indices(name: str, tensor: Tensor) -> Tensor:
    """Return positions as they are kept; compiled code would read or write elsewhere at others."""
    if tensor.dtype == torch.bool or tensor.is_floating_point() or tensor.is_complex():
        raise ValueError(f"{_DIFFERENT}'{name}' has the type {tensor.dtype}, and consists of no positions")
    found = tensor.to(torch.int32)
    if not torch.equal(found.to(tensor.dtype), tensor):
        raise ValueError(f"{_DIFFERENT}its network has positions outside of itself")
    return found


def _check_members(members: Sequence[tuple[Tensor, State]], group: Mapping[str, Any]) -> None:
    settings = settings_of(group)
    if settings.per_tensor:
        for parameter, state in members:
            _check_tensors(state, {"momentum": tuple(parameter.shape), **shared_shapes(parameter.numel(), settings)})
        return
    parts: dict[int, list[tuple[Tensor, State]]] = {}
    for parameter, state in members:
        if state.get("part") is None or state["part"].numel() != 1:
            raise ValueError(f"{_DIFFERENT}a parameter has no 'part'")
        parts.setdefault(int(state["part"]), []).append((parameter, state))
    for part in parts.values():
        leads = [state for _, state in part if "weights" in state]
        if len(leads) != 1 or "length" not in leads[0]:
            raise ValueError(f"{_DIFFERENT}{len(leads)} parameters of a preconditioner have its weights, not 1")
        n = int(leads[0]["length"])
        for parameter, state in part:
            own = {"momentum": tuple(parameter.shape), "part": (), "offset": (), "moved": ()}
            shared = {**shared_shapes(n, settings), "length": ()} if state is leads[0] else {}
            _check_tensors(state, own | shared)
        end = 0
        for parameter, state in sorted(part, key=lambda member: int(member[1]["offset"])):
            if int(state["offset"]) < end:
                raise ValueError(f"{_DIFFERENT}two parameters have the same place in a preconditioner")
            end = int(state["offset"]) + parameter.numel()
        if end > n:
            raise ValueError(f"{_DIFFERENT}a parameter lies outside of its preconditioner")


def _check_tensors(state: State, expected: Mapping[str, tuple[int, ...]]) -> None:
    if set(state) != set(expected):
        raise ValueError(f"{_DIFFERENT}a parameter has {sorted(state)}, not {sorted(expected)}")
    check_tensors(state, expected, _DIFFERENT)
    size = expected["permutations"][-1] if "permutations" in expected else 0
    for tensor in (state[name] for name in INDEX_NAMES if name in expected):
        if tensor.numel() and not 0 <= int(tensor.min()) <= int(tensor.max()) < size:
            raise ValueError(f"{_DIFFERENT}its network has positions outside of itself")


def _placed(state: State, parameter: Tensor, settings: Settings) -> State:
    """Return copies, on the parameter's device and in the types they are kept in."""
    placed: State = {}
    for name, tensor in state.items():
        if name in CPU_NAMES:
            kind = torch.float64 if name in ("step", "last_lr", "meta_powers") else tensor.dtype
            placed[name] = tensor.detach().to("cpu", kind, copy=True)
        else:
            kind = kept_dtype(name, tensor, parameter, settings)
            placed[name] = tensor.detach().to(parameter.device, kind, copy=True, memory_format=torch.contiguous_format)
    return placed


# States of former versions

_FORMER_NAMES = {
    "average": "momentum",
    "_meta": "meta_optimizer",
    "orders": "permutations",
    "entrance": "embedding_index",
    "power1": "beta1_power",
    "power2": "beta2_power",
}


def _converted(
    preconditioners: object, saved_groups: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]]
) -> dict[int, State]:
    """Return the states by index of a former version, which kept them apart from the parameters."""
    found: dict[int, State] = {}
    try:
        for number, part in enumerate(preconditioners):  # type: ignore[arg-type, var-annotated]
            group, places = saved_groups[part["group"]], list(part["places"])
            parameters = [groups[part["group"]]["params"][place] for place in places]
            lodo = _with_current_names(part["lodo"])
            network, meta, whole = lodo["preconditioner"], lodo["meta_optimizer"], lodo["momentum"][0]
            sizes = [parameter.numel() for parameter in parameters]
            shapes = shared_shapes(len(whole), settings_of(group))
            lead: State = {
                "weights": network["weights"].reshape(shapes["weights"]),
                "permutations": network.get("permutations", torch.zeros(shapes["permutations"], dtype=torch.int32)),
                "embedding_index": network.get(
                    "embedding_index", torch.zeros(shapes["embedding_index"], dtype=torch.int32)
                ),
                "meta_first": meta["first"].reshape(shapes["weights"]),
                "meta_second": meta["second"].reshape(shapes["weights"]),
                "meta_powers": torch.tensor([meta["beta1_power"], meta["beta2_power"]], dtype=torch.float64),
                "last_lr": torch.tensor(float(part["rate"]), dtype=torch.float64),
                "step": torch.tensor(0.0, dtype=torch.float64),
            }
            offsets = accumulate(sizes, initial=0)
            pieces = zip(places, parameters, torch.split(whole, sizes), offsets, strict=False)
            for index, (place, parameter, piece, offset) in enumerate(pieces):
                state = {"momentum": piece.view(parameter.shape)}
                if not group["per_tensor"]:
                    state |= {"part": torch.tensor(number), "offset": torch.tensor(offset)}
                    state["moved"] = torch.tensor(index in part["moved"])
                if index == 0:
                    state |= lead
                    if not group["per_tensor"]:
                        state["length"] = torch.tensor(len(whole))
                found[group["params"][place]] = state
    except (KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"{_DIFFERENT}its 'preconditioners' are not those of a former version ({error})") from None
    return found


def _with_current_names(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state of `Lodo` under the present names, whichever names it was saved under."""
    return {
        _FORMER_NAMES.get(name, name): _with_current_names(value) if isinstance(value, Mapping) else value
        for name, value in state.items()
    }
