"""Tables that any markdown reader takes for tables, and the text of a whole report."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.statistics import Summary
from lodo_bench.report.formatting import NOTHING, hyperparameter_list, mean_and_spread, number
from lodo_bench.report.markdown import render, table
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.training import LossBound, TaskSpec
from tests.builders import MACHINE, OTHER_MACHINE, at_seconds, at_steps, examples, provenance, run, run_set, with_bound

NAN, INF = math.nan, math.inf
ROSENBROCK = TaskSpec("rosenbrock")
WARNING = "**Steps/s were measured on different machines: only values with the same letter are comparable.**"
WORDS = st.text(st.characters(categories=["L", "N"], max_codepoint=0x4FF) | st.sampled_from("±–=-+*σ"), min_size=2)


def parsed(text):
    """The cells of a markdown table, read as GitHub does: cut at each | that has no \\ before it."""
    lines = text.split("\n")
    assert all(line.startswith("| ") and line.endswith(" |") for line in lines)
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])] for line in lines]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert all(re.fullmatch(":?-+:?", cell) for cell in rows[1])
    return rows


def render_sets(*run_sets, bound=None):
    (comparison,) = compare(with_bound(run_sets, bound))
    return render(comparison)


def main_table(text):
    """The header of a report's table, and its other rows by their first cells."""
    header, _, *rows = parsed(text.split("\n\n")[1])
    assert len({row[0] for row in rows}) == len(rows)
    return header, {row[0]: row for row in rows}


def column(text, name):
    header, rows = main_table(text)
    return {optimizer: row[header.index(name)] for optimizer, row in rows.items()}


def footer(text):
    lines = text.rstrip("\n").split("\n\n")[-1].split("\n")
    assert all(line.startswith("- ") for line in lines)
    return [line[2:] for line in lines]


@examples
@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1)))
def test_a_table_has_aligned_columns_and_all_cells(lines):
    text = table(lines[0], lines[1:])
    header, _, *rows = parsed(text)
    assert [header, *rows] == lines
    assert len({len(line) for line in text.split("\n")}) == 1


def test_the_first_columns_are_to_the_left_and_the_others_to_the_right():
    assert table(["name", "left", "right"], [["a", "b", "1"], ["longer", "word", "1.25 ± 3"]], left=2) == (
        "| name   | left |    right |\n"
        "| ------ | ---- | -------: |\n"
        "| a      | b    |        1 |\n"
        "| longer | word | 1.25 ± 3 |"
    )


def test_a_table_without_rows_is_its_header():
    assert table(["name", "loss"], []) == "| name | loss |\n| ---- | ---: |"


def test_a_pipe_in_a_cell_does_not_end_it():
    header, _, row = parsed(table(["name", "from"], [["adam", "given (a|b)"]]))
    assert (header, row) == (["name", "from"], ["adam", r"given (a\|b)"])


@pytest.mark.parametrize("text", ["a|b", r"a\|b", r"a\\|b", "||", "\\|", "a\\"])
def test_a_backslash_before_a_pipe_does_not_end_its_cell(text):
    shown = MarkdownIt().enable("table").render(table(["name"], [[text], ["next"]]))
    assert re.findall(r"<td>(.*)</td>", shown) == [text, "next"]


def test_a_narrow_column_is_one_of_a_table():
    parsed(table(["name", "n"], [["adam", "8"]]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        (NAN, NOTHING),
        (INF, "inf"),
        (0.0, "0"),
        (7.414213, "7.414"),
        (5.342e-5, "5.342e-05"),
        (-1234.56, "-1235"),
        (123456.0, "123500"),
        (1234567.0, "1.235e+06"),
    ],
)
def test_numbers_have_four_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (None, NOTHING),
        (Summary(NAN, NAN, 0, 3), NOTHING),
        (Summary(16.8312, NAN, 1, 2), "16.83"),
        (Summary(16.8312, 0.1234, 3, 0), "16.83 ± 0.12"),
        (Summary(2.0, 0.0, 3, 0), "2 ± 0"),
        (Summary(1.04e-3, 2.14e-5, 8, 0), "0.00104 ± 0.00002"),
    ],
)
def test_a_mean_has_its_spread(summary, text):
    assert mean_and_spread(summary) == text


@pytest.mark.parametrize(
    ("milestone", "title"),
    [
        (at_steps(200), "200 steps"),
        (at_steps(20000), "20,000 steps"),
        (at_steps(1000000), "1,000,000 steps"),
        (at_seconds(300), "300 s"),
        (at_seconds(0.5), "0.5 s"),
        (at_seconds(50000), "50,000 s"),
    ],
)
def test_milestones_are_titles(milestone, title):
    assert milestone.title == title


