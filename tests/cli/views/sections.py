"""A report section with all that is hard to show, and a program that prints it as the report does."""

import sys

from lodo_bench.cli.encoding import keep_writable
from lodo_bench.cli.views.report import print_sections
from lodo_bench.report.prose import Footnote
from lodo_bench.report.section import ColumnHead, ReportSection, Table, TableCell, TableRow

LONG_NAME = "lodo (layers=8, schedule=cosine, warmup=0.05)"
NAMES = ("Newton (bound)", "lodo", LONG_NAME, "adam", "momentum")
LOSSES = ("7.412", "9.81 ± 0.15", "9.95 ± 0.21", "4500 ± 760", "1.2e-08 ± 3e-09")
SPEEDS = ("–", "17,770 ± 900 [a]", "5,260 ± 670 [b]", "148,700 ± 16,100 [a]", "192,800 ± 3,100 [a]")
TARGETS = ("–", "5,120 ± 80", "not reached (4 of 4)", "5,120 ± 80, not reached (3 of 8)", "199 ± 0")
MARKS = ("", "best", "tied", "", "undecided")
VERDICT = (
    "Loss at 20,000 steps: lodo has the best mean, 9.81 (95 % confidence interval 9.70 to 9.94). "
    "Significantly worse: adam +54 % (p = 0.0039)."
)


def _row(index):
    cells = [
        TableCell(NAMES[index]),
        TableCell(LOSSES[index], mark=MARKS[index]),
        TableCell("–"),
        TableCell(TARGETS[index]),
        TableCell(SPEEDS[index]),
    ]
    return TableRow(tuple(cells), is_bound=index == 0)


def section():
    titles = ("optimizer", "loss at 20,000 steps", "published", "steps to loss ≤ 10", "steps/s")
    heads = tuple(ColumnHead(title, numeric=title != "optimizer") for title in titles)
    return ReportSection(
        title="quadratic (noise_variance=4)",
        table=Table(heads, tuple(map(_row, range(len(NAMES))))),
        verdicts=(VERDICT,),
        costs=None,
        hyperparameters=("lodo, tuned (study 1): meta_learning_rate = 0.000820964, momentum = 0.145847",),
        footnotes=(
            Footnote("Different machines: only values with the same letter are comparable.", warning=True),
            Footnote("Versions: python 3.11.7, torch 2.13.0+cpu, numpy 2.4.6, σ² = 1 × 10."),
        ),
    )


if __name__ == "__main__":
    keep_writable(sys.stdout)
    print_sections([section()])
