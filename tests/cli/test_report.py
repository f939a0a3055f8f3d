"""`lodo-bench report` and `list`: tables for people, for files and for programs."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from lodo_bench.tasks import TASKS
from tests.cli.runner import Place, finish
from tests.cli.views.terminals import written_on

BOWL = ("--task", "quadratic", "--steps", 40, "--seeds", 2)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A database with runs of two tasks, one of them with other options, and a study."""
    place = Place(tmp_path_factory.mktemp("filled"))
    schedule = place.schedule(10, population=8)
    tune = (
        "tune",
        "--task",
        "quadratic",
        "-T",
        "n=12",
        "--optimizer",
        "lodo",
        "--schedule",
        schedule,
        "--workers",
        0,
    )
    for arguments in (
        ("run", "--optimizer", "adam", "--task", "rosenbrock", "--seeds", 2),
        ("run", "--optimizer", "lodo", *BOWL, "--untimed"),
        ("run", "--optimizer", "momentum", *BOWL, "-T", "noise_variance=4"),
        tune,
    ):
        assert place.run_here(*arguments).code == 0
    return place


@pytest.fixture(scope="module")
def report(filled):
    result = filled.run_here("report")
    assert (result.code, result.stderr) == (0, "")
    return result.stdout


def tables(report):
    """Each task's first table, as rows of a header -> cell mapping."""
    found = {}
    for part in report.split("## ")[1:]:
        lines = [line for line in part.split("\n\n")[1].splitlines() if line.startswith("|")]
        headers, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
        found[part.splitlines()[0]] = [dict(zip(headers, row, strict=True)) for row in rows]
    return found


def test_each_task_has_its_table(report):
    assert list(tables(report)) == ["rosenbrock", "quadratic", "quadratic (noise_variance=4)"]


def test_the_published_number_is_beside_ours(report):
    (row,) = tables(report)["rosenbrock"]
    assert (row["optimizer"], row["hyperparameters"]) == ("adam", "paper")
    assert row["loss at 200 steps"].startswith("5.342e-05")
    assert row["published"] == "5.342e-05"
    assert row["diverged"] == "0 of 1"


def test_the_bound_comes_first(report):
    found = tables(report)
    bound, lodo = found["quadratic"]
    assert bound["optimizer"] == "*Newton (bound)*"
    assert bound["loss at 40 steps"] == "7.412"
    assert lodo["optimizer"] == "lodo"
    assert "steps/s" not in lodo  # no row has one
    assert "published" not in bound
    assert found["quadratic (noise_variance=4)"][0]["loss at 40 steps"] == "29.65"


def test_the_footer_tells_how_it_was_measured(report):
    rosenbrock, untimed, noisy = report.split("## ")[1:]
    for part in (rosenbrock, untimed, noisy):
        assert "\n- Loss: mean training loss over the last tenth" in part
        assert "\n- Versions: python " in part
    assert "\n- adam, paper (Table 6): learning_rate = 0.9704" in rosenbrock
    assert "\n- Machine: " in rosenbrock
    assert "\n- Machine: " not in untimed
    assert "\n- Machine: " in noisy


def test_one_task_can_be_asked_for(filled):
    result = filled.run_here("report", "--task", "quadratic")
    assert list(tables(result.stdout)) == ["quadratic", "quadratic (noise_variance=4)"]


def test_a_report_as_json(filled):
    result = filled.run_here("report", "--json")
    assert (result.code, result.stderr) == (0, "")
    first, second, third = result.document["comparisons"]
    assert (first["task"], first["task_options"], first["bound"]) == ("rosenbrock", {}, None)
    (row,) = first["rows"]
    assert (row["optimizer"], row["hyperparameters_source"]) == ("adam", "paper")
    assert row["milestones"]["steps:200"]["published"]["loss"] == 5.342e-5
    assert row["milestones"]["steps:200"]["loss"]["count"] == 1
    assert second["bound"]["loss"] == pytest.approx(7.41, abs=0.01)
    assert second["rows"][0]["steps_per_second"] is None
    assert third["task_options"] == {"noise_variance": 4.0}