def test_hyperparameters_are_listed_in_their_order():
    values = {"meta_learning_rate": 0.0009600, "beta2": 0.9999723, "learning_rate": 2.0}
    assert hyperparameter_list(values) == "meta_learning_rate = 0.00096, beta2 = 0.999972, learning_rate = 2"


def test_a_value_at_the_edge_of_its_range_is_noted():
    values = {"lr": 1e-05, "beta1": 0.9}
    assert hyperparameter_list(values, {"lr": (1e-05, 1.0)}) == (
        "lr = 1e-05 (at the edge of its range 1e-05 to 1: widen it with a space file), beta1 = 0.9"
    )


def test_hyperparameters_say_where_they_are_from():
    assert Hyperparameters({}, "tuned", "", 3).label == "tuned (study 3)"
    assert Hyperparameters({}, "tuned", "rate × 0.5", 3).label == "tuned (study 3, rate × 0.5)"
    assert Hyperparameters({}, "default", "").label == "default"


def test_the_rows_are_in_order_beneath_the_bound():
    sets = [run_set(run(0, loss), optimizer=name) for name, loss in (("a", 3.0), ("b", 1.0), ("c", 2.0))]
    text = render_sets(*sets, bound=LossBound("Newton", 7.41421))
    losses = {"*Newton (bound)*": "7.414", "b": "1 ?", "c": "2 ?", "a": "3 ?"}
    assert column(text, "loss at 200 steps") == losses
    assert list(main_table(text)[1]) == ["*Newton (bound)*", "b", "c", "a"]
    assert set(main_table(text)[1]["*Newton (bound)*"][1:]) == {"7.414", NOTHING}


def test_without_a_bound_there_is_no_row_of_it():
    assert "bound" not in render_sets(run_set(run()))


def test_the_columns_are_the_milestones_and_what_is_said_of_them():
    record = run(milestones={at_seconds(30): 1.0, at_steps(1000): 1.0, at_steps(200): 1.0})
    header, _ = main_table(render_sets(run_set(record, task=ROSENBROCK)))
    assert header == [
        "optimizer",
        "hyperparameters",
        "runs",
        "loss at 200 steps",
        "diverged",
        "published",
        "loss at 1,000 steps",
        "diverged",
        "loss at 30 s",
        "diverged",
        "steps/s",
    ]


def test_published_values_stand_beside_the_losses():
    sets = [run_set(run(), task=ROSENBROCK, optimizer=name) for name in ("adam", "lodo", "mine")]
    text = render_sets(*sets, bound=LossBound("Nothing", 0.0))
    assert column(text, "published") == {
        "*Nothing (bound)*": NOTHING,
        "adam": "5.342e-05",
        "lodo": "0.00104 ± 0.00002",
        "mine": NOTHING,
    }


@pytest.mark.parametrize(
    "changes",
    [{"task": TaskSpec("quadratic")}, {"task": TaskSpec("rosenbrock", {"scale": 2.0})}, {"optimizer": "mine"}],
    ids=str,
)
def test_without_published_values_there_is_no_column_of_them(changes):
    assert "published" not in render_sets(run_set(run(), **{"task": ROSENBROCK, **changes}))


def test_diverged_runs_are_counted_and_not_averaged():
    losses = [1.0, NAN, 3.0, INF]
    some = run_set(*(run(seed, loss, status=Status.DIVERGED) for seed, loss in enumerate(losses)), optimizer="some")
    all_of_them = run_set(run(0, NAN, status=Status.DIVERGED), optimizer="all")
    text = render_sets(some, all_of_them, run_set(run(), optimizer="none"))
    assert column(text, "diverged") == {"none": "0 of 1", "some": "2 of 4", "all": "1 of 1"}
    losses = {"none": "1 ?", "some": "2 ± 1 ?", "all": f"{NOTHING} ?"}
    assert column(text, "loss at 200 steps") == losses


def test_what_is_missing_is_a_dash():
    long = run_set(run(milestones={at_steps(1000): 1.0}), optimizer="long")
    short = run_set(run(milestones={at_steps(200): 1.0}, training_seconds=None), optimizer="short", timed=False)
    header, rows = main_table(render_sets(long, short))
    assert header[3:] == ["loss at 200 steps", "diverged", "loss at 1,000 steps", "diverged", "steps/s"]
    assert rows["short"][3:] == ["1", "0 of 1", NOTHING, NOTHING, NOTHING]
    assert rows["long"][3:] == [NOTHING, NOTHING, "1", "0 of 1", "100"]


