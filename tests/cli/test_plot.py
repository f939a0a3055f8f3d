"""`lodo-bench plot` and the HTML page, from a database that the program itself has filled."""

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from typer.testing import CliRunner

from lodo_bench.cli.app import app
from lodo_bench.errors import UsageError
from tests.cli.runner import Place

BOWL = ("--task", "quadratic", "-T", "n=4", "--steps", 120, "--seeds", 2, "--untimed", "--backend", "torch")
GIVEN = ("-p", "meta_learning_rate=0.001", "-p", "initial_learning_rate=0.5")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Runs on two kinds of tasks, with two noise variances and two momenta, and a study."""
    place = Place(tmp_path_factory.mktemp("filled"))
    schedule = place.schedule(10, 10, population=8)
    tune = ("tune", "--task", "rosenbrock", "--optimizer", "adam", "--schedule", schedule, "--workers", 0)
    for arguments in (
        ("run", "--optimizer", "adam", "--task", "rosenbrock", "--seeds", 2, "--from", "paper"),
        ("run", "--optimizer", "lodo", *BOWL, *GIVEN, "-p", "momentum=0.1"),
        ("run", "--optimizer", "lodo", *BOWL, *GIVEN, "-p", "momentum=0.2"),
        ("run", "--optimizer", "adam", *BOWL),
        ("run", "--optimizer", "adam", *BOWL, "-T", "noise_variance=4"),
        tune,
    ):
        assert place.run_here(*arguments).code == 0
    return place


ROSENBROCK = ("--task", "rosenbrock")
QUADRATIC = ("--task", "quadratic", "-T", "n=4")
KINDS = {
    "curves": (*ROSENBROCK, "--optimizer", "adam"),
    "hessian-error": QUADRATIC,
    "trajectories": ROSENBROCK,
    "search": (),
    "sweep": (*QUADRATIC, "--over", "momentum"),
    "noise": QUADRATIC,
    "profile": (),
}


def drawn(place, *arguments):
    """What comes of `plot` in this process, which has imported everything long ago: its document or its exception."""
    command = ["plot", *map(str, arguments), "--db", str(place.database), "--json"]
    result = CliRunner().invoke(app, command)
    return json.loads(result.stdout) if result.exit_code == 0 else result.exception


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_a_picture(kind, filled):
    path = filled.directory / f"{kind}.svg"
    document = drawn(filled, kind, *KINDS[kind], "--output", path)
    assert (document["schema"], document["kind"], document["file"]) == (1, kind, str(path))
    assert document["lines"]
    assert ElementTree.parse(path).getroot().tag.endswith("svg")


@pytest.mark.parametrize(("ending", "beginning"), [("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_the_ending_is_the_format(ending, beginning, filled):
    path = filled.directory / f"picture.{ending}"
    result = filled.run_here("plot", "curves", *ROSENBROCK, "--output", path)
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == f"Wrote {path}: curves of adam on rosenbrock.\n"
    assert path.read_bytes().startswith(beginning)


def test_a_figure_says_its_statistic_and_what_it_leaves_out(filled):
    path = filled.directory / "sweep.svg"
    arguments = ("sweep", *QUADRATIC, "--over", "beta", "--output", path)
    document = drawn(filled, *arguments)
    assert document["lines"] == ["lodo"]
    assert document["caption"] == "Point: mean over 2 seeds. Bar: ± 1 sample standard deviation."
    assert document["left_out"] == ["adam: 1 run set without momentum (4)"]
    result = filled.run_here("plot", *arguments)
    assert result.stderr.splitlines()[1:] == ["Left out: adam: 1 run set without momentum (4)."]
    curves = drawn(filled, "curves", *ROSENBROCK, "--output", filled.directory / "curves.svg")
    assert curves["caption"].startswith("Line: 1 seed.")
    assert curves["left_out"] == []


def test_an_empty_picture_is_an_error_and_writes_nothing(place):
    blows_up = ("run", "--optimizer", "momentum", "--task", "rosenbrock", "--seeds", 2, "-p", "learning_rate=1e300")
    for momentum in (0, 0.5):
        assert place.run_here(*blows_up, "-p", f"momentum={momentum}", "--steps", 20).code == 0
    result = place.run_here("plot", "sweep", "--over", "momentum", "--output", "a.png")
    assert result.code == 2
    assert "all runs on rosenbrock with different values of momentum diverged" in result.message
    assert not (place.work / "a.png").exists()


def test_a_trajectory_is_the_same_every_time(filled):
    first, second = (filled.directory / name for name in ("first.svg", "second.svg"))
    for path in (first, second):
        assert drawn(filled, "trajectories", *ROSENBROCK, "--output", path)["lines"] == ["adam"]
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("curvs",), "unknown kind of plot 'curvs'. Did you mean 'curves'?"),
        (
            ("curves",),
            "there are results for several tasks: rosenbrock, quadratic (dimension=4), quadratic",
        ),
        (
            ("curves", "--task", "quadratic"),
            "there are results for several tasks: quadratic (dimension=4), quadratic",
        ),
        (
            ("curves", "--task", "quadratic", "-T", "n=9"),
            "no results for quadratic (dimension=9). Stored tasks: ",
        ),
        (("curves", "--task", "quadrtic"), "unknown task 'quadrtic'. Did you mean 'quadratic'?"),
        (("curves", "-T", "n=4"), "task options were given without a task."),
        (("curves", *ROSENBROCK, "--optimizer", "lodo"), "unknown optimizer 'lodo' of the results on rosenbrock."),
        (("hessian-error", *ROSENBROCK), "no run on rosenbrock has a Hessian error"),
        (
            ("trajectories", *QUADRATIC),
            "trajectories need two parameters, as rosenbrock has; quadratic",
        ),
        (("sweep", *QUADRATIC), "a sweep needs the name of an option or hyperparameter."),
        (
            ("sweep", *QUADRATIC, "--over", "momentm"),
            "unknown option or hyperparameter 'momentm' of these runs. Did",
        ),
        (
            ("sweep", *QUADRATIC, "--over", "layers"),
            "the runs on quadratic (dimension=4) have fewer than two values of layers with everything else alike.",
        ),
        (("noise", *ROSENBROCK), "unknown option or hyperparameter 'noise_variance' of these runs."),
        (
            ("sweep", *QUADRATIC, "--over", "lr"),
            "'lr' is ambiguous: initial_learning_rate (lodo); learning_rate (adam).",
        ),
        (
            ("sweep", *QUADRATIC, "--over", "lr", "--optimizer", "adam"),
            "the runs on quadratic (dimension=4) have fewer than two values of learning_rate",
        ),
        (("search", *QUADRATIC), "no results for quadratic (dimension=4). Stored tasks: rosenbrock."),
        (("profile", *QUADRATIC), "a performance profile covers all options of a task"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_drawn_is_told(arguments, message, filled):
    path = filled.directory / "nothing.svg"
    error = drawn(filled, *arguments, "--output", path)
    assert isinstance(error, UsageError)
    assert str(error).startswith(message)
    assert not path.exists()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("picture.jpg", "cannot infer a format from 'picture.jpg'. Use one of the suffixes .png, .svg, .pdf."),
        ("picture", "cannot infer a format from 'picture'. Use one of the suffixes .png, .svg, .pdf."),
        ("there/is/none.png", "cannot write 'there/is/none.png': No such file or directory."),
    ],
)
def test_where_nothing_can_be_written_is_told(output, message, filled):
    error = drawn(filled, "curves", *ROSENBROCK, "--output", output)
    assert isinstance(error, UsageError)
    assert str(error).startswith(message)


def test_without_runs_and_searches_there_is_nothing_to_draw(place):
    schedule = place.schedule(10, population=8)
    tune = ("tune", "--task", "rosenbrock", "--optimizer", "adam", "--schedule", schedule, "--workers", 0)
    assert place.run_here(*tune).code == 0
    curves = place.run_here("plot", "curves", "--output", "a.png")
    assert (curves.code, curves.stderr) == (
        2,
        "lodo-bench: there are no final runs yet. Create some with 'lodo-bench run'.\n",
    )
    page = place.run_here("report", "--output", "page.html")
    assert page.code == 0
    text = (place.work / "page.html").read_text()
    assert "There are no final runs yet." in text and "study 1" in text


def test_the_page_has_everything(filled):
    path = filled.directory / "page.html"
    result = filled.run_here("report", "--format", "html", "--output", path)
    assert (result.code, result.stdout) == (0, "")
    text = path.read_text()
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == [
        "rosenbrock",
        "quadratic (dimension=4)",
        "quadratic (dimension=4, noise_variance=4)",
    ]
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    assert [len(task["charts"]) for task in data["tasks"]] == [2, 3, 2]
    assert [len(task["searches"]) for task in data["tasks"]] == [1, 0, 0]
    assert "lodo-bench run --optimizer lodo" in text


def test_a_page_of_one_task(filled):
    result = filled.run_here("report", "--format", "html", "--task", "rosenbrock")
    assert result.code == 0
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", result.stdout) == ["rosenbrock"]
