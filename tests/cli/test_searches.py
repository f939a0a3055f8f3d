"""Independent searches, the runs at the results of each, and the choice among searches."""

import pytest

from tests.cli.runner import Place

BOWL = ("--task", "quadratic", "-T", "dimension=4")
SHORT = ("--steps", 5, "--seeds", 2)


class Searches:
    """Three searches of Adam and one of momentum with a small budget, then an even smaller and an unfinished one."""

    def __init__(self, place):
        self.place = place
        self.schedule = place.schedule(4, 6, population=4)
        self.smaller = place.schedule(4, population=2, name="smaller.yaml")
        self.arguments = ("tune", *BOWL, "--schedule", self.schedule, "--workers", 0)
        self.tuned = place.run_here(*self.arguments, "adam", "momentum", "--seeds", 3, "--seed", 4)
        self.again = place.run_here(*self.arguments, "adam", "--seeds", 3, "--seed", 4, "--json")
        assert place.run_here("tune", *BOWL, "--schedule", self.smaller, "--workers", 0, "adam", "--seed", 9).code == 0
        self.ran = place.run_here("run", "adam", *BOWL, *SHORT, "--untimed")


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    return Searches(Place(tmp_path_factory.mktemp("searches")))


def rows(result):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in result.stdout.splitlines()]


def test_several_searches_are_a_table_with_their_seeds(searches):
    assert searches.tuned.code == 0
    headers, _, *body = rows(searches.tuned)
    assert headers[:4] == ["study", "seed", "optimizer", "hyperparameter"]
    assert list(dict.fromkeys(tuple(row[:3]) for row in body)) == [
        *(("1", "4", "adam"), ("2", "5", "adam"), ("3", "6", "adam")),
        *(("4", "4", "momentum"), ("5", "5", "momentum"), ("6", "6", "momentum")),
    ]


def test_the_progress_tells_them_apart(searches):
    lines = [line.partition(": ")[0] for line in searches.tuned.stderr.splitlines() if "generation 2 of 2" in line]
    assert sorted(lines) == [f"{name}, search seed {seed}" for name in ("adam", "momentum") for seed in (4, 5, 6)]


def test_their_results_differ_and_finished_ones_are_used_again(searches):
    assert "All searches are already finished." in searches.again.stderr
    document = searches.again.document
    assert (document["seed"], document["seeds"]) == (4, 3)
    assert [(study["study"], study["seed"]) for study in document["studies"]] == [(1, 4), (2, 5), (3, 6)]
    assert len({study["hyperparameters"]["learning_rate"] for study in document["studies"]}) == 3


def test_one_of_them_is_the_same_search_alone(searches):
    alone = searches.place.run_here(*searches.arguments, "adam", "--seed", 5, "--fresh", "--json", "--db", "alone.db")
    (study,) = alone.document["studies"]
    assert study["hyperparameters"] == searches.again.document["studies"][1]["hyperparameters"]


def test_runs_are_made_at_the_results_of_all_with_seeds_of_their_own(searches):
    assert searches.ran.code == 0
    found = searches.place.query(
        "SELECT run_sets.study_id, runs.seed FROM runs JOIN run_sets ON run_sets.id = runs.run_set_id "
        "WHERE run_sets.id <= 3 ORDER BY runs.seed"
    )
    assert found == [(1, 0), (1, 1), (2, 2), (2, 3), (3, 4), (3, 5)]
    titles = [line for line in searches.ran.stdout.splitlines() if line.startswith("adam")]
    assert titles == ["adam, study 1", "adam, study 2", "adam, study 3"]


def test_what_is_taken_and_what_is_not_is_told(searches):
    lines = searches.ran.stderr.splitlines()
    assert "adam: studies 1, 2 and 3 are taken (search seeds 4, 5 and 6)." in lines
    reason = f"its budget is smaller, 8 steps ({searches.smaller}) instead of 40"
    assert f"adam: study 7 is not taken: {reason}." in lines


def test_repeated_runs_are_not_run_again(searches):
    before = searches.place.count("runs")
    again = searches.place.run_here("run", "adam", *BOWL, *SHORT, "--untimed", "--json")
    assert again.code == 0
    assert "Nothing to do: run set 1 has all 2 runs. Use --fresh to run them again." in again.stderr
    assert [each["run_set"] for each in again.document["run_sets"]] == [1, 2, 3]
    assert searches.place.count("runs") == before


def test_a_study_brings_its_task_and_optimizer(searches):
    result = searches.place.run_here("run", "--study", 5, *SHORT, "--untimed", "--json")
    document = result.document
    assert (document["task"], document["task_options"]) == ("quadratic", {"dimension": 4})
    assert (document["optimizer"], document["study_id"]) == ("momentum", 5)
    assert [run["seed"] for run in document["runs"]] == [0, 1]


def test_several_studies_are_run_in_the_order_of_their_seeds(searches):
    arguments = ("run", "--study", 3, "--study", 1, "--steps", 5, "--seeds", 1, "--untimed", "--json")
    documents = searches.place.run_here(*arguments).document["run_sets"]
    assert [each["study_id"] for each in documents] == [1, 3]
    assert [run["seed"] for each in documents for run in each["runs"]] == [0, 1]


