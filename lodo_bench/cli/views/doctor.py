"""Findings of `lodo-bench doctor`.

Nothing is imported here or by the checks' modules that may be broken: a check imports it where it reports the failure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from lodo_bench.cli.output import print_json
from lodo_bench.doctor.checks import Diagnosis
from lodo_bench.doctor.finding import Finding, State

_STYLES: dict[State, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_WIDTH = max(map(len, _STYLES))


def print_diagnoses(diagnoses: Iterable[Diagnosis], json: bool) -> None:
    """Print each finding with its remedy, as the checks end, and the number of problems.

    Raises:
        typer.Exit: with exit code 3, if there is a problem.
    """
    found = []
    for diagnosis in diagnoses:
        found.append(diagnosis)
        if not json:
            _print(diagnosis)
    states = [finding.state for diagnosis in found for finding in diagnosis.findings]
    problems, warnings = states.count("problem"), states.count("warning")
    if json:
        findings = [{"topic": each.topic, **asdict(finding)} for each in found for finding in each.findings]
        print_json({"problems": problems, "warnings": warnings, "findings": findings})
    else:
        print(f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}.")
    if problems:
        raise typer.Exit(3)


def _print(diagnosis: Diagnosis) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(diagnosis.topic, style="bold"))
    for finding in diagnosis.findings:
        console.print(_line(finding))
        if finding.state != "ok":
            console.print(Text(f"  {'':{_WIDTH}}  remedy: {finding.remedy}"))
    console.print()


def _line(finding: Finding) -> Text:
    text = Text("  ")
    text.append(f"{finding.state:{_WIDTH}}", style=_STYLES[finding.state])
    return text.append(f"  {finding.text}")
