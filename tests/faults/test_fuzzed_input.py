"""Random input of every kind: it is used, or refused with one message, and never ends in an error of Python."""

import csv
import io
import json
import math
import re
import sqlite3
import string
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

import lodo_bench
from lodo_bench.api.compare import load_report
from lodo_bench.errors import LodoBenchError, UsageError
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.optimizers import OPTIMIZERS, optimizer_spec
from lodo_bench.optimizers.recipe import RECIPE
from lodo_bench.report.formats import RENDERERS
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.selection import ReportRequest, Selection
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tuner.schedule import load_schedules
from tests.builders import curve, provenance, run, run_set_spec
from tests.cli.runner import Place
from tests.faults.fuzzing import MARKUP, fuzz, mutated, numbers, objects, texts, values
from tests.results.filled import fill

PROMISE = "used, or refused with one message and exit code 2"
SCHEDULE = "population: 4\ngenerations:\n  - &a {sigma: 3, steps: 10}\n  - {<<: *a, sigma: 1}\ndecay_transform: logit\n"
SCHEDULE += "meta_epochs: 3\n"
SPACE = """\
optimizer: torch.optim.AdamW
source: a text
tuned:
  lr: {kind: rate, default: 0.01, range: [0.0001, 1], source: a sweep}
  betas[0]:
    kind: decay
    default: 0.9
fixed:
  weight_decay: 0.1
  amsgrad: true
on_vectors: {foreach: false}
needs: [matrices]
"""
EXPERIMENT = """\
title: A title
note: A note
task: quadratic
options: {dimension: 20}
optimizers:
  - adam
  - name: lodo
    options:
      layers: 2
recipe:
  schedule: cosine
tuning:
  schedule:
    population: 4
    generations: [{sigma: 1, steps: 10}]
  seed: 3
searches: 2
runs:
  - seeds: 2
    steps: 100
  - {seeds: 2, seconds: 0.5, timed: true}
sweep:
  over: noise_variance
  values: [1, 2]
output: [comparison]
scales:
  laptop:
    searches: 1
  smoke: {note: quick}
"""


class Stopped(UsageError):
    """In place of the work that a valid request asks for."""


def stop(*_, **__):
    raise Stopped("the request is valid")


@pytest.fixture
def validated(monkeypatch):
    """Requests are checked, and nothing is computed."""
    for name in ("api.run.preflight", "api.tune.preflight", "api.tune_plan.preflight", "api.reproduce.open_or_create"):
        with suppress(AttributeError):
            monkeypatch.setattr(f"lodo_bench.{name}", stop)


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    place.database.parent.mkdir()
    _, database = fill(place.database)
    database.close()
    return place


def accepted(action, *errors):
    """Do it; return None if it is refused with one message of a reasonable length."""
    try:
        return action()
    except (LodoBenchError, *errors) as error:
        assert str(error)
        assert len(str(error)) < 5000
        return None