def test_a_named_study_counts_although_its_budget_is_smaller(searches):
    document = searches.place.run_here("run", "--study", 7, *SHORT, "--untimed", "--json").document
    assert document["study_id"] == 7


def test_a_study_is_that_of_its_optimizer_and_others_are_chosen_as_always(searches):
    result = searches.place.run_here("run", "adam", "momentum", *BOWL, *SHORT, "--study", 2, "--untimed", "--json")
    documents = result.document["run_sets"]
    assert [each["study_id"] for each in documents] == [2, 4, 5, 6]


def test_replaced_values_are_run_at_one_search(searches):
    result = searches.place.run_here("run", "adam", *BOWL, *SHORT, "--untimed", "-p", "lr=0.01", "--json")
    document = result.document
    first = searches.again.document["studies"][0]["hyperparameters"]
    assert document["hyperparameters"] == {**first, "learning_rate": 0.01}
    assert document["provenance_note"] == "the rest tuned"
    assert "study 2 is not taken: replaced values are run at the result of one search only." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--study", 99), "unknown study '99'. Known: 1, 2, 3, 4, 5, 6, 7"),
        (("lodo", "--study", 1), "study 1 is of adam on quadratic (dimension=4), not of lodo on "),
        (("adam", "--task", "quadratic", "--study", 1), "not of adam on quadratic. Omit the names"),
        (("--study", 1, "--from", "paper"), "studies have tuned hyperparameters, and 'paper' asks for others."),
        (("--study", 1, "-T", "dimension=4"), "options of a task require its name."),
        (("--study", 1, "-R", "schedule=cosine"), "recipe or a search space of an optimizer require its name."),
        (("--study", 1, "--study", 7), "studies 1 and 7 differ in their schedules"),
        (("--study", 1, "--study", 2, "-p", "lr=0.1"), "require one search. Name one study."),
        (("--study", "one"), "Invalid value for '--study'"),
    ],
)
def test_studies_that_do_not_fit_are_refused(searches, arguments, message):
    before = searches.place.count("run_sets")
    result = searches.place.run_here("run", *arguments)
    assert result.code == 2
    assert message in result.message
    assert searches.place.count("run_sets") == before


@pytest.fixture
def unfinished(place):
    """A search of momentum that was stopped after its first generation."""
    schedule = place.schedule(4, 6, population=4)
    tune = ("tune", "momentum", *BOWL, "--schedule", schedule, "--workers", 0, "--seed", 3, "--dtype", "float32")
    assert place.run_here(*tune).code == 0
    place.change("UPDATE studies SET hyperparameters = NULL")
    place.change("DELETE FROM individuals WHERE generation_id = 2")
    return schedule


def test_an_unfinished_search_is_mentioned_with_the_command_that_continues_it(place, unfinished):
    command = (
        f"lodo-bench tune --task quadratic -T dimension=4 --optimizer momentum --schedule {unfinished} --seed 3 "
        f"--dtype float32 --db {place.database}"
    )
    sentence = (
        "study 1, the search for momentum on quadratic (dimension=4) with seed 3, is unfinished. "
        f"Continue it with '{command}'."
    )
    ran = place.run_here("run", "momentum", *BOWL, *SHORT, "--untimed")
    assert (ran.code, sentence in ran.stderr) == (0, True)
    for refused in (("--study", 1), ("momentum", *BOWL, "--from", "tuned")):
        result = place.run_here("run", *refused)
        assert (result.code, result.stderr) == (2, f"lodo-bench: {sentence}\n")
    assert place.run_here(*command.split()[1:], "--workers", 0).code == 0
    assert place.count("studies") == 1
    assert place.run_here("run", "--study", 1, *SHORT, "--untimed").code == 0


def test_without_hyperparameters_the_papers_are_known(place):
    result = place.run_here("run", "newton", *BOWL, *SHORT, "--untimed", "--from", "paper", "--json")
    assert (result.code, result.document["hyperparameters"]) == (0, {})
    again = place.run_here("run", "newton", *BOWL, *SHORT, "--untimed", "--json")
    assert "Nothing to do: run set 1 has all 2 runs." in again.stderr


def test_both_optimizers_are_run(place):
    result = place.run_here(
        "run", "--optimizer", "adam", "--optimizer", "momentum", *BOWL, *SHORT, "--untimed", "--json"
    )
    assert [each["optimizer"] for each in result.document["run_sets"]] == ["adam", "momentum"]


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("run", "adam", "--task", "quadratic", "-t", "rosenbrock"), "--task"),
        (("run", "adam", "--steps", 1, "--steps", 2), "--steps"),
        (("tune", "adam", "--task", "quadratic", "--seed", 1, "--seed=1"), "--seed"),
        (("report", "--format", "md", "--format", "csv"), "--format"),
        (("reproduce", "table8", "--scale", "smoke", "--scale", "smoke"), "--scale"),
        (("data", "status", "--data-dir", "a", "--data-dir", "b"), "--data-dir"),
    ],
)
def test_a_single_value_that_is_given_twice_is_refused(place, arguments, option):
    result = place.run_here(*arguments)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr == f"lodo-bench: {option} takes one value, and is given twice. Give it once.\n"


def test_less_than_one_search_is_refused(place):
    assert place.run_here("tune", "adam", *BOWL, "--seeds", 0).code == 2