def test_a_report_in_a_file_is_the_same_whatever_the_width(filled, report):
    path = filled.directory / "report.md"
    with path.open("w") as file:
        assert finish(filled.start("report", stdout=file, COLUMNS=40)).code == 0
    assert path.read_text() == report


def test_without_runs_the_report_says_what_to_do(place):
    tune = ("tune", "--task", "quadratic", "-T", "n=12", "--optimizer", "adam", "--workers", 0)
    assert place.run_here(*tune, "--schedule", place.schedule(10, population=8)).code == 0
    result = place.run_here("report")
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == "There are no final runs yet. Create some with 'lodo-bench run'.\n"
    assert place.run_here("report", "--json").document["comparisons"] == []


def test_a_reader_that_leaves_early_is_no_matter(filled):
    reader, writer = os.pipe()
    os.close(reader)
    result = finish(filled.start("report", stdout=writer))
    os.close(writer)
    assert result.stderr == ""


@pytest.mark.parametrize("what", ["tasks", "optimizers", "experiments", "studies", "run-sets"])
def test_lists(what, filled):
    people, programs = (filled.run_here("list", what, more) for more in ("--wide", "--json"))
    assert (people.code, people.stderr, programs.code, programs.stderr) == (0, "", 0, "")
    entries = programs.document[what.replace("-", "_")]
    headers, _, *rows = people.stdout.splitlines()
    filled_keys = [key for key in entries[0] if any(entry[key] not in (None, "", {}, []) for entry in entries)]
    assert [title.strip() for title in headers.strip("|").split("|")] == [key.replace("_", " ") for key in filled_keys]
    assert [row.split("|")[1].strip() for row in rows] == [str(next(iter(entry.values()))) for entry in entries]


@pytest.mark.parametrize(
    ("what", "columns"),
    [
        ("tasks", ["name", "description"]),
        ("optimizers", ["name", "description"]),
        ("studies", ["study", "task", "optimizer", "schedule", "seed", "budget", "result", "date"]),
        ("run-sets", ["run set", "task", "optimizer", "source", "steps", "seeds", "loss", "date"]),
        ("runs", ["run set", "task", "optimizer", "source", "steps", "seeds", "loss", "date"]),
    ],
)
def test_a_list_has_few_columns_by_default(what, columns, filled):
    header = filled.run_here("list", what).stdout.splitlines()[0]
    assert [title.strip() for title in header.strip("|").split("|")] == columns


def test_one_entry_of_a_list_is_shown_in_full(filled):
    shown = filled.run_here("list", "optimizers", "lodo")
    assert "meta_learning_rate (meta_lr) = 0.001" in shown.stdout
    assert "O(n log n)" in shown.stdout
    (entry,) = filled.run_here("list", "optimizers", "lodo", "--json").document["optimizers"]
    assert entry["hyperparameters"][0]["alias"] == "meta_lr"
    (run_set,) = filled.run_here("list", "run-sets", "2", "--json").document["run_sets"]
    assert (run_set["run_set"], run_set["optimizer"]) == (2, "lodo")
    unknown = filled.run_here("list", "optimizers", "lod")
    assert unknown.code == 2
    assert "unknown optimizer 'lod'. Did you mean 'lodo'?" in unknown.message


