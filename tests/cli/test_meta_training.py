"""An optimizer that is meta-trained: through `tune`, interrupted and continued, then run frozen."""

import pytest

from lodo_bench.training import meta
from lodo_bench.tuner import worker
from tests.cli.runner import Place
from tests.short_meta_training import short_epochs

BOWL = ("--task", "quadratic", "-T", "dimension=5")
L2L = ("--optimizer", "l2lbgdbgd")
EPOCHS = 2


def tune(place):
    schedule = place.work / "epochs.yaml"
    schedule.write_text(f"population: 2\ngenerations: [{{sigma: 1, steps: 10}}]\nmeta_epochs: {EPOCHS}\n")
    return ("tune", *BOWL, *L2L, "--schedule", schedule, "--workers", 0)


def weights(place):
    return place.query("SELECT weights, state_dict FROM meta_training_states")


@pytest.fixture(scope="module", autouse=True)
def quick():
    with short_epochs():
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("trained"))
    return place, place.run_here(*tune(place))


def test_every_epoch_is_a_line(trained):
    _, result = trained
    assert result.code == 0
    lines = [line.partition(",")[0] for line in result.stderr.splitlines() if " diverged" in line]
    assert lines == [f"l2lbgdbgd: generation {epoch} of {EPOCHS}" for epoch in range(1, EPOCHS + 1)]
    assert "meta-trained (loss" in result.stdout


def test_what_was_learned_is_kept_with_its_provenance(trained):
    place, _ = trained
    query = (
        "SELECT length(l.weights), p.command FROM meta_training_states l JOIN provenances p ON p.id = l.provenance_id"
    )
    ((size, command),) = place.query(query)
    assert size % 8 == 0
    assert size > 1000
    assert command.startswith("lodo-bench tune")


def test_an_interrupted_meta_training_is_continued_to_the_same_weights(trained, place, monkeypatch):
    epochs = []

    def until_the_second(*arguments):
        epochs.append(arguments)
        if len(epochs) == 2:
            raise KeyboardInterrupt
        return meta.run_epoch(*arguments)

    monkeypatch.setattr(worker, "run_epoch", until_the_second)
    assert place.run_here(*tune(place)).code == 130
    assert place.count("individuals") == 1 < EPOCHS
    assert place.run_here(*tune(place)).code == 0
    assert len(epochs) == 1 + EPOCHS
    assert weights(place) == weights(trained[0]) != []


def test_it_runs_frozen_with_what_it_has_learned(trained):
    place, _ = trained
    document = place.run_here("run", *BOWL, *L2L, "--seeds", 2, "--steps", 200, "--untimed", "--json").document
    assert document["hyperparameters_source"] == "tuned"
    assert [run["status"] for run in document["runs"]] == ["completed"] * 2
    report = place.run_here("report").stdout
    assert "l2lbgdbgd, tuned (study 1): meta-trained weights" in report


@pytest.mark.parametrize("command", [("run", *BOWL, *L2L), ("run", *BOWL, *L2L, "--from", "default")])
def test_without_a_meta_training_the_command_for_it_is_named(tmp_path, command):
    result = Place(tmp_path).run_here(*command)
    assert result.code == 2
    assert "lodo-bench tune --task quadratic -T dimension=5 --optimizer l2lbgdbgd" in result.message
    assert "Traceback" not in result.stderr
