"""Worker processes do not run the script of the program again."""

import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing, sys
from lodo_bench.compute.starting import start

print("script", flush=True)
process = multiprocessing.get_context(sys.argv[1]).Process(target=print, args=("worker",))
start(process)
process.join()
print(process.exitcode, __name__, sys.modules["__main__"].__file__ == __file__)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_script_needs_no_main_guard(tmp_path, method):
    if sys.platform == "win32" and method == "forkserver":
        pytest.skip("not on Windows")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, tmp_path / "script.py", method], capture_output=True, text=True, timeout=60)
    assert (done.stdout.split("\n"), done.stderr) == (["script", "worker", "0 __main__ True", ""], "")
