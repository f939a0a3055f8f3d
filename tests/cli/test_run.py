"""`lodo-bench run`: what it prints, which hyperparameters it takes, and what it keeps."""

import numpy as np
import pytest

from lodo_bench.cli.views.run import print_runs
from lodo_bench.spec.outcome import MetricHistory
from tests import builders
from tests.builders import at_seconds, at_steps
from tests.cli.runner import Place
from tests.cli.scarce import scarce_task

ADAM_ON_ROSENBROCK = {"learning_rate": 0.9704, "beta1": 0.864, "beta2": 0.99804}
RUN_KEYS = {
    "seed",
    "status",
    "reason",
    "steps",
    "evaluations",
    "training_seconds",
    "steps_per_second",
    "milestones",
    "metrics",
    "command",
}
BOWL = ("--task", "quadratic", "-T", "dimension=12")


@pytest.fixture(scope="module")
def adam(tmp_path_factory):
    """Two identical runs of Adam on Rosenbrock's function, where one stands for all seeds: for people, and as JSON."""
    place = Place(tmp_path_factory.mktemp("adam"))
    arguments = ("run", "--optimizer", "adam", "--task", "rosenbrock", "--seeds", 2)
    return place, place.run(*arguments), place.run_here(*arguments, "--fresh", "--json")


def losses(document):
    return [run["milestones"] for run in document["runs"]]


def test_a_run_prints_a_table(adam):
    _, result, _ = adam
    assert result.code == 0
    headers, rule, *rows = result.stdout.splitlines()
    assert [title.strip() for title in headers.strip("| ").split("|")] == [
        "seed",
        "status",
        "loss at 200 steps",
        "training s",
        "steps/s",
    ]
    assert set(rule) == set("| -:")
    assert [row.split("|")[1].strip() for row in rows] == ["0", "all"]
    assert all("5.342e-05" in row for row in rows) and "completed" in rows[0]


def test_progress_goes_to_standard_error(adam):
    first, second, *seeds = adam[1].stderr.splitlines()
    assert first == ("adam on rosenbrock, paper (Table 6): learning_rate = 0.9704, beta1 = 0.864, beta2 = 0.99804")
    assert second == (
        "One run stands for all 2: neither adam nor rosenbrock draws random numbers here, so that no seed changes "
        "anything."
    )
    assert len(seeds) == 1
    for seed, line in enumerate(seeds):
        assert line.startswith(f"adam, seed {seed}: completed, loss 5.342e-05 at 200 steps, ")
        assert line.endswith(" steps/s")


def test_json_is_all_of_standard_output(adam):
    result = adam[2]
    assert result.code == 0
    assert result.stdout.startswith("{") and result.stdout.endswith("}\n")
    document = result.document
    assert (document["task"], document["task_options"], document["optimizer"]) == ("rosenbrock", {}, "adam")
    assert document["hyperparameters"] == ADAM_ON_ROSENBROCK
    assert document["hyperparameters_source"] == "paper"
    assert (document["device"], document["dtype"], document["timed"]) == ("cpu", "float64", True)


def test_json_tells_of_every_run(adam):
    document = adam[2].document
    assert document["deterministic"] is True
    assert [run["seed"] for run in document["runs"]] == [0]
    for run in document["runs"]:
        assert set(run) == RUN_KEYS
        assert (run["status"], run["steps"], run["evaluations"]) == ("completed", 200, 200)
        assert run["training_seconds"] > 0
        assert run["steps_per_second"] == pytest.approx(200 / run["training_seconds"])
        assert set(run["milestones"]) == {"steps:200"}
        assert run["milestones"]["steps:200"]["loss"] == pytest.approx(5.342e-5, rel=1e-3)


def test_json_sums_up(adam):
    document = adam[2].document
    summary = document["summary"]
    assert summary["milestones"]["steps:200"]["mean"] == losses(document)[0]["steps:200"]["loss"]
    assert (summary["milestones"]["steps:200"]["count"], summary["milestones"]["steps:200"]["diverged"]) == (1, 0)
    (run,) = document["runs"]
    assert summary["steps_per_second"]["mean"] == pytest.approx(run["steps_per_second"])


