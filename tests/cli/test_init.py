"""`lodo-bench init`: a file that explains every key, runs as it is, and replaces no other."""

import re
from unittest.mock import patch

import pytest

from lodo_bench.experiments.loading import load_experiment
from lodo_bench.experiments.outputs import OUTPUTS
from lodo_bench.files.yaml import YamlNode
from tests.cli.runner import Place

OWN = "import lodo_bench\n\nclass Mine(lodo_bench.optimizers.adam.Adam):\n    pass\n"
# Reaches every mapping that the loader reads.
EVERYTHING = """base: table8
title: All
task: quadratic
optimizers: [{name: adam, options: {}, recipe: {}}]
tuning: {schedule: {population: 2, generations: [{sigma: 1, steps: 1}]}}
runs: [{seeds: 1, steps: 1}]
sweep: {over: clip_norm, values: [1, 2]}
output: [comparison]
scales: {smoke: {}}
parts: [{task: quadratic}]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("init"))
    place.result = place.run_here("init")
    place.file = place.work / "experiment.yaml"
    return place


def optional_blocks(text):
    """Each optional key with the lines that belong to it, by its name."""
    return {block.split(":")[0][1:]: block for block in re.findall(r"^#\w+:.*\n(?:^#  .*\n)*", text, re.MULTILINE)}


def test_the_file_says_how_to_run_it(place):
    assert (place.result.code, place.result.stdout) == (0, "")
    assert "Run it with 'lodo-bench reproduce experiment.yaml'" in place.result.stderr
    assert "lodo-bench reproduce experiment.yaml --scale smoke" in place.file.read_text()


def test_it_compares_lodo_and_adam_on_the_quadratic(place):
    experiment = load_experiment(str(place.file))
    (part,) = experiment.parts
    assert (part.task.name, [optimizer.name for optimizer in part.optimizers]) == ("quadratic", ["lodo", "adam"])
    assert [(runs.num_seeds, runs.timed) for runs in part.runs] == [(8, False), (4, True)]


def test_it_runs_at_the_smallest_scale(place):
    result = place.run_here("reproduce", "experiment.yaml", "--scale", "smoke", "--workers", 0)
    assert result.code == 0, result.stderr
    assert "| lodo " in result.stdout
    assert (place.work / "results" / "experiment-smoke" / "README.md").exists()


def test_every_key_of_the_loader_is_explained(place, tmp_path):
    known, read = set(), YamlNode.mapping

    def recorded(self, names, required=()):
        known.update(names)
        return read(self, names, required)

    path = tmp_path / "everything.yaml"
    path.write_text(EVERYTHING)
    with patch.object(YamlNode, "mapping", recorded):
        load_experiment(str(path), "smoke")
    text = place.file.read_text()
    assert {"base", "space", "decay_grid", "meta_epochs", "timed", "parts", "smoke"} <= known
    assert [name for name in sorted(known) if not re.search(rf"\b{name}:", text)] == []
    assert [name for name in OUTPUTS if name not in text] == []


def test_every_optional_key_works_once_it_is_uncommented(place, tmp_path):
    text = place.file.read_text()
    blocks = optional_blocks(text)
    assert set(blocks) == {"note", "base", "options", "recipe", "searches", "sweep", "parts"}
    path = tmp_path / "changed.yaml"
    for name, block in blocks.items():
        path.write_text(text.replace(block, re.sub("^#", "", block, flags=re.MULTILINE)))
        changed = load_experiment(str(path), "paper")
        if name in ("note", "parts"):
            assert changed.note if name == "note" else len(changed.parts) == 2
    assert "no-such-key" not in text


def test_task_and_optimizers_fill_it_in(place):
    (place.work / "mine.py").write_text(OWN)
    names = ("rmsprop", "torch.optim.SGD", "./mine.py:Mine")
    given = [word for name in names for word in ("--optimizer", name)]
    result = place.run_here("init", "other.yaml", "--task", "rosenbrock", *given)
    assert result.code == 0, result.stderr
    text = (place.work / "other.yaml").read_text()
    assert "task: rosenbrock\n" in text
    assert '  - rmsprop\n  - torch.optim.SGD\n  - "mine.py:Mine"\n' in text
    done = place.run_here("reproduce", "other.yaml", "--scale", "smoke", "--dry-run", "--json")
    assert {item["label"] for item in done.document["missing"]} == {
        f"{name} on rosenbrock" for name in ("rmsprop", "torch.optim.SGD", "mine.py:Mine")
    }


def test_a_file_is_never_overwritten(place):
    kept = place.work / "kept.yaml"
    kept.write_text("mine")
    result = place.run_here("init", "kept.yaml")
    assert (result.code, result.stdout, kept.read_text()) == (2, "", "mine")
    assert result.message.startswith("lodo-bench: 'kept.yaml' exists, and files are never overwritten.")


def test_a_dash_prints(place):
    before = sorted(place.work.iterdir())
    result = place.run_here("init", "-")
    assert (result.code, result.stdout, result.stderr) == (0, place.file.read_text(), "")
    assert sorted(place.work.iterdir()) == before
    assert place.run_here("init", "-", "--json").document == {"schema": 1, "file": None, "text": result.stdout}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--task", "quadratik"), "unknown task 'quadratik'. Did you mean 'quadratic'?"),
        (("--optimizer", "adm"), "unknown optimizer 'adm'. Did you mean 'adam'?"),
        (("--optimizer", "newton", "--task", "mlp"), "newton needs the hessian of the loss, which mlp does not"),
        (("nowhere/e.yaml",), "cannot write 'nowhere/e.yaml': No such file or directory."),
    ],
)
def test_mistakes_are_answered_and_nothing_is_written(place, arguments, message):
    file = () if arguments[0].endswith(".yaml") else ("wrong.yaml",)
    result = place.run_here("init", *file, *arguments)
    assert result.code == 2
    assert message in result.message
    assert not (place.work / "wrong.yaml").exists()
