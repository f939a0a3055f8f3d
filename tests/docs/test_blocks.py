"""Every block of the documentation runs; see `tests/docs/blocks.py` for the comments that say how."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

import lodo_bench
from lodo_bench.training.interrupts import preserve_signal_handlers
from tests.cli.runner import PATIENCE, Place, Result
from tests.docs.blocks import PAGES, ROOT, blocks, starts_empty
from tests.docs.commands import parse
from tests.docs.pending import is_pending
from tests.docs.smaller import ARGUMENTS, smaller_command, smaller_function

FILES = Path(__file__).parent / "files"
# What pages find: studies 1 to 4, and run sets 1 to 8, of which 1 and 3 are of mnist.
RESULTS = (
    "tune lodo adam --task quadratic",
    "tune adam momentum --task rosenbrock",
    "run adam --task mnist",
    "run lodo --task quadratic",
    "run momentum --task mnist",
    "run adam --task quadratic",
    "run adam momentum --task rosenbrock",
    "run adam --task quadratic -p lr=0.1",
    "run adam --task quadratic -p lr=0.3",
)
READERS = {"yaml": yaml.safe_load, "json": json.loads}
DATABASE = "results/lodo-bench.db"


class Page(Place):
    """The directory in which the blocks of a page run."""

    def environment(self, **changes):
        data = os.environ["LODO_BENCH_DATA"]
        return super().environment(**{"LODO_BENCH_DB": DATABASE, "LODO_BENCH_DATA": data, **changes})

    def other(self, words):
        """Another program."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = self.environment(PATH=path, PYTHONPATH=ROOT)
        done = subprocess.run(words, cwd=self.work, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        return Result(done.returncode, done.stdout, done.stderr)

    def command(self, words, place):
        done = self.run_here(*words[1:]) if words[0] == "lodo-bench" else self.other(words)
        assert done.code == 0, f"{place}: {' '.join(words)} ended with {done.code}\n{done.stdout}\n{done.stderr}"

    def python(self, text, place):
        with (
            chdir(self.work),
            patch.dict(os.environ, self.environment(), clear=True),
            patch.object(sys, "path", [str(self.work), *sys.path]),
            patch.dict(sys.modules),
            warnings.catch_warnings(),
            preserve_signal_handlers(),
        ):
            warnings.simplefilter("ignore")  # stand-ins for data sets say what they are
            exec(compile(text, place, "exec"), {"__name__": "block"})

    def write(self, block):
        """Write the file that a block is."""
        READERS.get(block.language, str)(block.text)
        (self.work / block.file).write_text(block.text, "utf-8")

    def block(self, block):
        """Run, parse or compile a block."""
        if block.language == "sh":
            for words in block.commands:
                self.shell(block, words)
        elif block.language == "python" and block.mode != "parse":
            with smaller_functions(block.mode):
                self.python(block.text, block.place)
        elif block.language == "python":
            compile(block.text, block.place, "exec")

    def shell(self, block, words):
        if is_pending(words):
            return
        parse(words)
        if block.mode != "parse":
            self.command(smaller_command(words) if block.mode == "smoke" else words, block.place)


def smaller_functions(mode):
    found = {name: smaller_function(getattr(lodo_bench, name), values) for name, values in ARGUMENTS.items()}
    return patch.dict(vars(lodo_bench), found if mode == "smoke" else {})


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with the results that pages find."""
    page = Page(tmp_path_factory.mktemp("results"))
    for line in RESULTS:
        page.command(smaller_command(["lodo-bench", *line.split()]), "results")
    return page.work / "results"


@pytest.fixture
def page(request, tmp_path, results):
    page = Page(tmp_path)
    for folder in (ROOT / "examples", FILES):
        shutil.copytree(folder, page.work, dirs_exist_ok=True)
    if not starts_empty(request.param):
        shutil.copytree(results, page.work / "results")
    return page, request.param


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem, indirect=True)
def test_the_blocks_of_a_page_run(page, capsys):
    place, file = page
    found = blocks(file)
    for block in found:
        if block.file is not None:
            place.write(block)
    for block in found:
        place.block(block)