def test_a_fresh_set_is_another_one(adam):
    place, first, second = adam
    assert second.document["run_set"] == 2
    assert "Resuming" not in first.stderr + second.stderr
    assert place.query("SELECT run_set_id, seed FROM runs ORDER BY 1, 2") == [(1, 0), (2, 0)]
    losses = [row[0] for row in place.query("SELECT loss FROM milestones")]
    assert len(losses) == 2 and len(set(losses)) == 1


def test_the_command_is_kept(adam):
    place, *_ = adam
    commands = [row[0] for row in place.query("SELECT command FROM provenances ORDER BY id")]
    plain = "lodo-bench run --optimizer adam --task rosenbrock --seeds 2"
    assert commands == [plain, f"{plain} --fresh --json"]


def test_both_milestones_are_reached_and_scored(place):
    few_steps = place.run_here(
        "run", "--optimizer", "adam", *BOWL, "--seeds", 1, "--steps", 20, "--seconds", 0.3, "--json"
    )
    (run,) = few_steps.document["runs"]
    assert run["training_seconds"] >= 0.3
    assert run["steps"] > 20
    assert set(run["milestones"]) == set(few_steps.document["summary"]["milestones"]) == {"steps:20", "seconds:0.3"}
    assert run["milestones"]["steps:20"] != run["milestones"]["seconds:0.3"]


def test_a_short_time_does_not_cut_the_steps(place):
    short = place.run_here(
        "run", "--optimizer", "adam", *BOWL, "--seeds", 1, "--steps", 200_000, "--seconds", 0.05, "--json"
    )
    (run,) = short.document["runs"]
    assert run["steps"] == 200_000
    assert run["training_seconds"] > 0.05
    assert set(run["milestones"]) == {"steps:200000", "seconds:0.05"}
    assert run["milestones"]["steps:200000"]["loss"] != run["milestones"]["seconds:0.05"]["loss"]


def test_untimed_runs_have_the_same_losses_and_no_times(place):
    arguments = ("run", "--optimizer", "lodo", *BOWL, "--seeds", 3, "--steps", 60, "--json")
    timed, untimed = place.run_here(*arguments).document, place.run_here(*arguments, "--untimed").document
    assert losses(untimed) == losses(timed)
    assert len({str(milestones) for milestones in losses(timed)}) == 3
    assert [run["training_seconds"] for run in untimed["runs"]] == [None] * 3
    assert [run["steps_per_second"] for run in untimed["runs"]] == [None] * 3
    assert untimed["summary"]["milestones"] == timed["summary"]["milestones"]
    assert untimed["summary"]["steps_per_second"] is None
    assert (timed["timed"], untimed["timed"]) == (True, False)


def test_the_table_of_untimed_runs_has_no_times(place):
    result = place.run_here("run", "--optimizer", "adam", "--task", "rosenbrock", "--seeds", 2, "--untimed")
    assert result.code == 0
    assert "loss at 200 steps" in result.stdout
    assert "training s" not in result.stdout
    assert "steps/s" not in result.stdout + result.stderr


def test_a_divergence_is_an_outcome(place):
    arguments = ("run", "--optimizer", "momentum", *BOWL, "--seeds", 2, "--steps", 50, "-p", "lr=1e30")
    result = place.run_here(*arguments, "--json")
    assert result.code == 0
    for run in result.document["runs"]:
        assert run["status"] == "diverged"
        assert run["steps"] < 50
        assert "at step" in run["reason"]
        assert run["milestones"] == {"steps:50": {"loss": None}}
    summary = result.document["summary"]["milestones"]["steps:50"]
    assert (summary["count"], summary["diverged"], summary["mean"]) == (0, 2, None)


