"""`lodo-bench report --at`, `--target` and `--window`: rows are scored from their curves, whatever else is stored."""

import pytest

from tests.cli.runner import Place

BOWL = ("--task", "quadratic", "-T", "dimension=12", "--seeds", 2)
DEFAULTS = ("--from", "default")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A database with a short row and two long ones."""
    place = Place(tmp_path_factory.mktemp("filled"))
    for arguments in (
        ("run", "adam", *BOWL, "--steps", 100, "-p", "lr=0.1"),
        ("run", "momentum", *BOWL, "--steps", 400, "--seconds", 0.1, *DEFAULTS),
        ("run", "adam", *BOWL, "--steps", 400, *DEFAULTS, "-R", "schedule=linear"),
    ):
        assert place.run_here(*arguments).code == 0
    return place


def rows(place, *options):
    result = place.run_here("report", "--json", *options)
    assert result.code == 0, result.stderr
    (comparison,) = result.document["comparisons"]
    return {(row["optimizer"], *row["optimizer_recipe"].values()): row for row in comparison["rows"]}


def losses(row):
    return {milestone: found["by_seed"] for milestone, found in row["milestones"].items()}


def test_a_row_has_a_score_where_another_row_was_scored(filled):
    found = rows(filled)
    assert list(losses(found["momentum",])) == ["steps:100", "steps:400", "seconds:0.1"]
    assert list(losses(found["adam",])) == ["steps:100"]
    assert list(losses(found["adam", "linear"])) == ["steps:400"]


def test_a_score_from_a_curve_is_that_of_a_run_that_ended_there(filled, tmp_path):
    place = Place(tmp_path)
    assert place.run_here("run", "momentum", *BOWL, "--steps", 70, *DEFAULTS).code == 0
    at = rows(filled, "--at", 70)
    found, ended = (losses(row["momentum",])["steps:70"] for row in (at, rows(place)))
    assert found == pytest.approx(ended, rel=1e-6)  # curves are stored in single precision
    assert list(losses(at["adam",])) == ["steps:70"]
    assert set(at) == {("momentum",), ("adam",)}


def test_rows_and_tasks_without_a_score_there_are_left_out_by_name(filled, tmp_path):
    place = Place(tmp_path)
    for task, steps in (("quadratic", 30), ("quadratic", 60), ("rosenbrock", 20)):
        optimizer = "adam" if steps == 30 else "momentum"
        assert place.run_here("run", optimizer, "--task", task, "--seeds", 2, "--steps", steps, *DEFAULTS).code == 0
    text = place.run_here("report", "--at", 60).stdout
    assert "| adam" not in text
    assert "Left out, as none of their runs can be scored there: adam." in text
    assert "rosenbrock" not in text
    assert "Left out" not in place.run_here("report", "--at", 20).stdout


def test_all_formats_have_the_milestones_that_were_asked_for(filled):
    for form in ("markdown", "html", "latex"):
        text = filled.run_here("report", "--at", 50, "--at", 70, "--at", "0.1s", "--format", form).stdout
        assert "loss at 50 steps" in text
        assert "loss at 0.1 s" in text
        # The page tells of every stored run as well, at the end.
        assert "loss at 100 steps" not in text.partition("<h3>Provenance</h3>")[0]
    lines = filled.run_here("report", "--at", 50, "--format", "csv").stdout.splitlines()
    assert sum("steps:50" in line for line in lines) == 2
    assert not any("steps:100" in line for line in lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--at", "20_000"), "invalid milestone '20_000'"),
        (("--at", "20,000"), "Did you mean '20000'?"),
        (("--at", "50000000"), "no run can be scored at 50,000,000 steps: the longest took "),
        (("--window", 5), "a window is for steps to a target loss, and there is no target."),
        (("--window", 0, "--target", 3), "'0' must be an integer from 1 to"),
    ],
)
def test_bad_input_has_a_message(filled, options, message):
    result = filled.run_here("report", *options)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.message


def test_the_window_is_the_runs_own_or_the_one_given(filled):
    own = rows(filled, "--target", 1000)
    assert [own[key]["to_target"]["windows"] for key in (("adam",), ("momentum",))] == [[9], [39]]
    given = filled.run_here("report", "--json", "--target", 1000, "--window", 5).document["comparisons"][0]
    assert given["target"]["window"] == 5
    assert [row["to_target"]["steps"]["reached"]["mean"] for row in given["rows"]] == [5.0] * 3


def test_more_runs_do_not_change_what_a_row_says(tmp_path):
    place = Place(tmp_path)
    assert place.run_here("run", "adam", *BOWL, "--steps", 100, "-p", "lr=0.1").code == 0
    alone = rows(place, "--target", 3)["adam",]
    for more in (("momentum", "--steps", 400), ("rmsprop", "--steps", 30), ("yogi", "--steps", 50, "--seconds", 0.01)):
        assert place.run_here("run", *more, *BOWL, *DEFAULTS).code == 0
    beside = rows(place, "--target", 3)["adam",]
    assert beside["to_target"] == alone["to_target"]
    assert losses(beside).items() >= losses(alone).items()
    assert beside["steps_per_second"] == alone["steps_per_second"]
