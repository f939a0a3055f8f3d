"""Derived seeds: the same everywhere for the same identity, independent for any other."""

import os
import subprocess
import sys

import pytest
import torch

from lodo_bench.seeding import derive_seed, draw_normal, global_randomness, optimizer_generators, task_generators
from lodo_bench.spec.training import Individual
from tests.helpers import defaults, generators, training_spec

IDENTITIES = [("task", "quadratic", "final", 0), ("optimizer", "quadratic", "lodo", "tuning", 3, 1, 4), ()]


def seeds(generator_list):
    return [generator.initial_seed() for generator in generator_list]


def spec(optimizer="adam", key=(0,), **changes):
    return training_spec(optimizer, individuals=(Individual(key, defaults(optimizer)),), **changes)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_derives_the_same(hash_seed):
    program = f"from lodo_bench.seeding import derive_seed; print([derive_seed(*i) for i in {IDENTITIES!r}])"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert other.stdout.strip() == str([derive_seed(*identity) for identity in IDENTITIES])


def test_seeds_fit_a_generator_and_fill_its_range():
    drawn = [derive_seed("task", i) for i in range(1000)]
    assert all(0 <= seed < 2**63 for seed in drawn)
    assert len(set(drawn)) == 1000
    assert min(drawn) < 2**57
    assert max(drawn) > 2**63 - 2**57


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", 1), ("a", "1")),
        (("a", 1), (1, "a")),
        (("ab", "c"), ("a", "bc")),
        ((1, 23), (12, 3)),
        ((0,), (0, 0)),
        (("a",), ()),
    ],
)
def test_similar_identities_have_different_seeds(one, other):
    assert derive_seed(*one) != derive_seed(*other)


def test_the_task_does_not_know_the_optimizer():
    assert seeds(task_generators(spec("adam"))) == seeds(task_generators(spec("lodo")))


def test_each_optimizer_has_its_own_seed_on_each_task():
    derived = [
        seeds(optimizer_generators(spec(optimizer, task=task)))[0]
        for optimizer in ("adam", "lodo")
        for task in ("quadratic", "rosenbrock")
    ]
    assert len({*derived, *seeds(task_generators(spec()))}) == 5


@pytest.mark.parametrize("of", [task_generators, optimizer_generators])
def test_purpose_and_key_separate(of):
    specs = [spec(purpose=purpose, key=key) for purpose in ("tuning", "final") for key in ((0,), (1,), (0, 0), (0, 1))]
    assert len({seeds(of(s))[0] for s in specs}) == 8


@pytest.mark.parametrize("of", [task_generators, optimizer_generators])
def test_neither_hyperparameters_nor_length_nor_company_matter(of):
    alone = spec(key=(1,))
    others = tuple(Individual((key,), {"learning_rate": 5.0, "beta1": 0.1, "beta2": 0.1}) for key in (0, 1, 2))
    company = training_spec("adam", individuals=others, steps=999, seconds=1.0)
    assert seeds(of(company))[1] == seeds(of(alone))[0]


def test_a_row_is_drawn_from_its_own_generator_alone():
    together = draw_normal(generators([1, 2, 3]), torch.empty(3, 4, 5, dtype=torch.float64))
    assert together.shape == (3, 4, 5)
    assert together.dtype == torch.float64
    for row, seed in zip(together, (1, 2, 3), strict=True):
        assert torch.equal(row, draw_normal(generators([seed]), torch.empty(1, 4, 5, dtype=torch.float64))[0])
    assert not torch.equal(together[0], together[1])


def test_draws_are_standard_normal():
    numbers = draw_normal(generators([4]), torch.empty(1, 100_000))
    assert abs(numbers.mean()) < 5 / 100_000**0.5
    assert abs(numbers.square().mean() - 1) < 5 * (2 / 100_000) ** 0.5


def test_global_randomness_is_seeded_within_the_block_only():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    drawn = []
    for seed in (1, 1, 2):
        with global_randomness(seed, torch.device("cpu")):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(drawn[0], torch.rand(3, generator=torch.Generator().manual_seed(1)))
    with pytest.raises(ValueError, match="inside"), global_randomness(1, torch.device("cpu")):
        raise ValueError("inside")
    assert torch.equal(torch.rand(4), expected)
