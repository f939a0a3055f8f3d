"""Schedules: Table 5 number by number, a user's file, and the messages about invalid files."""

import re

import pytest

from lodo_bench.errors import ScheduleError
from lodo_bench.spec.study import GenerationPlan, Schedule
from lodo_bench.tasks import TASKS
from lodo_bench.tuner.schedule import BUILT_IN, load_schedules, parse_schedules

# LODO App. E, Table 5: the spread and the steps of each generation.
TABLE_5 = {
    "quadratic": (
        32,
        [3, 3, 3, 3, 2, 1.7, 1.4, 1.2, 0.9, 0.6],
        [1000, 1000, 1000, 1000, 1500, 1500, 2000, 3000, 5000, 8000],
    ),
    "rosenbrock": (
        32,
        [3, 3, 3, 2.5, 2, 1.5, 1, 0.75, 0.5, 0.3],
        [200, 200, 200, 200, 200, 200, 200, 200, 200, 200],
    ),
    "mnist": (
        32,
        [3, 3, 3, 3, 2, 1.7, 1.4, 1.2, 0.9, 0.6],
        [1000, 1000, 1000, 1000, 1500, 1500, 2000, 3000, 5000, 8000],
    ),
    "cifar10": (
        16,
        [3, 3, 3, 3, 2, 1.7, 1.4, 1.2, 0.9, 0.6],
        [50, 50, 50, 50, 50, 50, 100, 200, 300, 500],
    ),
}

GOOD = """
population: 4
generations:
  - {sigma: 3, steps: 10}
  - sigma: 0.5
    steps: 20
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def load_genetic(name, task):
    return load_schedules(name, task)["genetic"]


@pytest.mark.parametrize("task", TABLE_5)
def test_the_papers_schedules_are_table_5(task):
    population, sigmas, steps = TABLE_5[task]
    schedule = load_genetic("paper", task)
    assert (schedule.name, schedule.population, schedule.decay_transform) == ("paper", population, "logit")
    assert [plan.sigma for plan in schedule.generations] == sigmas
    assert [plan.steps for plan in schedule.generations] == steps


@pytest.mark.parametrize("task", TASKS.names)
def test_the_quick_schedule_is_the_papers_with_a_tenth_of_the_steps(task):
    paper, quick = load_genetic("paper", task), load_genetic("quick", task)
    assert quick.name == "quick"
    assert (quick.population, quick.decay_transform) == (paper.population, paper.decay_transform)
    assert [plan.sigma for plan in quick.generations] == [plan.sigma for plan in paper.generations]
    assert [10 * plan.steps for plan in quick.generations] == [plan.steps for plan in paper.generations]


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("task", ["chess", "./my_task.py:Mine", "my_package.my_module:Mine", "../mnist", "mlp"])
def test_a_task_without_a_schedule_of_its_own_has_the_default_one(name, task):
    assert load_schedules(name, task) == load_schedules(name, "default")
    assert load_genetic(name, task).name == name


def test_the_default_schedule_has_the_population_and_the_sigmas_of_table_5():
    population, sigmas, _ = TABLE_5["mnist"]
    schedule = load_genetic("paper", "chess")
    assert schedule.population == population
    assert [plan.sigma for plan in schedule.generations] == sigmas
    assert max(plan.steps for plan in schedule.generations) == 800


def test_a_users_file(write):
    path = write(GOOD)
    schedule = load_genetic(path, "quadratic")
    assert schedule == Schedule(path, 4, (GenerationPlan(3.0, 10), GenerationPlan(0.5, 20)), "logit")
    assert [type(plan.sigma) for plan in schedule.generations] == [float, float]


@pytest.mark.parametrize("transform", ["logit", "log-complement"])
def test_a_users_file_may_name_the_transform(write, transform):
    schedule = load_genetic(write(GOOD + f"decay_transform: {transform}\n"), "rosenbrock")
    assert schedule.decay_transform == transform


def test_a_users_file_is_for_any_task(write):
    assert load_genetic(write(GOOD), "chess").population == 4


def test_the_smallest_numbers_are_allowed():
    schedule = parse_schedules("{population: 2, generations: [{sigma: 0.001, steps: 1}]}", "mine")["genetic"]
    assert schedule == Schedule("mine", 2, (GenerationPlan(0.001, 1),))


def test_a_file_may_begin_with_a_byte_order_mark(write):
    assert load_genetic(write(b"\xef\xbb\xbf" + GOOD.encode()), "quadratic").population == 4


def fails(path, *parts):
    """Check that loading fails with a message that contains the file's name and these parts, in this order."""
    with pytest.raises(ScheduleError) as caught:
        load_schedules(path, "quadratic")
    message = str(caught.value)
    assert re.search(".*".join(map(re.escape, (path, *parts))), message), message
    assert "\n" not in message


