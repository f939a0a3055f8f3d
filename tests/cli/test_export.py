"""`lodo-bench export` and the formats of `report`, as a person uses them."""

import csv
import io
import json
import os
import signal

import pytest
from pyarrow import parquet

from tests.cli.runner import Place, finish, wait_until

BOWL = ("run", "--task", "quadratic", "-T", "n=10", "--from", "default", "--untimed")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("filled"))
    for optimizer in ("adam", "momentum"):
        assert place.run_here(*BOWL, "--optimizer", optimizer, "--steps", 60, "--seeds", 8).code == 0
    return place


def test_runs_on_standard_output_are_csv(filled):
    result = filled.run_here("export", "runs")
    assert (result.code, result.stderr) == (0, "")
    found = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["optimizer"], row["seed"]) for row in found] == [
        (name, str(seed)) for name in ("adam", "momentum") for seed in range(8)
    ]
    assert json.loads(found[0]["task_options"]) == {"dimension": 10}


def test_curves_in_files_of_every_format(filled):
    commands = [
        ("export", "curves", "--output", filled.directory / f"curves.{end}") for end in ("csv", "json", "parquet")
    ]
    for result in (filled.run_here(*command) for command in commands):
        assert (result.code, result.stdout) == (0, "")
        assert result.stderr.startswith("Wrote ")
    table = parquet.read_table(filled.directory / "curves.parquet")
    assert table.num_rows == 2 * 8 * 60
    assert len(json.loads((filled.directory / "curves.json").read_text())["curves"]) == table.num_rows
    with (filled.directory / "curves.csv").open() as file:
        assert float(next(csv.DictReader(file))["loss"]) == pytest.approx(table.column("loss")[0].as_py())


def test_metrics_are_told_step_by_step(filled):
    lodo = (
        "run",
        "--task",
        "quadratic",
        "-T",
        "n=10",
        "--from",
        "default",
        "--optimizer",
        "lodo",
    )
    database = ("--db", filled.directory / "lodo.db")
    assert filled.run_here(*lodo, "--steps", 200, "--seeds", 1, *database).code == 0
    found = list(csv.DictReader(io.StringIO(filled.run_here("export", "metrics", *database).stdout)))
    assert [(row["metric"], row["step"]) for row in found] == [("hessian_error", "100"), ("hessian_error", "200")]
    assert 0 < float(found[0]["seconds"]) < float(found[1]["seconds"])


def test_json_is_short_for_the_format(filled):
    short, long = (filled.run_here("export", "runs", *options) for options in (("--json",), ("--format", "json")))
    assert short.stdout == long.stdout
    assert short.document["runs"][0]["backend"] in ("torch", "numba")
    result = filled.run_here("export", "runs", "--json", "-o", filled.directory / "runs.json")
    assert (result.code, result.stdout) == (0, "")
    assert json.loads((filled.directory / "runs.json").read_text()) == short.document


def test_nothing_is_an_empty_table(filled):
    assert json.loads(filled.run_here("export", "individuals", "--format", "json").stdout) == {
        "schema": 1,
        "individuals": [],
    }
    assert len(filled.run_here("export", "runs", "--task", "rosenbrock").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("export", "curve"),
            "unknown table 'curve'. Did you mean 'curves'? Known: curves, individuals, metrics, runs.",
        ),
        (("export", "runs", "--format", "parquet"), "Parquet needs a file. Name one with --output."),
        (("export", "runs", "--output", "no/runs.csv"), "cannot write 'no/runs.csv': No such file or directory."),
        (("report", "--json", "--format", "csv"), "--json and --format csv conflict."),
        (("export", "runs", "--json", "--format", "csv"), "--json and --format csv conflict."),
        (("export", "runs", "--json", "-o", "a.csv"), "conflict: that is a csv file."),
        (("report", "--output", "a.docx"), "cannot infer a format from 'a.docx'."),
        (("report", "--target", "nan"), "Invalid value for '--target': 'nan' must be a finite number."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_are_explained(arguments, message, filled):
    result = filled.run_here(*arguments)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.message
    assert "Traceback" not in result.stderr
    assert list(filled.work.iterdir()) == []


def test_a_reader_that_leaves_early_is_no_matter(filled):
    reader, writer = os.pipe()
    os.close(reader)
    result = finish(filled.start("export", "curves", stdout=writer))
    os.close(writer)
    assert "Traceback" not in result.stderr


def test_an_interrupted_export_leaves_the_former_file(filled):
    output = filled.directory / "interrupted.json"
    output.write_text("former")
    process = filled.start("export", "curves", "--output", output)
    wait_until(lambda: list(filled.directory.glob(".interrupted.json.*")) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert list(filled.directory.glob(".interrupted.json.*")) == []
    if result.code == 130:
        assert output.read_text() == "former"
    else:  # it was quicker than the signal
        assert len(json.loads(output.read_text())["curves"]) == 2 * 8 * 60


def test_a_report_in_every_format(filled):
    ends = {"md": "## quadratic", "tex": "\\begin{table}", "csv": "task,", "json": '"comparisons"'}
    commands = [("report", "--target", 1e9, "--output", filled.directory / f"report.{end}") for end in ends]
    for result in (filled.run_here(*command) for command in commands):
        assert (result.code, result.stdout) == (0, "")
    for end, start in ends.items():
        assert start in (filled.directory / f"report.{end}").read_text()
    document = json.loads((filled.directory / "report.json").read_text())
    (comparison,) = document["comparisons"]
    assert comparison["target"] == {"loss": 1e9, "window": 5, "is_criterion": False}
    assert comparison["rows"][0]["to_target"]["steps"]["missed"] == 0
    assert {row["time_per_step"] for row in comparison["rows"]} == {"O(n)"}
    assert "| steps to loss ≤ 1e+09 |" in (filled.directory / "report.md").read_text()


def test_the_report_says_who_won(filled):
    text = filled.run_here("report").stdout
    assert "\n- Loss at 60 steps: " in text
    assert " the best, mean " in text or " has the best mean " in text
    assert "signed-rank test, paired by seed (n = 8)" in text
    assert filled.run_here("report", "--json").document == json.loads(
        filled.run_here("report", "--format", "json").stdout
    )