def test_speed_has_its_spread():
    runs = [run(0, steps=1_000_000, training_seconds=50.0), run(1, steps=1_000_000, training_seconds=40.0)]
    assert column(render_sets(run_set(*runs)), "steps/s") == {"adam": "22,500 ± 3,500"}


def test_one_machine_has_no_letter():
    text = render_sets(run_set(run()), run_set(run(), optimizer="lodo"))
    assert column(text, "steps/s") == {"adam": "100", "lodo": "100"}
    assert "Machine: Some CPU @ 2.00GHz, 4 cores, 2 threads used by PyTorch." in footer(text)
    assert WARNING not in text


def test_several_machines_have_letters_and_a_warning():
    there = provenance(machine=OTHER_MACHINE)
    text = render_sets(
        run_set(run(0, 1.0), run(1, 1.0), provenances=(provenance(), there)),
        run_set(run(0, 2.0), optimizer="lodo", provenances=(there,)),
        run_set(run(0, 3.0, training_seconds=None), optimizer="yogi", timed=False),
    )
    assert column(text, "steps/s") == {"adam": "100 ± 0 [a, b]", "lodo": "100 [b]", "yogi": NOTHING}
    lines = footer(text)
    start = lines.index(WARNING)
    assert lines[start + 1 : start + 3] == [
        "Machine a: Some CPU @ 2.00GHz, 4 cores, 2 threads used by PyTorch.",
        "Machine b: Some GPU, Other CPU, 16 cores, 8 threads used by PyTorch.",
    ]


def test_there_are_letters_for_any_number_of_machines():
    runs = [run(seed) for seed in range(28)]
    provenances = tuple(provenance(machine=replace(MACHINE, threads=seed + 1)) for seed in range(28))
    speed = column(render_sets(run_set(*runs, provenances=provenances)), "steps/s")["adam"]
    letters = speed.partition("[")[2].rstrip("]").split(", ")
    assert letters == [*"abcdefghijklmnopqrstuvwxyz", "m27", "m28"]


def test_untimed_runs_name_no_machine():
    assert "Machine" not in render_sets(run_set(run(training_seconds=None), timed=False))


def test_runs_without_a_score_are_counted():
    text = render_sets(
        run_set(run(0), run(1, status=Status.FAILED), run(2, status=Status.INTERRUPTED)),
        run_set(run(0), optimizer="lodo"),
        run_set(run(0, status=Status.FAILED, milestones={}), optimizer="yogi"),
    )
    assert "Interrupted or failed runs, without a score: adam 2, yogi 1." in footer(text)
    assert column(text, "diverged") == {"adam": "0 of 1", "lodo": "0 of 1", "yogi": NOTHING}
    assert "without a score" not in render_sets(run_set(run(0)))


def test_a_report_without_any_score_can_be_read():
    text = render_sets(run_set(run(0, status=Status.FAILED, milestones={})), bound=LossBound("Newton", 7.0))
    assert main_table(text)[0] == ["optimizer", "hyperparameters", "runs"]  # no speed either


def test_device_and_precision_are_named_where_they_differ():
    sets = [run_set(run(0, 1.0)), run_set(run(0, 2.0), dtype="float32"), run_set(run(0, 3.0), device="cuda")]
    text = render_sets(*sets)
    assert list(main_table(text)[1]) == [
        "adam (cpu, float64, torch)",
        "adam (cpu, float32, torch)",
        "adam (cuda, float64, torch)",
    ]
    assert "- adam (cuda, float64, torch), tuned (study 1): learning_rate = 0.1" in text
    assert "float64" not in render_sets(*sets[:1])


def test_every_row_has_its_hyperparameters():
    text = render_sets(
        run_set(run(0, 1.0)), run_set(run(0, 2.0), values={"eta": 2.0}, source="default", provenance_note="")
    )
    assert text.split("\n\n")[5:7] == [
        "Hyperparameters:",
        "- adam, tuned (study 1): learning_rate = 0.1, beta1 = 0.5\n- adam, default: eta = 2",
    ]


def test_the_footer_explains_the_columns():
    loss, speed, *_ = footer(render_sets(run_set(run())))
    assert "last tenth of the steps before the milestone" in loss
    assert "sample standard deviation" in loss
    assert speed.startswith("Steps/s: gradient steps")


def test_each_set_of_versions_is_named_once():
    plain = provenance(versions={"python": "3.11.7", "torch": "2.4.0"})
    committed = replace(plain, commit="0123456789abcdef0123456789abcdef01234567")
    dirty = replace(plain, commit=committed.commit + "-dirty")
    provenances = (plain, committed, replace(plain, host="there"), dirty, committed)
    text = render_sets(run_set(*(run(seed) for seed in range(5)), provenances=provenances))
    versions = "python 3.11.7, torch 2.4.0"
    assert footer(text)[-1] == (
        f"Versions: {versions}; {versions}, commit 0123456789ab; {versions}, commit 0123456789ab-dirty."
    )


