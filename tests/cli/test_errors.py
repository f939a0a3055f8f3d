"""What the user can mend: one message that helps, on standard error, exit code 2, and nothing touched."""

import os
import sqlite3
from contextlib import closing

import pytest
import torch

ADAM = ("run", "--optimizer", "adam")
TUNE = ("tune", "--task", "quadratic", "--optimizer", "adam", "--workers", "0")
TWICE = "is given twice. Give it once."
RATE = "must be a finite number greater than 0"
DECAY = "must be a number in [0, 1)"
AT_LEAST_1 = "'0' must be an integer from 1 to"
NO_DATABASE = ("there is no database at", "Create one with 'lodo-bench tune' or 'lodo-bench run'", "LODO_BENCH_DB")

# Arguments, and what the message must say.
REFUSED = {
    "unknown optimizer": (("run", "--optimizer", "adm"), "unknown optimizer 'adm'. Did you mean 'adam'? Known: adam,"),
    "unknown optimizer of tune": ((*TUNE, "--optimizer", "lod"), "unknown optimizer 'lod'. Did you mean 'lodo'?"),
    "unknown task": ((*ADAM, "--task", "rosenbrok"), "unknown task 'rosenbrok'. Did you mean 'rosenbrock'?"),
    "unknown task of tune": (("tune", "--task", "quadratik"), "unknown task 'quadratik'. Did you mean 'quadratic'?"),
    "unknown task of report": (("report", "--task", "quadratik"), "Did you mean 'quadratic'?"),
    "unknown hyperparameter": (
        (*ADAM, "-p", "learning_rat=1"),
        "unknown hyperparameter 'learning_rat' of optimizer adam. Did you mean 'learning_rate'? Known: beta1, beta2,",
    ),
    "rate 0": ((*ADAM, "-p", "lr=0"), "invalid lr = 0 for optimizer adam", RATE, "default 0.001"),
    "rate below 0": ((*ADAM, "-p", "lr=-1"), "invalid lr = -1", RATE),
    "rate nan": ((*ADAM, "-p", "lr=nan"), "invalid lr = nan", RATE),
    "rate inf": ((*ADAM, "-p", "lr=inf"), "invalid lr = inf", RATE),
    "decay 1": ((*ADAM, "-p", "beta1=1"), "invalid beta1 = 1 for optimizer adam", DECAY),
    "decay nan": ((*ADAM, "-p", "beta1=nan"), "invalid beta1 = nan", DECAY),
    "text": ((*ADAM, "-p", "lr=quick"), "invalid lr = quick", "a finite number greater than 0"),
    "no value": ((*ADAM, "-p", "lr"), "-p 'lr' is not of the form name=value", "-p lr=0.1"),
    "no name": ((*ADAM, "-p", "=1"), "-p '=1' is not of the form name=value"),
    "given twice": ((*ADAM, "-p", "lr=1", "-p", "lr=1"), f"-p lr {TWICE}"),
    "given under both names": (
        (*ADAM, "-p", "lr=1", "-p", "learning_rate=2"),
        f"learning_rate of optimizer adam {TWICE}",
    ),
    "unknown backend": ((*ADAM, "--backend", "numa"), "unknown backend 'numa'. Did you mean 'numba'?"),
    "backend for another device": (
        (*ADAM, "--backend", "triton"),
        "backend 'triton' cannot be used: it is for device 'cuda', not 'cpu'. Use 'auto' or 'torch'.",
    ),
    "backend for another device of tune": ((*TUNE, "--backend", "triton"), "it is for device 'cuda', not 'cpu'"),
    "unknown task option": (
        (*ADAM, "-T", "dimensions=3"),
        "unknown option 'dimensions' of task quadratic. Did you mean 'dimension'?",
    ),
    "option of another task": (
        (*ADAM, "--task", "rosenbrock", "-T", "dimension=3"),
        "unknown option 'dimension' of task rosenbrock. There are none.",
    ),
    "negative interval": (
        (*ADAM, "--checkpoint-every", "-1"),
        "Invalid value for '--checkpoint-every': '-1' must be a number of seconds, 0 or greater",
    ),
    "infinite interval": ((*ADAM, "--checkpoint-every", "inf"), "'inf' must be a number of seconds"),
    "half a dimension": (
        (*ADAM, "-T", "dimension=2.5"),
        "invalid dimension = 2.5",
        "an integer from 1 to 9,007,199,254,740,991",
    ),
    "no dimension": ((*ADAM, "-T", "n=0"), "invalid n = 0 for task quadratic"),
    "infinite dimension": ((*ADAM, "-T", "n=inf"), "invalid n = inf"),
    "negative variance": ((*ADAM, "-T", "noise_variance=-1"), "invalid noise_variance = -1", "0 or greater"),
    "contradictory eigenvalues": (
        (*ADAM, "-T", "min_eig=2", "-T", "max_eig=1.5"),
        "min_eigenvalue = 2 is above max_eigenvalue = 1.5",
    ),
    "eigenvalue above the default": ((*TUNE, "-T", "min_eig=2"), "min_eigenvalue = 2 is above max_eigenvalue = 1"),
    "unknown device": ((*ADAM, "--device", "tpu"), "unknown device 'tpu'", "Known: cpu, cuda."),
    "float16": ((*ADAM, "--dtype", "float16"), "unknown dtype 'float16'", "Known: float32, float64."),
    "float16 of tune": ((*TUNE, "--dtype", "float16"), "unknown dtype 'float16'"),
    "negative time": ((*ADAM, "--seconds", "-1"), "'-1' must be a number of seconds", "greater than 0"),
    "no time": ((*ADAM, "--seconds", "0"), "'0' must be a number of seconds"),
    "nan seconds": ((*ADAM, "--seconds", "nan"), "'nan' must be a number of seconds"),
    "endless": ((*ADAM, "--seconds", "inf"), "'inf' must be a number of seconds"),
    "untimed by the clock": (
        (*ADAM, "--untimed", "--seconds", "5"),
        "untimed runs cannot have a time milestone",
        "Omit one of them.",
    ),
    "no steps": ((*ADAM, "--steps", "0"), "Invalid value for '--steps'", AT_LEAST_1),
    "no seeds": ((*ADAM, "--seeds", "0"), "Invalid value for '--seeds'", AT_LEAST_1),
    "unknown source": (
        (*ADAM, "--from", "best"),
        "unknown source of hyperparameters 'best'",
        "default, paper, tuned",
    ),
    "unknown list": (
        ("list", "run"),
        "unknown list 'run'. Did you mean 'run-sets'? Known: experiments, optimizers, run-sets, studies, tasks.",
    ),
    "no number of a study": (("show", "study", "first"), "Invalid value for 'N'"),
    "unknown command": (("runn",), "No such command 'runn'. Did you mean 'run'?"),
    "unknown option": ((*ADAM, "--speed", "3"), "No such option: --speed"),
    "missing optimizer": (("run",), "Invalid value for OPTIMIZER: name at least one"),
    "no workers on a cluster": (
        (*TUNE, "--address", "auto"),
        "without workers, training runs in this process",
        "--workers 1 or more",
    ),
    "no workers for Ray": ((*TUNE, "--engine", "ray"), "cannot use Ray", "or omit --address and --engine"),
    "unknown engine": ((*TUNE, "--engine", "dask"), "unknown engine 'dask'", "auto, processes, ray"),
    "a cluster of processes": (
        ("tune", "adam", "--task", "quadratic", "--address", "auto", "--engine", "processes"),
        "the engine 'processes' uses the CPUs of this machine only, not the cluster at 'auto'",
        "Use --engine ray, or omit --engine.",
    ),
    "GPUs in this process": (
        (*TUNE, "--gpus-per-worker", "2"),
        "one GPU at most",
        "--gpus-per-worker",
    ),
    "old option of the task": ((*ADAM, "-t", "dimension=12"), "-t now means --task. Write -T dimension=12."),
    "old option of the optimizer": ((*ADAM, "-o", "layers=8"), "-o now means --output. Write -O layers=8."),
    "old option of the optimizer in one word": ((*TUNE, "-olayers=8"), "-o now means --output. Write -O layers=8."),
    "old kernel": ((*ADAM, "--kernel", "torch"), "--kernel is no longer an option. Write --backend."),
    "old kernel in one word": ((*TUNE, "--kernel=torch"), "--kernel is no longer an option. Write --backend."),
    "old parameter": ((*ADAM, "--parameter", "lr=1"), "Write --hyperparameter or -p."),
    "old hyperparameters": ((*ADAM, "--hyperparameters", "paper"), "Write --from."),
    "old list of experiments": (("reproduce", "--list"), "Write 'lodo-bench list experiments'."),
    "device without its workers": (
        (*TUNE, "--device", "cpu", "--gpus-per-worker", "1"),
        "device 'cpu' and 1 GPUs per worker conflict",
    ),
    "options of two optimizers": (("run", "adam", "lodo", "-O", "layers=8"), "require exactly one optimizer"),
    "class that is not there": (("run", "no_such_module:Mine"), "there is no module 'no_such_module' here"),
    "class of another kind": (
        ("run", "fractions:Fraction"),
        "is not a subclass of lodo_bench.Optimizer or torch.optim.Optimizer.",
    ),
    "missing schedule": (
        (*TUNE, "--schedule", "missing.yaml"),
        "schedule 'missing.yaml' not found: neither a file nor a built-in schedule. Built in: paper, quick, smoke.",
    ),
    "schedule with an unknown key": (
        (*TUNE, "--schedule", "../unknown-key.yaml"),
        "../unknown-key.yaml",
        "unknown key 'populations' of the file. Did you mean 'population'?",
    ),
    "schedule without generations": ((*TUNE, "--schedule", "../empty.yaml"), "missing key 'generations'"),
    "schedule that is no YAML": ((*TUNE, "--schedule", "../broken.yaml"), "../broken.yaml is not valid YAML"),
    "report without a database": (("report",), *NO_DATABASE),
    "show without a database": (("show", "study", "1"), *NO_DATABASE),
    "studies without a database": (("list", "studies"), *NO_DATABASE),
    "runs without a database": (("list", "run-sets", "--json"), *NO_DATABASE),
    "unwritable place": (
        (*ADAM, "--db", "../a-file/below/x.db"),
        "database '../a-file/below/x.db' cannot be created",
        "--db",
    ),
    "a directory": ((*ADAM, "--db", ".."), "database '..' cannot be used", "--db or LODO_BENCH_DB"),
    "no such driver": ((*ADAM, "--db", "nosuch://x"), "no driver for the database 'nosuch'"),
    "no URL": ((*ADAM, "--db", "://x"), "'://x' is not a database URL"),
}
FILES = {
    "unknown-key.yaml": "populations: 8\ngenerations:\n  - {sigma: 1, steps: 5}\n",
    "empty.yaml": "population: 8\n",
    "broken.yaml": "population: [8\n",
    "a-file": "in the way",
}


