"""The sentence of an interrupted command about what is stored."""

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.views.progress import TerminalReporter
from tests.builders import run_set_spec


def test_runs_of_other_processes_count(capsys):
    kept = Kept()
    reporter = TerminalReporter(kept)
    spec = run_set_spec()
    reporter.stored(spec, 5)
    reporter.stored(spec, 1)
    assert kept.sentence() == f"6 finished runs of {spec.optimizer.label} are stored."
    assert f"{spec.optimizer.label} on {spec.task.label}: 5 runs done." in capsys.readouterr().err
