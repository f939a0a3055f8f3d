"""Results and plans of experiments."""

from __future__ import annotations

from dataclasses import asdict

import typer

from lodo_bench.api.reproduce import Estimate
from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.cli.views.table import show_table
from lodo_bench.experiments.outputs.comparison import comparisons
from lodo_bench.experiments.reproduce import Reproduction
from lodo_bench.report.formatting import duration
from lodo_bench.report.json import document


def print_estimate(estimate: Estimate, json: bool) -> None:
    """Print the missing work of an experiment and its expected duration."""
    experiment, execution = estimate.plan.experiment, estimate.plan.execution
    if json:
        items = [asdict(item) for item in estimate.items]
        names = {"experiment": experiment.name, "scale": experiment.scale}
        print_json({**names, "missing": items, "seconds": estimate.seconds})
        return
    rows = [
        [item.phase, item.label, item.amount, "?" if item.basis == "unknown" else duration(item.seconds), item.basis]
        for item in estimate.items
    ]
    if rows:
        show_table(["phase", "optimizer and task", "amount", "duration", "speed"], rows, left=3)
    about = f"about {duration(estimate.seconds)}, {execution.num_processes} at a time" if rows else "nothing to compute"
    echo_err(f"{experiment.title}, scale {experiment.scale}: {about}.")


def print_reproduction(done: Reproduction, json: bool) -> None:
    """Print the page of an experiment.

    Raises:
        typer.Exit: with exit code 3, if runs failed.
    """
    result = done.result
    if json:
        print_json(
            {
                "experiment": result.experiment.name,
                "scale": result.experiment.scale,
                "files": [str(path) for path in done.files],
                "studies": [study.id for study in result.studies],
                "run_sets": [record.id for record in result.run_sets],
                **document(((found, None) for found in comparisons(result)), result.store.damaged),
            }
        )
    else:
        print(done.files[0].read_text("utf-8"), end="")
        echo_err(f"Wrote {', '.join(str(path) for path in done.files)}.")
    if failures := result.failures():
        echo_err(f"Some runs failed: {'; '.join(failures)}")
        raise typer.Exit(3)
