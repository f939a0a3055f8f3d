"""How the program ends after an interrupt."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Code from a string, as that of a data class, is where the interrupt arrives; it is handled, as by `cli.app.main`.
PROGRAM = """
import atexit, sys
import lodo_bench.__main__ as program
import lodo_bench.cli.app as app

def main():
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(130)

app.main = main
atexit.register(print, "the end")
program.main()
"""


def test_the_exit_code_is_that_of_an_interrupt_wherever_it_arrives(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run([sys.executable, "-m", "program"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout.splitlines()) == (130, ["interrupted", "the end"]), done.stderr
