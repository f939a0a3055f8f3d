"""Worker processes start with signals blocked, and do not run the script of the program again."""

import os
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


BLOCKED = """
import multiprocessing, sys, time
from lodo_bench.compute.signals import END_SIGNALS
from lodo_bench.compute.starting import start

process = multiprocessing.get_context(sys.argv[1]).Process(target=time.sleep, args=(30,), daemon=True)
start(process)
with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
    mask = next(int(line.split()[1], 16) for line in file if line.startswith("SigBlk"))
print([number.name for number in END_SIGNALS if mask >> (number - 1) & 1])
process.kill()
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_first_process_that_a_program_starts_has_its_signals_blocked(tmp_path, method):
    """Python starts its tracker of resources with the first one that is not forked, and unblocks them as it does."""
    (tmp_path / "script.py").write_text(BLOCKED)
    done = subprocess.run([sys.executable, tmp_path / "script.py", method], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("['SIGINT', 'SIGTERM']\n", "")