def test_a_missing_file_names_the_built_in_schedules(tmp_path):
    fails(str(tmp_path / "none.yaml"), "not found: neither a file nor a built-in schedule", "paper, quick")


def test_a_misspelt_built_in_schedule_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fails("papr", "not found: neither a file nor a built-in schedule", "paper, quick")


def test_a_directory_cannot_be_read(tmp_path):
    fails(str(tmp_path), "cannot be read", "directory")


def test_bytes_that_are_no_text_cannot_be_read(write):
    fails(write(b"population: \xff\xfe"), "cannot be read", "UTF-8")


@pytest.mark.parametrize("text", ["population: [4", "a: b: c", "population: 4\n\tgenerations: 5", "\x00", "? [x]\n: y"])
def test_what_is_no_yaml(write, text):
    fails(write(text), "is not valid YAML")


@pytest.mark.parametrize(
    ("text", "shown"), [("- population: 4", "[{'population': 4}]"), ("", "None"), ("paper", "'paper'"), ("3", "3")]
)
def test_a_file_must_be_a_mapping(write, text, shown):
    fails(write(text), "the file must be a mapping with the keys population, generations, decay_transform", shown)


def test_an_unknown_key_is_answered_with_the_nearest(write):
    fails(write(GOOD + "populaton: 5\n"), "unknown key 'populaton' of the file.", "Did you mean 'population'?")
    fails(write(GOOD + "decay-transform: logit\n"), "'decay-transform' of the file", "Did you mean 'decay_transform'?")


def test_an_unknown_key_that_is_like_none_is_answered_with_all(write):
    path = write(GOOD + "7: 5\n")
    fails(path, "unknown key '7' of the file. Known: decay_transform, generations, meta_epochs, population.")


def test_an_unknown_key_of_a_generation_is_located(write):
    path = write("population: 4\ngenerations: [{sigma: 3, steps: 10}, {sigma: 1, step: 10}]")
    fails(path, "unknown key 'step' of generations[1].", "Did you mean 'steps'?", "Known: sigma, steps.")


@pytest.mark.parametrize(
    ("text", "missing"),
    [("generations: [{sigma: 1, steps: 1}]", "population"), ("population: 4", "generations"), ("{}", "population")],
)
def test_a_missing_key_is_named(write, text, missing):
    fails(write(text), f"missing key '{missing}' in the file", "Required: population, generations.")


@pytest.mark.parametrize(("plan", "missing"), [("{sigma: 1}", "steps"), ("{steps: 1}", "sigma"), ("{}", "sigma")])
def test_a_missing_key_of_a_generation_is_located(write, plan, missing):
    path = write(f"population: 4\ngenerations: [{{sigma: 3, steps: 10}}, {plan}]")
    fails(path, f"missing key '{missing}' in generations[1]", "Required: sigma, steps.")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1", "1"), ("0", "0"), ("-4", "-4"), ("true", "True"), ("4.5", "4.5"), ("'4'", "'4'"), ("", "None")],
)
def test_an_impossible_population(write, value, shown):
    path = write(f"population: {value}\ngenerations: [{{sigma: 3, steps: 10}}]")
    fails(path, f"population must be an integer from 2 to 1,000,000, not {shown}.")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0"),
        ("0.0", "0.0"),
        ("-1.5", "-1.5"),
        (".nan", "nan"),
        (".inf", "inf"),
        ("wide", "'wide'"),
        ("'3'", "'3'"),
        ("true", "True"),
        ("", "None"),
        ("[3]", "[3]"),
    ],
)
def test_an_impossible_sigma(write, value, shown):
    path = write(f"population: 4\ngenerations:\n- {{sigma: 3, steps: 10}}\n- sigma: {value}\n  steps: 10")
    fails(path, f"generations[1].sigma must be a finite number greater than 0, not {shown}.")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0", "0"), ("-10", "-10"), ("1.5", "1.5"), ("10.5", "10.5"), ("true", "True"), ("many", "'many'"), ("", "None")],
)
def test_impossible_steps(write, value, shown):
    path = write(f"population: 4\ngenerations:\n- sigma: 3\n  steps: {value}")
    fails(path, f"generations[0].steps must be an integer from 1 to 1,000,000,000,000,000, not {shown}.")


