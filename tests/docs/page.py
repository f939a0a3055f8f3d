"""The directory in which the blocks of a page run."""

import json
import os
import subprocess
import sys
import warnings
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import yaml

import lodo_bench
from lodo_bench.compute.interrupts import preserve_signal_handlers
from tests.cli.runner import PATIENCE, Place, Result
from tests.docs.blocks import ROOT
from tests.docs.commands import parse
from tests.docs.smaller import ARGUMENTS, smaller_command, smaller_function
from tests.short_meta_training import short_epochs

READERS = {"yaml": yaml.safe_load, "json": json.loads}
DATABASE = "results/lodo-bench.db"


class Page(Place):
    """The directory in which the blocks of a page run."""

    def environment(self, **changes):
        """The real data directory, the database where it is by default, and the program on the path."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"LODO_BENCH_DB": DATABASE, "LODO_BENCH_DATA": os.environ["LODO_BENCH_DATA"], "PATH": path}
        return super().environment(**own, PYTHONPATH=ROOT, **changes)

    def run_here(self, *arguments, **environment):
        with short_epochs():
            return super().run_here(*arguments, **environment)

    def other(self, words):
        """Another program."""
        done = subprocess.run(
            words, cwd=self.work, env=self.environment(), capture_output=True, text=True, timeout=PATIENCE
        )
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
            short_epochs(),
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
        parse(words)
        if block.mode != "parse":
            self.command(smaller_command(words) if block.mode == "smoke" else words, block.place)


def smaller_functions(mode):
    found = {name: smaller_function(getattr(lodo_bench, name), values) for name, values in ARGUMENTS.items()}
    return patch.dict(vars(lodo_bench), found if mode == "smoke" else {})
