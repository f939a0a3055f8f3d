"""Workers whose memory is limited: forks, in which memory is left if their parent has run other tests."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")

CASES = Path(__file__).with_name("worker_memory_cases.py")
FAULT = "a limit on the memory of worker processes"
TOLD = "what was needed is said"
SAME = "individuals are trained one by one, with the same results"


@pytest.mark.parametrize(
    ("case", "promise"),
    [
        ("test_memory_for_one_individual_at_a_time[LargeTensors]", SAME),
        pytest.param("test_memory_for_one_individual_at_a_time[LargeArrays]", SAME, marks=pytest.mark.long),
        ("test_memory_for_no_individual[LargeTensors]", TOLD),
        pytest.param("test_memory_for_no_individual[LargeArrays]", TOLD, marks=pytest.mark.long),
        ("test_memory_for_no_worker[0]", TOLD),
        pytest.param("test_memory_for_no_worker[1048576]", TOLD, marks=pytest.mark.long),
    ],
)
def test_in_a_process_of_its_own(case, promise, injected):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{CASES}::{case}"]
    done = subprocess.run(command, cwd=CASES.parents[2], capture_output=True, text=True)
    injected(FAULT, promise)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
