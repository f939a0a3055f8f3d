"""Meta-training as a search: epochs in order, the state from one to the next, and resumption from a record."""

import pytest

from lodo_bench.spec.study import GenerationPlan, Schedule
from lodo_bench.spec.training import MetaTrainingState, Tuned
from lodo_bench.tuner.meta_training import MetaTraining
from lodo_bench.tuner.study import Study
from tests.builders import individual
from tests.tuner.helpers import shards_of, study_record, study_spec

SCHEDULE = Schedule("tiny", 1, (GenerationPlan(0.0, 100), GenerationPlan(0.0, 200), GenerationPlan(0.0, 300)))
FIRST, SECOND = MetaTrainingState(b"best", b"first"), MetaTrainingState(b"better", b"second")


def epoch(state, **changes):
    return individual(0, hyperparameters={}, state=state, **changes)


def test_epochs_are_generations_of_one_individual_without_hyperparameters():
    search = MetaTraining(SCHEDULE, None)
    for index, steps in enumerate((100, 200, 300)):
        generation = search.ask()
        assert generation == search.ask()
        assert (generation.index, generation.sigma, generation.steps) == (index, 0.0, steps)
        assert (generation.mean, generation.individuals) == ({}, ({},))
        assert not search.finished
        search.tell([epoch(FIRST)])
    assert search.finished


def test_each_epoch_starts_from_the_state_after_the_one_before():
    search = MetaTraining(SCHEDULE, None)
    assert search.ask().state is None
    search.tell([epoch(FIRST)])
    assert search.ask().state == FIRST
    search.tell([epoch(SECOND)])
    assert search.ask().state == SECOND


def test_the_result_is_the_best_weights_and_no_values():
    search = MetaTraining(SCHEDULE, None)
    assert search.result == Tuned({})
    search.tell([epoch(FIRST)])
    assert search.result == Tuned({}, b"best")


def test_a_failed_epoch_leaves_the_state_as_it_is():
    search = MetaTraining(SCHEDULE, None)
    search.tell([epoch(FIRST)])
    search.tell([epoch(None)])
    assert (search.ask().index, search.ask().state) == (2, FIRST)


@pytest.mark.parametrize("count", [0, 2])
def test_an_epoch_has_one_individual(count):
    with pytest.raises(ValueError, match=f"an epoch has 1 individual, not {count}"):
        MetaTraining(SCHEDULE, None).tell([epoch(FIRST)] * count)


def test_a_study_resumes_from_the_stored_state():
    """Its individuals come from the database without their states, of which only the latest is stored."""
    spec = study_spec("l2lbgdbgd", schedule=SCHEDULE)
    stored = [epoch(None, generation=0), epoch(None, generation=1)]
    (shard,) = shards_of(Study(study_record(spec, stored, state=SECOND)))
    assert (shard.generation, shard.training.steps, shard.state) == (2, 300, SECOND)
    assert [individual.key for individual in shard.training.individuals] == [(0, 2, 0)]
