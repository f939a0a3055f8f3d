"""Lists, records and changes to them by hand, on databases in which nothing was computed."""

import json

import pytest

from tests.cli.runner import Place
from tests.cli.test_report import on_terminal, without_colors
from tests.results.filled import fill


@pytest.fixture
def filled(tmp_path, location):
    place = Place(tmp_path, database=location)
    _, database = fill(place.database)
    database.close()
    return place


@pytest.fixture
def both(filled, new_location):
    """The options that name two databases, of a laptop and a server."""
    with new_location() as other:
        _, database = fill(other, host="server", command="lodo-bench run --optimizer momentum")
        database.close()
        yield "--db", filled.database, "--db", other


def rows(text):
    """The rows of the only table, as header -> cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    headers, _, *others = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(headers, row, strict=True)) for row in others]


def test_a_list_says_which_run_set_is_which(filled):
    filled.run_here("tag", "run-set", 2, "final")
    found = filled.run_here("list", "runs")
    first, second, third, fourth, fifth = rows(found.stdout)
    assert found.stdout == filled.run_here("list", "run-sets").stdout
    assert first["different"] == "learning_rate=0.1, beta1=0.5"
    assert second["different"] == "learning_rate=0.001, beta1=0.9"
    assert (first["source"], first["loss"], first["steps"], first["seeds"]) == ("tuned (study 1)", "2", "200", "3")
    assert (third["optimizer"], fourth["optimizer"]) == ("lodo", "lodo (layers=8)")
    assert (fifth["task"], fifth["different"], second["tags"]) == ("rosenbrock", "–", "final")
    assert all(len(row["date"]) == len("2026-05-06 07:08") for row in (first, fifth))


def test_wide_lists_have_the_command_and_the_host(filled):
    filled.run_here("note", "run-set", 1, "on battery")
    first, *_ = rows(filled.run_here("list", "run-sets", "--wide").stdout)
    assert (first["command"], first["host"], first["backend"]) == ("lodo-bench run --optimizer adam", "here", "torch")
    assert first["note"] == "on battery"


def test_a_list_of_studies_has_budget_and_result(filled):
    first, second = rows(filled.run_here("list", "studies").stdout)
    assert (first["schedule"], first["seed"], first["budget"]) == ("paper", "0", "1,200 steps")
    assert (first["result"], second["result"]) == ("learning_rate=0.1, beta1=0.5", "unfinished: 2 individuals")


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (("--task", "rosenbrock"), [5]),
        (("--optimizer", "lodo"), [3, 4]),
        (("--optimizer", "lodo", "--optimizer", "adam", "--task", "quadratic"), [1, 2, 3, 4]),
    ],
)
def test_lists_are_filtered(arguments, numbers, filled):
    assert [int(row["run set"]) for row in rows(filled.run_here("list", "runs", *arguments).stdout)] == numbers


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (("--optimizer", "lodo"), [("lodo", None), ("lodo", None)]),
        (("--study", 1), [("adam", 1)]),
        (("--run-set", 5), [("adam", None)]),
        (("--source", "tuned"), [("adam", 1)]),
        (("--tag", "final"), [("adam", None)]),
    ],
)
def test_reports_are_filtered(arguments, numbers, filled):
    filled.run_here("tag", "run-set", 2, "final")
    document = filled.run_here("report", "--json", *arguments).document
    found = [(row["optimizer"], row["study_id"]) for each in document["comparisons"] for row in each["rows"]]
    assert sorted(found, key=str) == sorted(numbers, key=str)


def test_exports_and_plots_are_filtered_likewise(filled):
    document = filled.run_here("export", "runs", "--json", "--run-set", 2, "--run-set", 3).document
    assert {row["run_set"] for row in document["runs"]} == {2, 3}
    drawn = ("plot", "curves", "--task", "quadratic", "-o", "curves.svg", "--json")
    assert filled.run_here(*drawn, "--source", "tuned").document["lines"] == ["adam"]
    profile = filled.run_here("plot", "profile", "-o", "profile.svg", "--json", "--optimizer", "lodo")
    assert profile.document["lines"] == ["lodo", "lodo (layers=8)"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "--optimizer", "adm"), "unknown optimizer 'adm' of these results. Did you mean 'adam'?"),
        (("report", "--optimizer", "lodo", "--source", "tuned", "--task", "rosenbrock"), "unknown optimizer 'lodo' of"),
        (
            ("report", "--optimizer", "lodo", "--run-set", "1"),
            "no stored result has all of this: optimizer lodo; run",
        ),
        (
            ("plot", "search", "-o", "a.svg", "--run-set", "3"),
            "the selected results have nothing for this kind",
        ),
        (("list", "tasks", "--tag", "a"), "--task, --optimizer and --tag select stored results"),
        (("list", "run-sets", "--task", "quadrtic"), "unknown task 'quadrtic'. Did you mean 'quadratic'?"),
        (("show", "run-set", "9"), "unknown run set '9'. Known: 1, 2, 3, 4, 5."),
        (("compare", "run-set", "1", "1"), "run set 1 is given twice. Give two numbers."),
        (("compare", "run-set", "1", "9"), "unknown run set '9'."),
        (("compare", "study", "1", "2"), "unknown kind of record 'study'. Known: run-set."),
        (("tag", "runset", "1", "a"), "unknown kind of record 'runset'. Did you mean 'run-set'?"),
        (("tag", "run-set", "1", "two words"), "invalid tag 'two words': a tag is a word without spaces, commas"),
        (("tag", "run-set", "1", "a", "--remove"), "unknown tag 'a'. There are none."),
        (("note", "study", "9", "text"), "unknown study '9'. Known: 1, 2."),
        (("delete", "run-set", "1", "--with-runs"), "--with-runs is for studies. Omit it."),
        (("delete", "study", "1", "--yes"), "the results of study 1 are used by run set 1"),
        (
            ("delete", "study", "2"),
            "this would delete study 2 (2 individuals). To do so",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_input_is_told_and_changes_nothing(arguments, message, filled):
    before = filled.run_here("list", "run-sets", "--json").stdout
    result = filled.run_here(*arguments)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.message
    assert filled.run_here("list", "run-sets", "--json").stdout == before


def test_a_run_set_is_shown_with_all_that_is_known(filled):
    filled.run_here("note", "run-set", 4, "  on   battery ")
    filled.run_here("tag", "run-set", 4, "final", "paper")
    text = " ".join(filled.run_here("show", "run-set", 4).stdout.split())
    for part in (
        "Run set 4: lodo (layers=8) on quadratic",
        "optimizer options layers=8",
        "hyperparameters from default",
        "seeds 0 to 2",
        "tags final, paper",
        "note on battery",
        "Command 1 (seeds 0, 1, 2): lodo-bench run --optimizer adam",
        "2024-05-06T07:08:09+00:00 to 20",
        "Some CPU @ 2.00GHz, 4 cores, 2 threads used by PyTorch",
        "lodo-bench 0.1.0",
    ):
        assert part in text, part
    document = filled.run_here("show", "run-set", 4, "--json").document
    assert (document["note"], document["tags"], document["seeds"]) == ("on battery", ["final", "paper"], [0, 1, 2])
    (command,) = document["commands"]
    assert (command["host"], command["cpu"], command["ended"] > command["started"]) == (
        "here",
        "Some CPU @ 2.00GHz",
        True,
    )
    assert {run["command"] for run in document["runs"]} == {0}


def test_a_study_is_shown_with_all_that_is_known(filled):
    text = " ".join(filled.run_here("show", "study", 1).stdout.split())
    for part in ("schedule paper", "population 4", "3 / 100, 0.5 / 200", "Command 1: lodo-bench run --optimizer adam"):
        assert part in text, part
    document = filled.run_here("show", "study", 1, "--json").document
    assert [command["host"] for command in document["commands"]] == ["here"]


def test_two_run_sets_side_by_side(filled):
    text = filled.run_here("compare", "run-set", 1, 2).stdout
    parts = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    settings, results, seeds = parts
    assert any("hyperparameters from" in line and "tuned (study 1)" in line and "default" in line for line in settings)
    assert any("learning_rate" in line and "0.1" in line and "0.001" in line for line in settings)
    assert not any("task" in line or "machine" in line for line in settings)
    loss, speed = results[2:]
    assert [cell.strip() for cell in loss.strip("|").split("|")] == ["loss at 200 steps", "2 ± 1", "3 ± 1", "1.5"]
    assert speed.rstrip("| ").endswith(" 1")
    assert [cell.strip() for cell in seeds[-1].strip("|").split("|")] == ["2", "3", "4", "1.333"]
    document = filled.run_here("compare", "run-set", 1, 2, "--json").document
    assert document["pairs"]["losses"] == {"0": [1.0, 2.0], "1": [2.0, 3.0], "2": [3.0, 4.0]}
    assert document["different"]["learning_rate"] == [0.1, 0.001]


def test_losses_on_different_tasks_are_not_compared(filled):
    text = filled.run_here("compare", "run-set", 2, 5).stdout
    assert "quadratic and rosenbrock are different tasks." in text and "loss at" not in text


def test_several_databases_are_read_as_one(both, filled):
    listed = filled.run_here("list", "runs", *both)
    assert [int(row["run set"]) for row in rows(listed.stdout)] == [1, 2, 3, 4, 5, 1001, 1002, 1003, 1004, 1005]
    assert "1001, 1002, ... are 1, 2, ... of" in listed.message
    page = filled.run_here("report", "--format", "html", *both).stdout
    assert "database " + str(both[3]) in page and "lodo-bench run --optimizer momentum" in page
    # Equal settings are one row, as in one database, in which the latest run of each seed counts.
    rows_of = [len(c["rows"]) for c in filled.run_here("report", "--json", *both).document["comparisons"]]
    assert rows_of == [4, 1]
    compared = filled.run_here("compare", "run-set", 2, 1002, *both).stdout
    assert "| host" in compared and "server" in compared and "steps/s" in compared
    assert filled.run_here("plot", "search", "-o", "a.svg", *both).code == 0
    exported = filled.run_here("export", "runs", "--json", "--run-set", 1003, *both).document["runs"]
    assert {row["run_set"] for row in exported} == {1003}


def test_the_database_of_the_environment_may_have_spaces_in_its_name(tmp_path):
    place = Place(tmp_path, database=str(tmp_path / "my own results.db"))
    fill(place.database)[1].close()
    assert place.run_here("list", "runs").code == 0


def test_deletion_without_a_terminal(filled):
    result = filled.run_here("delete", "study", 1, "--with-runs", "--yes")
    assert (result.code, result.stdout) == (0, "Deleted study 1 (2 individuals), run set 1 (3 runs).\n")
    document = filled.run_here("delete", "run-set", 2, 3, "--yes", "--json").document
    assert document["deleted"] == {"studies": [], "run_sets": [2, 3], "runs": 6, "individuals": 0}
    assert [int(row["run set"]) for row in rows(filled.run_here("list", "runs").stdout)] == [4, 5]


@pytest.mark.parametrize(("answer", "left"), [("y", 4), ("n", 5), ("", 5)])
def test_deletion_asks_on_a_terminal(answer, left, filled):
    import os
    import pty

    master, slave = pty.openpty()
    os.write(master, f"{answer}\n".encode())
    process = filled.start("delete", "run-set", 5, stdin=slave)
    out, err = process.communicate(timeout=120)
    os.close(slave)
    os.close(master)
    assert "Delete run set 5 (3 runs)?" in err
    assert ("Deleted run set 5" in out) == (left == 4)
    assert filled.count("run_sets") == left


def test_json_of_notes_and_tags(filled):
    document = filled.run_here("tag", "study", 1, "a", "b", "--json").document
    assert (document["study"], document["tags"], document["note"]) == (1, ["a", "b"], "")
    assert filled.run_here("note", "study", 1, "text").stdout == "Study 1: tags a, b; note: text\n"
    assert filled.run_here("note", "study", 1, "").stdout == "Study 1: tags a, b; no note\n"
    assert filled.run_here("tag", "study", 1, "a", "b", "--remove").stdout == "Study 1: no tags; no note\n"
    assert json.loads(filled.run_here("list", "studies", "--json").stdout)["studies"][0]["tags"] == []


def test_the_lists_fit_a_terminal(filled):
    _, written = on_terminal(filled, "list", "runs", columns=120)
    assert max(map(len, without_colors(written).splitlines())) <= 120