# Refused in processes of their own: one by this program, one by the parser of its command line.
REAL = ("unknown optimizer", "missing optimizer")


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_is_explained(case, place):
    for name, text in FILES.items():
        (place.directory / name).write_text(text)
    arguments, *texts = REFUSED[case]
    run = place.run if case in REAL else place.run_here
    assert_explained(run(*arguments), *texts)
    assert not place.database.parent.exists()
    assert list(place.work.iterdir()) == []
    assert {name: (place.directory / name).read_text() for name in FILES} == FILES
    assert {path.name for path in place.directory.iterdir()} == {"work", "home", "tmp", *FILES}


def assert_explained(result, *texts):
    assert result.code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for text in texts:
        assert text in result.message
    ours = [line for line in result.stderr.splitlines() if line.startswith("lodo-bench: ")]
    assert len(ours) == len(result.stderr.splitlines()) == 1 or result.message.count(" Error ") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_explained(place):
    assert_explained(place.run_here(*ADAM, "--device", "cuda"), "device 'cuda' is not available", "Use 'cpu'.")
    assert not place.database.parent.exists()


def test_the_json_of_a_mistake_is_empty(place):
    assert_explained(place.run_here("run", "--optimizer", "adm", "--json"), "Did you mean 'adam'?")


def test_values_that_were_never_tuned_name_the_command(place):
    arguments = ("--task", "quadratic", "-T", "dimension=12", "--optimizer", "adam")
    result = place.run_here("run", *arguments, "--from", "tuned")
    assert_explained(result, "adam has not been tuned on quadratic (dimension=12) in this database")
    shown = result.message.partition("Run 'lodo-bench ")[2].partition("'")[0].split()
    schedule = place.schedule(5, population=8)
    assert place.run_here(*shown, "--schedule", schedule, "--workers", 0).code == 0
    run = place.run_here("run", *arguments, "--from", "tuned", "--steps", 5, "--seeds", 1, "--json")
    assert run.document["hyperparameters_source"] == "tuned"


