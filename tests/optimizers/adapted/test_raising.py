"""Optimizers of the user's own that raise in the middle: the outcome is the same alone, among others, and resumed."""

import io

import pytest
import torch

from lodo_bench.optimizers import load_optimizer, optimizer_spec
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, TrainingSpec
from lodo_bench.tasks import task_spec
from lodo_bench.training.loop import train
from lodo_bench.training.trainer import Trainer
from lodo_bench.tuner.shard import Shard
from lodo_bench.tuner.worker import evaluate

STEPS = 20


class Raising(torch.optim.SGD):
    """Raises at a step whose number depends on the learning rate, if that is above a half."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr)

    def step(self, closure=None):
        (group,) = self.param_groups
        group["count"] = group.get("count", 0) + 1
        if group["lr"] > 0.5 and group["count"] > 20 * (1 - group["lr"]):
            raise self.error
        return super().step(closure)


class Singular(Raising):
    error = ValueError("singular matrix")


class Leaving(Raising):
    error = SystemExit(0)


def spec_of(kind, rates, steps=STEPS):
    optimizer = optimizer_spec(f"{__name__}.{kind.__name__}", {})
    (lr,) = (h for h in load_optimizer(optimizer).hyperparameters if h.is_learning_rate)
    members = tuple(Individual((0, 0, index), {lr.name: rate}) for index, rate in enumerate(rates))
    compute = ComputeSpec("cpu", "float64", "torch")
    return TrainingSpec(task_spec("quadratic", {"dimension": 8}), optimizer, "tuning", members, steps, compute=compute)


def told(outcome):
    return outcome.status, outcome.reason, outcome.steps, outcome.curve.losses.tolist()


RATES = (0.01, 0.6, 0.02, 0.8)


@pytest.mark.parametrize(("kind", "reason"), [(Singular, "ValueError: singular matrix"), (Leaving, "SystemExit: 0")])
def test_an_individual_that_raises_fails_and_the_others_do_not(kind, reason):
    together = [told(outcome) for outcome in train(spec_of(kind, RATES))]
    assert [each[:3] for each in together] == [
        (Status.COMPLETED, "", STEPS),
        (Status.FAILED, reason, 0),
        (Status.COMPLETED, "", STEPS),
        (Status.FAILED, reason, 0),
    ]
    for index, expected in ((0, RATES[0]), (1, RATES[1])):
        (alone,) = train(spec_of(kind, [expected]))
        assert told(alone) == together[index]


def test_the_shards_of_a_search_do_not_change_its_records():
    whole = evaluate(Shard(0, 0, spec_of(Singular, RATES)))
    assert [record.status for record in whole] == ["completed", "failed", "completed", "failed"]
    single = spec_of(Singular, RATES).individuals
    for record, individual in zip(whole, single, strict=True):
        spec = spec_of(Singular, [individual.hyperparameters["lr"]])
        (alone,) = evaluate(Shard(0, 0, spec))
        assert (alone.status, alone.reason, alone.steps) == (record.status, record.reason, record.steps)


def test_a_failure_is_part_of_the_state():
    spec = spec_of(Singular, RATES)
    first = Trainer.from_spec(spec)
    first.run_steps(12)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = Trainer.from_spec(spec)
    second.load_state_dict(torch.load(file, weights_only=True), torch.device("cpu"))
    assert dict(second.failures) == {1: "ValueError: singular matrix", 3: "ValueError: singular matrix"}