def test_scores_have_columns_of_their_own_unless_their_course_is_shown(capsys):
    scores = {at_steps(200): {"test_loss": 0.75, "accuracy": 0.5}, at_seconds(5): {"test_loss": 0.25, "accuracy": 0.5}}
    first = builders.run(0, milestones={at_steps(200): 1.0, at_seconds(5): 2.0}, scores=scores)
    second = builders.run(1, milestones={at_steps(200): 3.0}, scores={at_steps(200): {"test_loss": 0.875}})
    accuracy = MetricHistory(np.array([100, 200]), np.array([0.125, 0.5]))
    print_runs(builders.run_set(first, second), {0: {"accuracy": accuracy}, 1: {}})
    headers, _, *rows = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()
    )
    assert headers[4:7] == ["test loss at 200 steps", "test loss at 5 s", "accuracy"]
    assert [row[4:7] for row in rows] == [["0.75", "0.25", "0.125 → 0.5"], ["0.875", "–", "–"], ["", "", ""]]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The same run before and after a search, with its hyperparameters from here and there."""
    place = Place(tmp_path_factory.mktemp("sources"))
    schedule = place.schedule(20, 30)

    def runs(*choices):
        fixed = ("run", "--optimizer", "adam", "--seeds", 1, "--steps", 10, "--json")
        return [place.run_here(*fixed, *choice).document for choice in choices]

    task = ("--task", "rosenbrock")
    found = dict(zip(("before", "default"), runs(task, ("-T", "dimension=12")), strict=True))
    tune = ("tune", *task, "--optimizer", "adam", "--schedule", schedule, "--workers", 0, "--json")
    found["study"] = place.run_here(*tune).document["studies"][0]
    later = {
        "after": task,
        "paper": (*task, "--from", "paper"),
        "given": (*task, "-p", "beta1=0.25"),
        "all given": (*task, "-p", "lr=0.5", "-p", "b1=0.25", "-p", "beta2=0.75"),
        "on defaults": (*task, "--from", "default", "-p", "b1=0.25"),
    }
    return found | dict(zip(later, runs(*later.values()), strict=True))


def chosen(document):
    return document["hyperparameters_source"], document["hyperparameters"]


def test_without_a_study_the_papers_values_are_taken(sources):
    assert chosen(sources["before"]) == ("paper", ADAM_ON_ROSENBROCK)


def test_without_the_papers_values_the_defaults_are_taken(sources):
    assert chosen(sources["default"]) == ("default", {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999})


def test_a_finished_study_comes_first(sources):
    assert chosen(sources["after"]) == ("tuned", sources["study"]["hyperparameters"])
    assert sources["after"]["hyperparameters"] != ADAM_ON_ROSENBROCK
    assert sources["after"]["study_id"] == sources["study"]["study"]


def test_the_source_can_be_chosen(sources):
    assert chosen(sources["paper"]) == ("paper", ADAM_ON_ROSENBROCK)


def test_a_given_value_goes_on_top(sources):
    assert chosen(sources["given"]) == ("given", sources["study"]["hyperparameters"] | {"beta1": 0.25})
    assert sources["given"]["provenance_note"] == "the rest tuned"
    assert chosen(sources["on defaults"]) == ("given", {"learning_rate": 0.001, "beta1": 0.25, "beta2": 0.999})


def test_all_values_can_be_given_by_either_name(sources):
    assert chosen(sources["all given"]) == ("given", {"learning_rate": 0.5, "beta1": 0.25, "beta2": 0.75})
    assert sources["all given"]["provenance_note"] == ""


def test_the_database_can_be_named_by_option(place):
    named = place.directory / "elsewhere" / "named.db"
    result = place.run_here("run", "--optimizer", "adam", "--task", "rosenbrock", "--seeds", 1, "--db", named)
    assert result.code == 0
    assert named.is_file()
    assert not place.database.exists()


def test_a_failed_run_is_kept_and_told(place):
    arguments = ("run", "--optimizer", "adam", *scarce_task(place), "--seeds", 2, "--steps", 9)
    result = place.run_here(*arguments, "--json")
    assert result.code == 3
    assert "Traceback" not in result.stderr
    for run in result.document["runs"]:
        assert run["status"] == "failed"
        assert "memory" in run["reason"]
        assert run["milestones"] == {}
    assert result.stderr.splitlines()[-1].startswith("2 of 2 runs failed: RuntimeError: ")
    assert place.query("SELECT seed, status FROM runs ORDER BY seed") == [(0, "failed"), (1, "failed")]


def test_runs_that_failed_are_counted_in_the_report(place):
    place.run_here("run", "--optimizer", "adam", *scarce_task(place), "--seeds", 2, "--steps", 9, "--untimed")
    report = place.run_here("report")
    assert report.code == 0
    assert "Interrupted or failed runs, without a score: adam 2." in report.stdout