def test_values_that_the_paper_lacks_are_explained(place):
    result = place.run_here(*ADAM, "-T", "dimension=12", "--from", "paper")
    assert_explained(result, "the paper's hyperparameters of adam on quadratic (dimension=12) are not known", "-p")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_search_without_its_gpu_leaves_no_study(place):
    result = place.run_here(*TUNE, "--gpus-per-worker", 1)
    assert_explained(result, "device 'cuda' is not available")
    assert place.count("studies") == 0


def test_an_enormous_dimension_is_explained_or_fails_as_a_run(place):
    result = place.run_here(*ADAM, "-T", "dimension=1e12", "--steps", 5, "--seeds", 1)
    assert "Traceback" not in result.stderr
    assert result.code in (2, 3)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_full_disk_is_explained(place):
    with open("/dev/full", "w") as full:
        process = place.start("list", "tasks", stdout=full)
        _, stderr = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in stderr
    assert "space" in stderr


def foreign(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE addresses (name)")
        connection.commit()


def no_database(path):
    path.write_bytes(b"Dear diary, " * 1000)


@pytest.mark.parametrize(
    ("make", "text"),
    [(foreign, "is a database of another program; it is left unchanged"), (no_database, "file is not a database")],
)
def test_a_strange_file_is_left_as_it_was(make, text, place):
    place.database.parent.mkdir()
    make(place.database)
    before = place.database.read_bytes()
    for arguments in (ADAM, TUNE, ("report",), ("show", "study", "1")):
        result = place.run_here(*arguments)
        assert (result.code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
        assert text in result.stderr and "--db or LODO_BENCH_DB" in result.stderr
    assert place.database.read_bytes() == before
    assert [path.name for path in place.database.parent.iterdir()] == [place.database.name]


def test_an_unknown_study_is_explained(place):
    made = (*TUNE, "-T", "n=12", "--schedule", place.schedule(5, population=8))
    assert place.run_here(*made).code == 0
    assert_explained(place.run_here("show", "study", 7), "unknown study '7'", "Known: 1.")