@pytest.mark.parametrize("value", ["[]", "", "5", "{sigma: 3, steps: 10}", "many"])
def test_there_must_be_a_list_of_generations(write, value):
    path = write(f"population: 4\ngenerations: {value}")
    fails(path, "generations must be a list of at least one {sigma: ..., steps: ...}.")


@pytest.mark.parametrize(("value", "shown"), [("3", "3"), ("[3, 10]", "[3, 10]"), ("", "None")])
def test_a_generation_must_be_a_mapping(write, value, shown):
    path = write(f"population: 4\ngenerations:\n- {{sigma: 3, steps: 10}}\n- {value}")
    fails(path, f"generations[1] must be a mapping with the keys sigma, steps, not {shown}.")


@pytest.mark.parametrize(("value", "shown"), [("log", "'log'"), ("", "None"), ("[logit]", "['logit']"), ("1", "1")])
def test_an_impossible_transform(write, value, shown):
    fails(write(f"{GOOD}decay_transform: {value}\n"), f"decay_transform must be logit or log-complement, not {shown}.")


def test_a_sigma_beyond_all_floats_is_impossible(write):
    path = write(f"population: 4\ngenerations: [{{sigma: 1{'0' * 400}, steps: 10}}]")
    fails(path, "line 2: 1000", "is too large: the largest number is 1.8e308")


def test_a_key_that_is_given_twice_is_named(write):
    fails(write("population: 4\npopulation: 8\ngenerations: [{sigma: 1, steps: 10}]"), "duplicate key 'population'")
    fails(write("population: 4\ngenerations: [{sigma: 1, sigma: 2, steps: 10}]"), "duplicate key 'sigma'")


@pytest.mark.parametrize("text", ["1e-1", "1E-1", "+1e-1", "1.e-1", "10e-2"])
def test_a_power_of_ten_is_a_number_with_or_without_a_point(write, text):
    path = write(f"population: 4\ngenerations: [{{sigma: {text}, steps: 10}}]")
    assert load_genetic(path, "quadratic").generations[0].sigma == 0.1


def test_a_day_is_a_text(write):
    fails(
        write("population: 2020-13-45\ngenerations: [{sigma: 3, steps: 10}]"),
        "population must be an integer",
        "'2020-13-45'",
    )


def test_whole_numbers_may_be_written_with_a_power_of_ten(write):
    schedule = load_genetic(write("population: 1e1\ngenerations: [{sigma: 3, steps: 1e3}]"), "quadratic")
    assert (schedule.population, schedule.generations[0].steps) == (10, 1000)
    assert type(schedule.generations[0].steps) is int


def test_plans_may_be_merged(write):
    path = write(
        "population: 4\ngenerations:\n  - &first {sigma: 3, steps: 10}\n  - {<<: *first, sigma: 1}\n"
        "  - {steps: 30, <<: *first}\n"
    )
    plans = load_genetic(path, "quadratic").generations
    assert [(plan.sigma, plan.steps) for plan in plans] == [(3, 10), (1, 10), (3, 30)]


@pytest.mark.parametrize("population", ["1000000000", "1" + "0" * 400, "1" + "0" * 5000, "1e300"])
def test_a_search_that_no_memory_holds_is_refused(write, population):
    with pytest.raises(ScheduleError, match=r"1,000,000|too large") as caught:
        load_schedules(write(f"population: {population}\ngenerations: [{{sigma: 3, steps: 10}}]"), "quadratic")
    assert len(str(caught.value)) < 300


def test_the_individuals_of_all_generations_are_limited_together(write):
    plans = "  - {sigma: 3, steps: 10}\n" * 11
    fails(
        write(f"population: 100000\ngenerations:\n{plans}"),
        "100,000 individuals in each of 11 generations",
        "1,000,000",
    )


@pytest.mark.parametrize(("key", "epochs"), [("", 50), ("meta_epochs: 3\n", 3)])
def test_the_same_file_schedules_meta_training(write, key, epochs):
    """An epoch is a generation of one individual: 20 runs of 100 steps."""
    path = write(GOOD + key)
    schedules = load_schedules(path, "quadratic")
    assert schedules["meta-training"] == Schedule(path, 1, (GenerationPlan(0.0, 2000),) * epochs)
    assert schedules["genetic"] == load_genetic(path, "quadratic")
