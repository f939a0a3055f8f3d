"""Seeds derived from identities.

A result depends on what an individual *is*, never on when or where it was computed. Two rules follow from the
identities:

- A task's randomness comes from (task, purpose, key), so all optimizers have the same problems and runs can be paired.
- An optimizer's own randomness also comes from its name, so it is independent of the task's and of other optimizers'.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec


def derive_seed(*identity: str | int) -> int:
    """Hash an identity to an integer in [0, 2**63); equal identities give equal seeds on every machine."""
    digest = hashlib.blake2b(json.dumps(identity).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def task_generators(spec: TrainingSpec) -> list[torch.Generator]:
    """Return one generator per individual for its problem: data, noise and initial point."""
    return _generators(spec, "task", *_code(spec.task))


def optimizer_generators(spec: TrainingSpec) -> list[torch.Generator]:
    """Return one generator per individual for its optimizer, e.g. for LODO's permutations and blocks."""
    return _generators(spec, "optimizer", *_code(spec.task), *_code(spec.optimizer))


def search_seed(task: TaskSpec, optimizer: OptimizerSpec, seed: int) -> int:
    """Return the seed of a search, for its random choice of hyperparameters."""
    return derive_seed("search", *_code(task), *_code(optimizer), seed)


def _code(spec: TaskSpec | OptimizerSpec) -> tuple[str, ...]:
    """Return the name, with the version of code outside this package."""
    return (spec.name, spec.version) if spec.version else (spec.name,)


def _generators(spec: TrainingSpec, *identity: str) -> list[torch.Generator]:
    def seeded(individual: Individual) -> torch.Generator:
        seed = derive_seed(*identity, spec.purpose, *individual.key)
        return torch.Generator(device=spec.compute.device).manual_seed(seed)

    return [seeded(individual) for individual in spec.individuals]


def draw_normal(generators: Sequence[torch.Generator], out: torch.Tensor) -> torch.Tensor:
    """Fill `out` (P, ...) with standard normal numbers, row p from generator p alone, and return it."""
    for generator, row in zip(generators, out, strict=True):
        row.normal_(generator=generator)
    return out


@contextmanager
def global_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Seed PyTorch's global generators, of the CPU and of `device`, and restore them at the end.

    For code that draws from them, such as the initialization of modules and dropout.

    Args:
        seed: in [0, 2**63).
        device: device on which the code draws, besides the CPU.
    """
    generators = [torch.default_generator]
    if device.type == "cuda":
        with torch.cuda.device(device):
            generators.append(torch.cuda.default_generators[torch.cuda.current_device()])
    before = [generator.get_state() for generator in generators]
    for generator in generators:
        generator.manual_seed(seed)
    try:
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)