FORMATS = {
    "schedules": (SCHEDULE, lambda path: load_schedules(path, "quadratic")),
    "experiments": (EXPERIMENT, load_experiment),
    "search spaces": (SPACE, lambda path: optimizer_spec("torch.optim.AdamW", {}, space=path)),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_files(kind, tmp_path, monkeypatch, cases, injected):
    text, load = FORMATS[kind]
    monkeypatch.chdir(tmp_path)
    Path("file.yaml").write_text(text)
    assert load("./file.yaml") is not None

    def check(found):
        Path("file.yaml").write_bytes(found)
        accepted(lambda: load("./file.yaml"))

    encoded = mutated((text,)).flatmap(
        lambda found: st.sampled_from(("utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig")).map(
            lambda encoding: found.encode(encoding, "surrogatepass")
        )
    )
    fuzz(cases, encoded, check)
    injected(f"Random changes of YAML files: {kind}", PROMISE, cases)


def tables():
    yield from ((f"task {name}", option) for name in TASKS.names for option in TASKS.load(name).options_table)
    for name in OPTIMIZERS.names:
        kind = OPTIMIZERS.load(name)
        yield from ((f"optimizer {name}", option) for option in (*kind.options_table, *kind.hyperparameters))
    yield from (("recipe", option) for option in RECIPE)


def test_values_of_options(cases, injected):
    options = list(tables())

    def check(found):
        (owner, option), value = found
        read = accepted(lambda: option.validate(value, owner))
        if isinstance(read, float | int):
            assert math.isfinite(read) and type(read) in (int, float)
            assert not isinstance(value, str) or re.fullmatch(r"[-+.0-9eE]+", value)

    fuzz(cases, st.tuples(st.sampled_from(options), objects), check)
    injected("Random values of options and hyperparameters", PROMISE, cases)


def test_milestones_notes_and_tags(cases, injected):
    def check(value):
        milestone = accepted(lambda: Milestone.read(value))
        assert milestone is None or Milestone.parse(milestone.key) == milestone
        for annotate in (Annotation().with_note, lambda name: Annotation().with_tags([name])):
            found = accepted(lambda annotate=annotate: annotate(value))
            assert found is None or "\x1b" not in found.note + "".join(found.tags)

    fuzz(cases, values, check)
    injected("Random milestones, notes and tags", PROMISE, cases)


# What each command takes, with arguments that are valid, and options whose values are replaced.
OPTIONS = {
    "run": (
        ("run", "adam", "--steps", "5"),
        "--seeds --steps --seconds --study --checkpoint-every --from --task -p -T -O -R --space --device --dtype "
        "--backend --optimizer --data-dir",
    ),
    "tune": (
        ("tune", "adam", "--task", "quadratic", "--dry-run"),
        "--seed --seeds --workers --gpus-per-worker --engine --schedule -T -O -R --space --device --dtype --backend "
        "--optimizer",
    ),
    "reproduce": (("reproduce", "--dry-run"), "ARGUMENT --scale --workers --gpus-per-worker --engine --device"),
    "report": (
        ("report",),
        "--task --optimizer --run-set --study --source --tag --target --baseline --window --at --format --db",
    ),
    "list": (("list",), "ARGUMENT --task --optimizer --tag --source --db"),
    "show": (("show", "run-set"), "ARGUMENT --db"),
    "compare": (("compare", "run-set", "1"), "ARGUMENT"),
    "note": (("note", "run-set", "1"), "ARGUMENT"),
    "tag": (("tag", "run-set", "1"), "ARGUMENT"),
    "delete": (("delete", "run-set"), "ARGUMENT"),
    "export": (("export", "runs"), "ARGUMENT --task --optimizer --format --run-set"),
    "watch": (("watch", "--once"), "--study --interval --db"),
    "sample": (("sample", "1"), "--seed --images --device"),
    "init": (("init", "-"), "--task --optimizer"),
    "serve": (("serve", "--db", "none.db"), "--port --host --task"),
    "config": (("config", "list"), "ARGUMENT"),
}
NAMES = st.sampled_from(
    ("lr=", "dimension=", "noise_variance=", "layers=", "schedule=", "weight_decay=", "warmup=", "")
)


@pytest.mark.parametrize("name", OPTIONS)
def test_arguments(name, place, validated, cases, injected):
    base, options = OPTIONS[name]

    def check(found):
        arguments = [word for option, value in found for word in (option, value) if word != "ARGUMENT"]
        result = place.run_here(*base, *arguments)
        assert result.code in (0, 2), result
        assert "Traceback" not in result.stderr
        if result.code == 2:
            assert result.message
        assert "\x1b" not in result.stdout + result.stderr

    @st.composite
    def given(draw):
        chosen = draw(st.lists(st.sampled_from(options.split()), min_size=1, max_size=3))
        return [(option, draw(NAMES) * (option in ("-p", "-T", "-O", "-R")) + draw(arguments)) for option in chosen]

    arguments = values.filter(lambda value: value not in ("--help", "-h") and not _is_large_size(value))
    fuzz(max(1, cases // 10), given(), check)
    injected(f"Random arguments of {name}", PROMISE, max(1, cases // 10))


def _is_large_size(value):
    """Whether it may be a size that is valid, and that no memory holds; such requests are tested elsewhere."""
    try:
        return 1e4 < abs(float(value)) < 2**53
    except ValueError:
        return False


def test_paths_of_classes(cases, injected):
    parts = st.sampled_from(["os", "torch.optim", "lodo_bench", "SGD", "Adam", "a", ".", "..", "é", "__main__", "path"])
    names = st.lists(parts | texts, min_size=1, max_size=4).flatmap(
        lambda words: st.sampled_from((":", ".", ".py:")).map(lambda mark: mark.join(words))
    )

    def check(name):
        accepted(lambda: task_spec(name, {}))
        accepted(lambda: optimizer_spec(name, {}))

    fuzz(cases, names, check)
    injected("Random names and paths of tasks and optimizers", PROMISE, cases)


def test_databases(tmp_path, monkeypatch, cases, injected):
    monkeypatch.chdir(tmp_path)
    schemes = st.sampled_from(("sqlite://", "sqlite:///", "sqlite:////", "mysql://", "://", "x://", "sqlite+x:///", ""))
    ends = st.sampled_from(("", "?timeout=x", "@:/", "[::1", ":99999", "%00", "%ff"))

    def check(found):
        accepted(lambda: load_report(ReportRequest(), ["".join(found)]))

    fuzz(cases, st.tuples(schemes, texts, ends), check)
    injected("Random addresses of databases", PROMISE, cases)


VARIABLES = (
    "COLUMNS LINES NO_COLOR FORCE_COLOR LODO_BENCH_DB LODO_BENCH_DATA XDG_CACHE_HOME HOME TMPDIR OMP_NUM_THREADS "
    "CUDA_VISIBLE_DEVICES RAY_ADDRESS RAY_TMPDIR NUMBA_CACHE_DIR TERM PAGER"
)
COMMANDS = (
    "config show",
    "config show --json",
    "list run-sets",
    "report",
    "show run-set 1",
    "report --window 0",
    "data status",
    "watch --once",
    "tag run-set 1 final",
)
# Paths that a shell can set: longer than any system takes, with line ends, with bytes that are no text.
PATHS = st.sampled_from(
    (
        "x" * 300,
        "x" * 5000,
        "x" * 100_000,
        "x/" * 2100,
        "/" * 5000,
        "a\nb.db",
        "\n",
        "a\nb/c.db",
        "\udcff\udc80",
        "\udcff/\udcfe/x.db",
        "sqlite:///\udcff.db",
        "sqlite:///a\nb.db",
        "sqlite:///" + "x" * 9000,
        "postgresql://\udcff:secret@127.0.0.1:1/\udcfe",
        "postgresql://" + "x" * 9000,
        "~\udcff/x.db",
        "~",
        "~/",
        "/dev/null",
        "/dev/null/x.db",
        "/proc/x.db",
    )
)


def test_environment_variables(place, cases, injected):
    def check(found):
        variables, arguments = found
        result = place.run_here(*arguments, **variables)
        assert result.code in (0, 2), result
        assert "Traceback" not in result.stderr
        assert "secret" not in result.stdout + result.stderr
        if result.code == 2:
            assert result.message
            assert len(result.stderr) < 10_000, variables

    variables = st.dictionaries(st.sampled_from(VARIABLES.split()), values | PATHS, min_size=1, max_size=3)
    commands = st.sampled_from(COMMANDS).map(str.split)
    fuzz(max(1, cases // 5), st.tuples(variables, commands), check)
    injected("Random environment variables", PROMISE, max(1, cases // 5))


REQUESTS = {
    "run": (lambda **given: lodo_bench.run("adam", **given), ("seeds", "steps", "seconds", "checkpoint_every")),
    "tune": (
        lambda **given: lodo_bench.tune("quadratic", ["adam"], **given),
        ("seed", "seeds", "workers", "gpus_per_worker"),
    ),
    "report": (lambda **given: ReportRequest(**given), ("target", "window")),
    "select": (lambda **given: Selection(**{key: (value,) for key, value in given.items()}), ("run_sets", "studies")),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_numbers_given_to_functions(name, tmp_path, monkeypatch, validated, cases, injected):
    monkeypatch.chdir(tmp_path)
    call, fields = REQUESTS[name]

    def check(given):
        accepted(lambda: call(**given))

    fuzz(cases, st.dictionaries(st.sampled_from(fields), objects, min_size=1, max_size=2), check)
    injected(f"Random numbers given to {name} in Python", PROMISE, cases)


def stored(path, text):
    """A database with a text everywhere where the user's own words are stored."""
    path.unlink(missing_ok=True)
    with closing(Database(str(path), create=True)) as database:
        store = Store(database, provenance(command=text, host=text))
        for number, optimizer in enumerate(("adam", f"{text}.py:Mine")):
            spec = run_set_spec(
                OptimizerSpec(optimizer, {"word": text}),
                source="default",
                provenance_note=text,
                task=TaskSpec(f"{text}.py:Task", {"name": text}),
            )
            opened = store.open_run_set(spec).id
            for seed in range(2):
                store.add_run(opened, replace(run(seed, loss=1.0 + number + seed), reason=text), curve())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO run_set_annotations VALUES (1, ?, ?)", (text, json.dumps([text])))
        connection.commit()


words = st.sampled_from(MARKUP) | st.text(string.punctuation + "aé ", min_size=1, max_size=10)


def shapes(shown):
    """The numbers of cells in the rows of each table, which no word may change."""
    return (
        [len(row) for row in csv.reader(io.StringIO(shown["csv"]))],
        [len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in shown["markdown"].splitlines() if row.startswith("|")],
        [len(re.findall(r"(?<!\\)&", row)) for row in shown["latex"].splitlines() if row.endswith(r"\\")],
    )


def test_words_in_reports(tmp_path, cases, injected):
    path, count = tmp_path / "results.db", max(1, cases // 20)

    def rendered(text):
        stored(path, text)
        data = load_report(ReportRequest(), [str(path)])
        return {name: render(data) for name, render in RENDERERS.items()}

    shape = shapes(rendered("word"))

    def check(text):
        shown = rendered(text)
        assert "<xinject" not in shown["html"]
        assert json.loads(shown["json"])
        assert not re.search(r"\\input\b", shown["latex"])
        assert shapes(shown) == shape

    fuzz(count, words, check)
    injected("Markup in the user's words: HTML, LaTeX, Markdown, CSV, JSON", "shown as it was written", count)


def test_words_on_the_terminal_and_in_plots(place, cases, injected):
    count = max(1, cases // 20)

    def check(text):
        stored(place.database, text)
        for command in (("list", "run-sets", "--wide"), ("show", "run-set", "1"), ("plot", "curves", "-o", "p.svg")):
            result = place.run_here(*command, COLUMNS="1000")
            assert result.code == 0, result
            shown = re.sub(r"(\\*)\1\\\|", r"\1|", result.stdout)  # in tables, pipes are escaped
            assert command[0] == "plot" or text.strip() in shown + result.stdout, result.stdout
        for kind in ("comparison", "trajectories"):
            assert place.run_here("plot", kind, "-o", "p.png").code in (0, 2)

    fuzz(count, words, check)
    injected("Markup in the user's words: terminal and plots", "shown as it was written", count)


def test_numbers_are_read_alike(cases, injected):
    """What the command line, an option and a file take for a number is the same number."""
    rate = next(option for option in OPTIMIZERS.load("adam").hyperparameters if option.kind == "rate")

    def check(text):
        given = accepted(lambda: rate.validate(text, "adam"))
        if given is not None:
            assert given == float(text)
            assert re.fullmatch(r"[-+.0-9eE]+", text)

    fuzz(cases, numbers, check)
    injected("Random numbers on the command line", PROMISE, cases)
