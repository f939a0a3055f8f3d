"""The page is whole, needs nothing else, and nothing in a database can break out of its text."""

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.charts.groups import result_groups
from lodo_bench.report.html.page import TaskReport, about_text, embedded, render
from lodo_bench.report.section import build_section
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec, Tuned
from tests.builders import generation, individual, provenance, run, run_set, study_spec, with_bound

NAN, INF = math.nan, math.inf
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
VOID = {"meta", "link", "img", "br", "input"}


class Curves:
    """Curves that are all the same."""

    def __init__(self, losses=(3.0, 2.0, 1.0), metrics=None):
        self._losses, self._metrics = np.array(losses, dtype=float), metrics or {}

    def curves(self, run_set, seeds):
        clock = np.array([0, len(self._losses)]), np.array([0.0, 2.0])
        return dict.fromkeys(seeds, Curve(self._losses, *clock, self._metrics))

    def metrics(self, run_set):
        return dict.fromkeys(range(10), self._metrics)


class Page(HTMLParser):
    """The elements of a page, and that they are properly nested."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.text, self.open, self.elements, self.contents = text, [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        name, _ = self.open.pop()
        assert name == tag

    def handle_data(self, data):
        for _, index in self.open:
            self.contents[index] = self.contents.get(index, "") + data

    def all(self, tag, **attributes):
        """(attributes, text) of the elements of a tag that have these attributes."""
        return [
            (found, self.contents.get(index, ""))
            for index, (name, found) in enumerate(self.elements)
            if name == tag and attributes.items() <= found.items()
        ]

    @property
    def data(self):
        ((_, text),) = self.all("script", type="application/json")
        return json.loads(text, parse_constant=pytest.fail)


def study(*individuals, spec=None, **mean):
    values = mean or {"learning_rate": 0.1, "beta1": 0.5}
    members = individuals or (individual(0), individual(1, fitness=INF, status=Status.DIVERGED))
    return StudyRecord(4, spec or study_spec(), Tuned(values), (generation(0, mean=values),), members)


def kinds_of(_study):
    return {"learning_rate": "rate", "beta1": "decay", EVIL: "rate"}


def task(*run_sets, studies=(), bound=None):
    sections = [build_section(comparison) for comparison in compare(with_bound(run_sets, bound))]
    title = run_sets[0].spec.task.label if run_sets else "quadratic"
    groups = result_groups(run_sets)
    section, drawn = sections[0] if sections else None, [each for each in studies if each.summary.searched]
    return TaskReport(title, section, groups, (groups, ""), bound, len(studies), lambda: drawn, "", kinds_of)


def page(*tasks, curves=None):
    return Page(render(tasks, curves or Curves(), "Created today."))


def ordinary(**changes):
    sets = [
        run_set(run(0, 1.0), run(1, 2.0), **changes),
        run_set(run(0, 3.0), run(1, NAN, status=Status.DIVERGED, reason="loss nan"), optimizer="lodo", **changes),
    ]
    return task(*sets, studies=[study()], bound=LossBound("Newton", 0.5))


def test_every_task_is_a_section_that_the_contents_lead_to():
    found = page(ordinary(), ordinary(task=TaskSpec("rosenbrock")))
    assert [text for _, text in found.all("h2")] == ["quadratic", "rosenbrock"]
    links = [attributes["href"] for attributes, _ in found.all("a")]
    assert links == [f"#{attributes['id']}" for attributes, _ in found.all("section")]


def test_one_task_needs_no_contents():
    assert page(ordinary()).all("nav") == []


def test_the_table_says_what_the_comparison_says():
    found = page(ordinary())
    table = re.search("<table.*?</table>", found.text, re.DOTALL)[0]
    rows = [[cell for _, cell in Page(row).all("td")] for row in re.findall("<tr.*?</tr>", table, re.DOTALL)]
    names = [text for _, text in Page(table).all("th", scope="row")]
    assert names == ["Newton (bound)", "adam", "lodo"]
    assert [row[2] for row in rows[1:]] == ["0.5", "1.5 ± 0.7 ?", "3 ?"]
    assert {"aria-sort": "none"}.items() <= Page(table).all("th", scope="col")[0][0].items()
    assert len(Page(table).all("button")) == len(Page(table).all("th", scope="col"))


def test_cells_are_sorted_by_their_full_values():
    values = [attributes.get("data-value") for attributes, text in page(ordinary()).all("td") if text == "1.5 ± 0.7 ?"]
    assert values == ["1.5"]


def test_what_is_no_number_is_sorted_last():
    sets = [run_set(run(0, NAN, status=Status.DIVERGED)), run_set(run(0, 1.0), optimizer="lodo")]
    found = page(task(*sets))
    assert "" in [attributes.get("data-value") for attributes, text in found.all("td") if text == "–"]
    assert "nan" not in [attributes.get("data-value") for attributes, _ in found.all("td")]


def test_the_pictures_are_in_the_order_of_their_places():
    metric = {"hessian_error": MetricHistory(np.array([100, 200]), np.array([0.9, 0.8]))}
    found = page(ordinary(), curves=Curves(metrics=metric))
    titles = [
        "Training loss by steps",
        "Training loss by time",
        "Loss − bound by steps",
        "Loss − bound by time",
        "Hessian error by steps",
    ]
    assert [text for _, text in found.all("figcaption")] == titles
    (content,) = found.data["tasks"]
    assert [chart["title"] for chart in content["charts"]] == titles
    assert content["charts"][0]["bound"] == {"name": "Newton", "loss": 0.5}
    assert content["charts"][4]["bound"] is None
    rows = [chart["row"] for chart in content["charts"]]
    assert rows[0] == rows[1] != rows[2] == rows[3] != rows[4]


def test_every_picture_says_its_statistic_and_its_number_of_seeds():
    found = page(ordinary())
    captions = [text for _, text in found.all("p", **{"class": "caption"})]
    assert captions[0].startswith("Line: median over 2 seeds. Band: lowest to highest.")
    assert "Loss minus the bound (Newton, 0.5)" in captions[2]
    assert captions[-1] == "2 individuals, each trained once; search seed 0."
    assert [chart["caption"] for chart in found.data["tasks"][0]["charts"]] == captions[:-1]


def test_a_picture_that_would_be_empty_is_a_sentence():
    broken = run_set(run(0, NAN, status=Status.DIVERGED, steps=1))
    found = page(task(broken), curves=Curves([NAN]))
    assert found.data["tasks"][0]["charts"] == []
    ((_, sentence),) = found.all("p", **{"class": "left-out"})
    assert sentence.startswith("A chart is left out: no run on quadratic has a finite loss to draw")
    assert found.all("figure") == []


def test_a_fitness_that_would_compress_the_others_is_above_the_axis():
    members = [individual(index, fitness=value) for index, value in enumerate([1.0, 2.0, 3.0, 1e9])]
    (search,) = page(task(studies=[study(*members)])).data["tasks"][0]["searches"]
    assert search["ceiling"] == 3
    assert search["caption"].endswith("1 of them is above the fitness axis (▲): up to 1e+09.")


def test_a_line_has_its_numbers():
    first = page(ordinary()).data["tasks"][0]["charts"][0]["lines"][0]
    assert (first["label"], first["x"], first["middle"], first["runs"]) == ("adam", [1, 2, 3], [3, 2, 1], 2)
    assert first["style"]["dash"] == "solid"


def test_diverged_runs_are_marked_where_they_diverged():
    broken = run_set(run(0, NAN, status=Status.DIVERGED, steps=3))
    (line,) = page(task(broken), curves=Curves([1.0, 2.0, INF])).data["tasks"][0]["charts"][0]["lines"]
    assert line["ends"] == [[3, 2]]
    assert line["x"] == [1, 2]


class Unlike(Curves):
    """Curves of which that of the second run set grows beyond bounds."""

    def curves(self, run_set, seeds):
        return Curves([10.0, 1e3, 5.67e5] if run_set == 2 else [10.0, 30.0, 7.0]).curves(run_set, seeds)


def beyond_bounds():
    return task(run_set(run(0)), run_set(run(0), optimizer="bfgs", id=2))


def test_what_leaves_a_picture_is_told():
    chart = page(beyond_bounds(), curves=Unlike()).data["tasks"][0]["charts"][0]
    assert chart["ceiling"] == 30
    assert [line["clipped"] for line in chart["lines"]] == [None, "bfgs is clipped at the top: up to 5.7e+05"]
    assert page(ordinary()).data["tasks"][0]["charts"][0]["ceiling"] is None


def test_untimed_runs_have_no_picture_by_time():
    found = page(task(run_set(run(0, training_seconds=None), timed=False)))
    assert [text for _, text in found.all("figcaption")] == ["Training loss by steps"]


def test_long_curves_are_thinned():
    found = page(ordinary(), curves=Curves(np.linspace(5, 1, 50_000)))
    lines = [line for chart in found.data["tasks"][0]["charts"] for line in chart["lines"]]
    assert max(len(line["x"]) for line in lines) <= 400
    assert len(found.text) < 200_000


def test_a_search_has_its_heading_and_its_individuals():
    found = page(ordinary())
    headings = [text for _, text in found.all("summary")]
    assert headings[0] == (
        "adam study 4; schedule paper; seed 0; finished; 1 generation, 2 individuals; 1 diverged; "
        "learning_rate = 0.1, beta1 = 0.5"
    )
    (search,) = found.data["tasks"][0]["searches"]
    assert [panel["scale"] for panel in search["panels"]] == ["log", "logit"]
    assert [one["fitness"] for one in search["individuals"]] == [1.5, None]
    assert search["individuals"][1]["status"] == "diverged"


def test_a_task_with_searches_only_is_shown():
    found = page(task(studies=[study()]))
    assert "There are no final runs yet." in found.text
    assert found.all("table") == []
    assert len(found.all("details")) == 1


def test_a_search_that_has_not_begun_is_left_out():
    empty = StudyRecord(4, study_spec(), None, (), ())
    assert page(task(studies=[empty])).data["tasks"][0]["searches"] == []


def test_every_run_tells_where_it_comes_from():
    there = provenance(command="lodo-bench run --optimizer adam --seeds 9", host="there", commit="0123456789abcdef")
    runs = [run(0), run(1, status=Status.FAILED, reason="RuntimeError: out of memory", milestones={})]
    found = page(task(run_set(*runs, provenances=(provenance(), there))))
    ((_, text),) = found.all("details")
    assert "adam 2 runs, 1 failed; seeds 0 to 1; 2 commands" in " ".join(text.split())
    assert "failed (RuntimeError: out of memory)" in text
    assert "lodo-bench run --optimizer adam --seeds 9" in text
    assert "on there" in text and "commit 0123456789ab" in text


def evil_page():
    sets = [
        run_set(
            run(0, status=Status.DIVERGED, reason=EVIL),
            optimizer=OptimizerSpec(EVIL, {EVIL: EVIL}),
            values={EVIL: 1.0},
            provenance_note=EVIL,
            task=TaskSpec(EVIL, {EVIL: EVIL}),
            provenances=(provenance(command=EVIL, versions={EVIL: EVIL}, host=EVIL, started=EVIL),),
        )
    ]
    spec = study_spec(optimizer=OptimizerSpec(EVIL))
    searched = study(individual(0, hyperparameters={EVIL: 1.0}), spec=spec, **{EVIL: 1.0})
    metrics = {EVIL: MetricHistory(np.array([1]), np.array([1.0]))}
    return page(task(*sets, studies=[searched], bound=LossBound(EVIL, 1.0)), curves=Curves(metrics=metrics))


def test_no_text_becomes_markup():
    found = evil_page()
    assert found.all("img") == []
    assert [attributes for attributes, _ in found.all("script")] == [{"type": "application/json", "id": "data"}, {}]
    assert "alert" not in found.all("script")[1][1]
    assert not [a for _, attributes in found.elements for a in attributes if a.startswith("on")]
    assert EVIL in found.all("h2")[0][1]
    assert found.data["tasks"][0]["charts"][0]["lines"][0]["label"].startswith(EVIL)


@pytest.mark.parametrize("text", [EVIL, "<!--", "\u2028", "]]>", "<script", "\\"])
def test_embedded_values_can_be_read_back_and_do_not_end_their_element(text):
    found = embedded({"text": text})
    assert json.loads(found) == {"text": text}
    assert not set(found) & set("<>&\u2028")


@pytest.mark.parametrize("found", [page(ordinary()), evil_page()], ids=["ordinary", "evil"])
def test_the_page_asks_for_nothing(found):
    assert re.findall(r"[a-z]+://[^\s\"']*", found.text) == ["http://www.w3.org/2000/svg"]  # the name of a namespace
    assert not re.search(r"""["'(=]//""", found.text)
    for _, attributes in found.elements:
        assert not {"src", "srcset", "data", "action", "poster"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
    (style,) = found.all("style")
    assert "url(" not in style[1] and "@import" not in style[1]


def test_only_the_own_style_and_script_may_run():
    found = page(ordinary())
    ((policy, _),) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})

    def hashed(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    style, script = found.all("style")[0][1], found.all("script")[1][1]
    own = f"default-src 'none'; style-src {hashed(style)}; script-src {hashed(script)}; img-src data:"
    assert policy["content"] == own


@pytest.mark.parametrize("losses", [[1.0], [0.0, 0.0], [-1.0, 1.0], [1e-300, 1e300], [NAN], [INF], []], ids=str)
def test_odd_curves_make_a_page(losses):
    status = Status.COMPLETED if losses and math.isfinite(losses[-1]) else Status.DIVERGED
    found = page(task(run_set(run(0, losses[-1] if losses else NAN, status=status))), curves=Curves(losses))
    assert found.data["tasks"][0]["searches"] == []


def test_decays_near_one_keep_their_digits():
    near = 0.99999987654321
    one = individual(0, hyperparameters={"learning_rate": 1.23456789, "beta1": near})
    values = page(task(studies=[study(one)])).data["tasks"][0]["searches"][0]["individuals"][0]["values"]
    assert values[0] == 1.2346
    assert 1 - values[1] == pytest.approx(1 - near, rel=1e-4)


def test_the_head_says_from_what_the_page_was_made():
    text = about_text("today", "lodo-bench 1", [ordinary()])
    assert text == "Created today by lodo-bench 1 from 4 runs and 1 search."
