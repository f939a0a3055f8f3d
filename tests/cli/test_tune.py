"""`lodo-bench tune` and `show` in one process: what they print and keep."""

import pytest

from tests.cli.runner import Place
from tests.cli.scarce import scarce_task

STATUSES = {"completed", "diverged", "interrupted", "failed"}


class Search:
    def __init__(self, place):
        self.place = place
        self.schedule = place.schedule(20, 30)
        self.arguments = ("tune", "--task", "quadratic", "-T", "n=12", "--schedule", self.schedule, "--workers", 0)
        self.arguments += ("--optimizer", "lodo", "--optimizer", "adam", "--seed", 5)
        self.first = place.run_here(*self.arguments)
        self.again = place.run_here(*self.arguments, "--json")


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    return Search(Place(tmp_path_factory.mktemp("search")))


def test_a_search_prints_a_table(search):
    assert search.first.code == 0
    headers, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in search.first.stdout.splitlines()
    )
    assert headers == ["study", "optimizer", "hyperparameter", "tuned", "default"]  # nothing is published
    assert [row[:3] for row in rows] == [
        ["1", "lodo", "meta_learning_rate"],
        ["1", "lodo", "momentum"],
        ["1", "lodo", "initial_learning_rate"],
        ["2", "adam", "learning_rate"],
        ["2", "adam", "beta1"],
        ["2", "adam", "beta2"],
    ]
    tuned = [value for study in search.again.document["studies"] for value in study["hyperparameters"].values()]
    assert [float(row[3]) for row in rows] == pytest.approx(tuned, rel=1e-5)
    assert [float(row[4]) for row in rows] == [0.001, 0.9, 1.0, 0.001, 0.9, 0.999]


def test_every_generation_is_a_line_on_standard_error(search):
    engine, *lines = search.first.stderr.splitlines()
    assert engine == "Searching in this process (0 workers)."
    assert sorted(line.partition(" diverged")[0] for line in lines if " diverged" in line) == [
        "adam: generation 1 of 2, 16 evaluated, 0",
        "adam: generation 2 of 2, 32 evaluated, 0",
        "lodo: generation 1 of 2, 16 evaluated, 0",
        "lodo: generation 2 of 2, 32 evaluated, 0",
    ]


def test_json_of_a_search(search):
    document = search.again.document
    assert set(document) == {"schema", "task", "task_options", "seed", "seeds", "studies"}
    assert (document["task"], document["task_options"], document["seed"]) == ("quadratic", {"dimension": 12}, 5)
    assert [study["optimizer"] for study in document["studies"]] == ["lodo", "adam"]
    for study in document["studies"]:
        assert study["status"] == "finished"
        assert study["generations"] == 2
        assert set(study["outcomes"]) == STATUSES
        assert sum(study["outcomes"].values()) == study["outcomes"]["completed"] == study["individuals"] == 32
        assert all(isinstance(value, float) for value in study["hyperparameters"].values())


def test_a_finished_search_does_nothing(search):
    assert search.again.code == 0
    assert search.again.stderr.startswith("All searches are already finished. Use --fresh to rerun, or another --seed.")
    assert search.place.count("studies") == 2
    assert search.place.count("individuals") == 64


def test_show_tells_of_every_generation(search):
    result = search.place.run_here("show", "study", 2)
    assert (result.code, result.stderr) == (0, "")
    title, *lines = result.stdout.splitlines()
    headers, _, *rows = [line for line in lines if line.startswith("|")]
    assert title.startswith("Study 2: adam on quadratic (dimension=12), schedule ")
    assert ", seed 5, finished; result learning_rate = " in title
    assert [cell.strip() for cell in headers.strip("|").split("|")][-3:] == [
        "mean learning_rate",
        "mean beta1",
        "mean beta2",
    ]
    assert [[cell.strip() for cell in row.strip("|").split("|")][:6] for row in rows] == [
        ["1", "1", "20", "16", "0", "0"],
        ["2", "0.5", "30", "16", "0", "0"],
    ]


def test_json_of_a_study(search):
    result = search.place.run_here("show", "study", 1, "--json")
    assert (result.code, result.stderr) == (0, "")
    study = result.document
    assert (study["study"], study["optimizer"], study["seed"], study["status"]) == (1, "lodo", 5, "finished")
    assert (study["task"], study["task_options"]) == ("quadratic", {"dimension": 12})
    assert (study["schedule"]["population"], study["device"], study["dtype"]) == (16, "cpu", "float64")
    assert study["hyperparameters"] == search.again.document["studies"][0]["hyperparameters"]
    assert [(generation["index"], generation["steps"]) for generation in study["generations"]] == [(0, 20), (1, 30)]
    assert [(i["generation"], i["index"]) for i in study["individuals"]] == [(g, i) for g in (0, 1) for i in range(16)]
    assert len({i["fitness"] for i in study["individuals"]}) == 32


def test_the_search_appears_in_the_list(search):
    result = search.place.run_here("list", "studies", "--json")
    assert (result.code, result.stderr) == (0, "")
    for number, (study, optimizer) in enumerate(zip(result.document["studies"], ("lodo", "adam"), strict=True), 1):
        expected = {
            "study": number,
            "task": "quadratic",
            "task_options": {"dimension": 12},
            "optimizer": optimizer,
            "optimizer_options": {},
            "optimizer_recipe": {},
            "optimizer_version": "",
            "schedule": str(search.schedule),
            "seed": 5,
            "status": "finished",
            "generations": 2,
            "individuals": 32,
        }
        assert expected.items() <= study.items()


def test_another_seed_is_another_search_and_fresh_starts_anew(search):
    fewer = [argument for argument in search.arguments if argument != "lodo"]
    del fewer[fewer.index("--optimizer")]
    fewer[-1] = 6
    other = search.place.run_here(*fewer, "--json").document["studies"]
    fewer[-1] = 5
    fresh = search.place.run_here(*fewer, "--fresh", "--json").document["studies"]
    assert [study["optimizer"] for study in other + fresh] == ["adam", "adam"]
    first = search.again.document["studies"][1]
    assert len({first["study"], other[0]["study"], fresh[0]["study"]}) == 3
    assert other[0]["hyperparameters"] != first["hyperparameters"]
    assert fresh[0]["hyperparameters"] == first["hyperparameters"]


def test_a_search_in_which_all_fail_is_told(place):
    schedule = place.schedule(9, population=8)
    arguments = ("tune", *scarce_task(place), "--optimizer", "adam", "--schedule", schedule, "--workers", 0)
    result = place.run_here(*arguments, "--json")
    assert result.code == 3
    assert "Traceback" not in result.stderr
    assert result.document["studies"][0]["outcomes"]["failed"] == 8
    assert "lodo-bench show study N" in result.stderr
    assert "\nFailed: RuntimeError: " in place.run_here("show", "study", 1).stdout


def test_a_search_in_which_all_fail_has_tuned_nothing(place):
    schedule, task = place.schedule(9, population=8), scarce_task(place)
    assert place.run_here("tune", *task, "--optimizer", "adam", "--schedule", schedule, "--workers", 0).code == 3
    run = place.run_here("run", *task, "--optimizer", "adam", "--steps", 5, "--seeds", 1, "--json")
    assert run.document["hyperparameters_source"] == "default"
