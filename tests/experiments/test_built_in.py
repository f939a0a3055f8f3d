"""The paper's tables and figures: all load, and each runs at the scale smoke."""

from pathlib import Path

import pytest

from lodo_bench.analysis.published import published_optimizers
from lodo_bench.experiments.loading import BUILT_IN, SHOWN_WITH, load_experiment
from lodo_bench.experiments.plan import make_plan
from lodo_bench.experiments.spec import SCALES, Requirement
from tests.experiments.helpers import HERE, do, open_store, page
from tests.short_meta_training import short_epochs

DOCS = Path(__file__).parent.parent.parent / "docs"

# A page of each must say so much at least.
CONTENT = {
    "table1": "| lodo ",
    "table2": "test loss at 3 steps",
    "table3": "| lodo-residuals",
    "table4": "test accuracy at 20 steps",
    "table5": "| 9           | 0.6 / 8000 |  0.3 / 200 | 0.6 / 8000 | 0.6 / 500 |",
    "table6": "| lodo      | momentum",
    "table7": "| noise variance |",
    "table8": "| yogi",
    "frozen-preconditioner": "- On its own problem, the loss with the frozen preconditioner exceeds ",
    "depth-sweep": "| layers |",
    "block-size-sweep": "| block size |",
    "figure5": "| momentum |",
    "lodo-defaults": "| lodo_bench.LODO ",
}


@pytest.fixture(scope="module", autouse=True)
def quick():
    with short_epochs():
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("smoke") / "results.db")


def test_there_are_these():
    assert len(BUILT_IN) == len(set(BUILT_IN)) == 20


@pytest.mark.parametrize(("figure", "table"), SHOWN_WITH.items())
def test_a_figure_of_the_results_of_a_table_is_on_its_page(figure, table, tmp_path):
    assert load_experiment(figure, "smoke") == load_experiment(table, "smoke")
    number = figure.removeprefix("figure")
    assert f"Figure {number}" in load_experiment(table).title
    own = tmp_path / "own.yaml"
    own.write_text(f"base: {figure}\ntitle: Mine\n")
    assert load_experiment(str(own), "smoke").parts == load_experiment(table, "smoke").parts


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_every_experiment_loads_at_every_scale(name, scale):
    experiment = load_experiment(name, scale)
    assert (experiment.name, experiment.scale) == (name, scale)
    assert experiment.title and experiment.outputs
    plan = make_plan(experiment, HERE)
    assert experiment.requires <= Requirement.DATA or plan.conditions
    for spec in plan.studies:
        expected = {"quadratic": (10, 8000), "rosenbrock": (10, 200), "mnist": (10, 8000), "cifar10": (10, 500)}
        if scale == "paper" and len(spec.schedule.generations) == 10:
            last = spec.schedule.generations[-1].steps
            assert (len(spec.schedule.generations), last) == expected[spec.task.name]


@pytest.mark.parametrize(
    ("name", "task", "runs"),
    [
        ("table1", "quadratic", (8, 100_000, 300.0)),
        ("table2", "mnist", (8, 300_000, 50_000.0)),
        ("table3", "mnist", (8, 300_000, 50_000.0)),
        ("table4", "cifar10", (8, 3_000, 24_000.0)),
        ("table8", "rosenbrock", (8, 200, None)),
    ],
)
def test_the_scale_of_the_paper_is_the_papers(name, task, runs):
    (part,) = load_experiment(name, "paper").parts
    assert part.task.name == task and not part.task.options
    assert [(r.num_seeds, r.steps, r.seconds) for r in part.runs] == [runs]
    assert all(r.timed for r in part.runs)
    assert {optimizer.name for optimizer in part.optimizers} <= set(published_optimizers(task))


def test_table_1_on_a_laptop_is_timed_for_ten_seconds_without_a_hundred_thousand_steps():
    experiment = load_experiment("table1", "laptop")
    untimed, timed = experiment.parts[0].runs
    assert (untimed.num_seeds, untimed.steps, untimed.timed) == (8, 100_000, False)
    assert (timed.num_seeds, timed.steps, timed.seconds, timed.timed) == (8, 1000, 10.0, True)
    assert "10 s" in experiment.note
    assert experiment.parts[0].schedules == load_experiment("table1", "paper").parts[0].schedules


def test_a_momentum_sweep_goes_from_none_to_the_tuned_value():
    (part,) = load_experiment("figure5", "paper").parts
    assert (part.sweep.over, part.sweep.decay_grid) == ("momentum", 8)


def test_it_is_told_which_optimizers_are_left_out():
    (part,) = load_experiment("table7", "paper").parts
    names = [optimizer.name for optimizer in part.optimizers]
    left_out = [name for name in published_optimizers("quadratic") if name not in names]
    assert left_out == ["bfgs", "levenberg-marquardt"]
    chosen = (
        (DOCS / "reproducing.md")
        .read_text("utf-8")
        .partition("## Choices where the paper leaves details open")[2]
        .partition("\n## ")[0]
    )
    (told,) = [item for item in chosen.split("\n- ") if item.startswith("Table 7")]
    assert all(f"`{name}`" in told for name in left_out)
    assert all(name in load_experiment("table7", "laptop").note for name in left_out)
    (part,) = load_experiment("table8", "paper").parts
    assert tuple(optimizer.name for optimizer in part.optimizers) == published_optimizers("rosenbrock")


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_experiment_runs_at_the_scale_smoke(name, store, tmp_path, monkeypatch):
    monkeypatch.setattr("lodo_bench.experiments.outputs.images._SAMPLES", 1)  # each is drawn pixel by pixel
    done = do(name, "smoke", store)
    assert done.failures() == []
    assert not any(record.missing_seeds for record in done.run_sets)
    text, pictures = page(done, tmp_path / name)
    assert f"# {done.experiment.title}" in text
    assert "Scale: **smoke**" in text
    assert CONTENT.get(name, "") in text
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert all(f"]({picture.name})" in text for picture in pictures)
    assert pictures or name == "table5"
