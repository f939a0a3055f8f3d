"""What was injected and what happened, collected over all tests of this directory: see `make faults`."""

import json
from collections import Counter
from pathlib import Path

import pytest

KEY = "injected"


@pytest.fixture
def kills(request):
    """How often each command is killed."""
    return request.config.getoption("--kills")


@pytest.fixture
def cases(request):
    """How many cases of each kind of input are tried."""
    return request.config.getoption("--cases")


@pytest.fixture
def injected(request, record_property):
    """Notes a fault for the table: `injected(fault, promise, times)`.

    Args:
        fault: what was done to the program, e.g. `SIGKILL of tune at a random moment`. Tests of the same fault and
            promise are one row.
        promise: what must hold then, as the documentation says it.
        times: how often it was done, in this test.
    """

    def injected(fault, promise, times=1):
        path = request.node.nodeid.partition("::")[0]
        record_property(KEY, {"fault": fault, "promise": promise, "times": times, "command": f"pytest {path}"})

    return injected


class Table:
    """Collects what the tests note; a failed test breaks the promise of all that it injected."""

    def __init__(self, path):
        self._path = Path(path)
        self._times, self._broken, self._commands = Counter(), Counter(), {}

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.passed:
            return
        for key, found in report.user_properties:
            if key == KEY and (report.when == "call" or report.failed):
                row = (found["fault"], found["promise"])
                self._times[row] += found["times"] if report.when == "call" else 0
                self._broken[row] += report.failed
                self._commands[row] = found["command"]

    def pytest_sessionfinish(self, session):
        rows = [
            {"fault": row[0], "promise": row[1], "times": times, "broken": self._broken[row], "command": command}
            for (row, times), command in zip(self._times.items(), self._commands.values(), strict=True)
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def pytest_collection_modifyitems(config, items):
    """Leave the long tests to `make faults`, which begins with them, so that its processes end together."""
    if config.getoption("--long"):
        items.sort(key=lambda item: item.get_closest_marker("long") is None)
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: make faults"))


def pytest_configure(config):
    path = config.getoption("--faults-json")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Table(path))