def test_a_run_set_is_shown_run_by_run(filled):
    shown = filled.run_here("show", "run-set", 1)
    assert shown.code == 0
    assert shown.stdout.startswith("Run set 1: adam on rosenbrock, cpu, float64, ")
    assert "| seed | status" in shown.stdout
    document = filled.run_here("show", "run-set", 1, "--json").document
    assert (document["run_set"], len(document["runs"])) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "1"), "'show 1' is ambiguous. Write 'show study 1' or 'show run-set 1'."),
        (("show", "run"), "unknown kind of record 'run'. Did you mean 'run-set'? Known: run-set, study."),
        (("show", "study"), "the number is missing. Write, for example, 'show study 1'."),
        (("show", "run-set", "9"), "unknown run set '9'. Known: 1, 2, 3."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_former_commands_are_refused_with_the_new_ones(arguments, message, filled):
    result = filled.run_here(*arguments)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.message


def test_the_lists_of_names_need_no_database(place):
    tasks = place.run_here("list", "tasks", "--json").document["tasks"]
    assert [task["name"] for task in tasks] == list(TASKS.names)
    assert all(task["description"] for task in tasks)
    optimizers = place.run_here("list", "optimizers", "--json").document["optimizers"]
    assert {"adam", "lodo"} <= {optimizer["name"] for optimizer in optimizers}
    assert all(optimizer["description"] and optimizer["complexity"] for optimizer in optimizers)
    assert not place.database.parent.exists()


def test_the_list_of_run_sets(filled):
    first, second, third = filled.run_here("list", "run-sets", "--json").document["run_sets"]
    assert (first["task"], first["hyperparameters_source"], first["timed"], first["missing"]) == (
        "rosenbrock",
        "paper",
        True,
        0,
    )
    assert (second["steps"], second["seconds"], second["timed"], second["seeds"]) == (40, None, False, 2)
    assert (third["task"], third["task_options"]) == ("quadratic", {"noise_variance": 4})
    assert "quadratic (noise_variance=4)" in filled.run_here("list", "run-sets").stdout
    assert "noise_variance=4" in filled.run_here("list", "run-sets", "--wide").stdout


def on_terminal(place, *arguments, columns=40, **streams):
    """Run the program with its standard output, or what is named, on a terminal; returns all that it wrote there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    streams = dict.fromkeys(streams, slave) or {"stdout": slave}
    process = place.start(*arguments, **{"stderr": subprocess.DEVNULL, **streams}, TERM="xterm")
    os.close(slave)
    written = written_on(master)
    return finish(process), written.decode()


def without_colors(text):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


@pytest.mark.parametrize("arguments", [("list", "optimizers"), ("list", "run-sets"), ("show", "study", 1)])
def test_tables_fit_a_narrow_terminal(arguments, filled):
    result, written = on_terminal(filled, *arguments)
    assert result.code == 0
    lines = without_colors(written).splitlines()
    assert len(lines) > 3
    if arguments[0] == "list":  # the heading of `show` is left to the terminal to break
        assert max(len(line) for line in lines if "/" not in line) <= 40  # paths are not broken


def test_no_character_is_lost_on_a_narrow_terminal(filled):
    _, written = on_terminal(filled, "list", "run-sets", columns=60)
    for text in ("rosenbrock", "quadratic (noise_variance=4)", "momentum"):
        assert text in written


def test_a_report_on_a_terminal_is_a_table_and_markdown_on_request(filled):
    _, written = on_terminal(filled, "report", columns=80)
    lines = without_colors(written).splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line.startswith(("|", "#")) for line in lines)
    assert any(line.split()[:2] == ["Newton", "(bound)"] for line in lines if line)
    _, written = on_terminal(filled, "report", "--format", "markdown", columns=80)
    assert written.replace("\r\n", "\n") == filled.run_here("report").stdout


def test_json_on_a_terminal_is_json_and_nothing_else(filled):
    _, written = on_terminal(filled, "list", "tasks", "--json")
    assert written.replace("\r\n", "\n") == filled.run_here("list", "tasks", "--json").stdout


def test_live_progress_stays_off_standard_output(place):
    arguments = ("--task", "quadratic", "-T", "n=12", "--optimizer", "adam", "--json")
    tune = ("tune", *arguments, "--schedule", place.schedule(10, 10), "--workers", 0)
    result, seen = on_terminal(place, *tune, columns=100, stderr=True)
    assert result.code == 0
    assert "mean hyperparameters" in seen and "2/2" in seen
    assert result.document["studies"][0]["status"] == "finished"
    result, seen = on_terminal(place, "run", *arguments, "--steps", 40, "--seeds", 2, columns=100, stderr=True)
    assert result.code == 0
    assert "adam, seed 1: completed" in seen
    assert len(result.document["runs"]) == 2