GOLDEN = """\
## quadratic (noise_variance=4)

| optimizer        | hyperparameters | runs    | loss at 1,000 steps | ratio to best | diverged | loss at 2.5 s | diverged |         steps/s |
| ---------------- | --------------- | ------- | ------------------: | ------------: | -------: | ------------: | -------: | --------------: |
| *Newton (bound)* | –               | –       |               29.66 |             – |        – |         29.66 |        – |               – |
| lodo             | tuned           | 3 seeds |            32 ± 1 ? |             – |   0 of 3 |    31.0 ± 0.7 |   1 of 3 | 1,500 ± 710 [a] |
| adam             | paper           | 1 seed  |              40.5 ? |          1.3× |   0 of 1 |             – |        – |       2,000 [b] |

- Loss at 1,000 steps: these runs cannot tell which optimizer is the best. lodo has the best mean 32. Too few or too \
noisy runs to tell: adam (1.3×, p = 0.5).
- lodo: tuned by one search, so verdicts hold for these hyperparameters only. Another search may find others: \
'lodo-bench tune --seeds 5' repeats the search, and 'lodo-bench run' then covers all of them.

Cost:

| optimizer | final run time | final run steps |
| --------- | -------------: | --------------: |
| lodo      |          2.5 s |           3,750 |
| adam      |          0.5 s |           1,000 |

Hyperparameters:

- lodo, tuned (study 7): meta_learning_rate = 0.00096, momentum = 0.195
- adam, paper (Table 6): learning_rate = 1.164, beta1 = 0.465, beta2 = 0.9884

- Loss: mean training loss over the last tenth of the steps before the milestone; mean ± sample standard deviation \
over the seeds, excluding diverged runs.
- Steps/s: gradient steps on fresh batches per second of training time, which excludes evaluation.
- ?: these runs cannot tell.
- Worse (no mark): others are better according to one-sided exact tests, Wilcoxon's signed-rank test, paired by seed \
(n = 1), with Simes' correction for 1 other, at level 0.05. Diverged runs rank last. p is the probability of results \
at least as extreme if no other optimizer were better.
- Ratios and differences: Hodges-Lehmann estimates with 95 % intervals by the same tests, each by itself; runs of \
equal seeds are paired.
- **Steps/s were measured on different machines: only values with the same letter are comparable.**
- Machine a: Some CPU @ 2.00GHz, 4 cores, 2 threads used by PyTorch.
- Machine b: Some GPU, Other CPU, 16 cores, 8 threads used by PyTorch.
- Interrupted or failed runs, without a score: adam 1.
- Versions: python 3.11.7, lodo-bench 0.1.0, commit 0123456789ab; python 3.11.7, lodo-bench 0.1.0.
"""  # noqa: E501


def test_a_whole_report():
    settings = {"task": TaskSpec("quadratic", {"noise_variance": 4.0}), "steps": 1000}
    there = provenance(machine=OTHER_MACHINE, commit="0123456789abcdef0123456789abcdef01234567")
    adam = run_set(
        run(0, milestones={at_steps(1000): 40.5}, steps=1000, training_seconds=0.5),
        run(1, milestones={}, status=Status.FAILED, reason="RuntimeError: out of memory"),
        values={"learning_rate": 1.164, "beta1": 0.465, "beta2": 0.9884},
        source="paper",
        provenance_note="Table 6",
        provenances=(there, there),
        **settings,
    )
    lodo = run_set(
        run(0, milestones={at_steps(1000): 31.0, at_seconds(2.5): 30.5}, steps=5000, training_seconds=2.5),
        run(1, milestones={at_steps(1000): 32.0, at_seconds(2.5): NAN}, status=Status.DIVERGED),
        run(2, milestones={at_steps(1000): 33.0, at_seconds(2.5): 31.5}, steps=2500, training_seconds=2.5),
        optimizer="lodo",
        values={"meta_learning_rate": 0.00096, "momentum": 0.195},
        study_id=7,
        seconds=2.5,
        **settings,
    )
    assert render_sets(adam, lodo, bound=LossBound("Newton", 29.656)) == GOLDEN


def test_a_label_that_tells_the_source_is_not_followed_by_it():
    text = render_sets(run_set(run(0, 1.0)), run_set(run(0, 2.0), source="paper", provenance_note="Table 6"))
    assert "- adam, tuned (study 1): learning_rate" in text
    assert "- adam, paper (Table 6): learning_rate" in text
