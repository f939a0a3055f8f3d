"""The page in a real browser: it says nothing to the console, asks the network for nothing, and can be worked with."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from lodo_bench.report.html.page import render
from lodo_bench.spec.outcome import MetricHistory
from tests.browser import Browser, executable
from tests.builders import individual
from tests.report.html.test_page import Curves, Unlike, beyond_bounds, evil_page, ordinary, study, task

pytestmark = pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome is installed")

ROWS = "[...document.querySelector('table.sortable').tBodies[0].rows].map(row => row.cells[0].textContent)"
LINES = "document.querySelectorAll('figure.chart svg')[0].querySelectorAll('path.line').length"
TOOLTIP = "document.querySelector('figure.chart .tooltip')"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    metrics = {"hessian_error": MetricHistory(np.array([100, 200, 300]), np.array([0.9, 0.8, 0.7]))}
    losses = 1 + np.random.default_rng(0).random(2000) / np.arange(1, 2001)
    path.write_text(render([ordinary()], Curves(losses, metrics), "Created today."))
    return path


@pytest.fixture
def quiet(browser):
    """The browser, which has had nothing to complain of when the test is over."""
    browser.messages.clear()
    browser.requests.clear()
    yield browser
    assert browser.messages == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:image/svg+xml"))] == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_everything_is_drawn_and_nothing_is_wider_than_the_window(width, dark, quiet, file):
    quiet.open(file, width=width, dark=dark)
    assert quiet.run("document.querySelectorAll('figure.chart .plot > svg').length") == 5
    assert quiet.run("document.querySelectorAll('figure.panel .plot > svg').length") == 3
    assert quiet.run("document.documentElement.scrollWidth") <= width
    background = quiet.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 23, 27)") is dark


def test_no_label_of_an_axis_covers_another(quiet, file):
    quiet.open(file, width=390)
    overlaps = """(() => {
      let count = 0;
      for (const picture of document.querySelectorAll('svg')) {
        const boxes = [...picture.querySelectorAll('.axes text')].map(text => text.getBoundingClientRect());
        boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
          const beside = a.right < b.left || b.right < a.left || a.bottom < b.top + 1 || b.bottom < a.top + 1;
          if (!beside) count++;
        }));
      }
      return count;
    })()"""
    assert quiet.run(overlaps) == 0


def test_no_text_of_a_database_runs(browser, tmp_path):
    path = tmp_path / "evil.html"
    path.write_text(evil_page().text)
    browser.messages.clear()
    browser.open(path)
    assert browser.messages == []
    assert browser.run("document.images.length") == 0


def test_tables_are_sorted_by_the_pressed_title_and_bounds_stay_on_top(quiet, file):
    quiet.open(file)
    assert quiet.run(ROWS) == ["Newton (bound)", "adam", "lodo"]
    head = "document.querySelector('table.sortable').tHead.rows[0].cells[3]"
    found = []
    for _ in range(3):
        quiet.run(f"{head}.querySelector('button').click()")
        found.append((quiet.run(f"{head}.getAttribute('aria-sort')"), quiet.run(ROWS)[1:]))
    assert found == [
        ("ascending", ["adam", "lodo"]),
        ("descending", ["lodo", "adam"]),
        ("none", ["adam", "lodo"]),
    ]


def test_a_press_on_the_legend_hides_a_line_in_every_chart(quiet, file):
    quiet.open(file)
    assert quiet.run(LINES) == 2
    quiet.run("document.querySelector('.legend button').click()")
    assert quiet.run(LINES) == 1
    assert quiet.run("document.querySelector('.legend button').getAttribute('aria-pressed')") == "false"
    quiet.run("document.querySelectorAll('.legend button')[1].click()")
    assert quiet.run(LINES) == 0
    quiet.run("document.querySelector('.legend button').click()")
    assert quiet.run(LINES) == 1


def test_what_grows_beyond_bounds_leaves_the_picture_unless_it_is_alone(quiet, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(render([beyond_bounds()], Unlike(), "Created today."))
    quiet.open(path)
    told = "document.querySelector('figure.chart .clipped').textContent"
    highest = "document.querySelector('figure.chart .axes text').parentNode.textContent.includes('10⁵')"
    assert (quiet.run(told), quiet.run(highest)) == ("bfgs is clipped at the top: up to 5.7e+05", False)
    quiet.run("document.querySelector('.legend button').click()")
    assert (quiet.run(told), quiet.run(highest)) == ("", True)


def test_a_line_that_leaves_the_picture_has_a_mark_at_the_edge(quiet, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(render([beyond_bounds()], Unlike(), "Created today."))
    quiet.open(path)
    marks = "[...document.querySelector('figure.chart svg').querySelectorAll('.exit')].map(m => m.getAttribute(%s))"
    marks %= "'transform'"
    (first,) = quiet.run(marks)
    assert first.endswith(" 14)")  # the upper edge
    quiet.run("document.querySelector('.legend button').click()")
    assert quiet.run(marks) == []


def test_charts_by_steps_and_by_time_have_the_same_y_axis(quiet, file):
    quiet.open(file)
    ticks = """[...document.querySelectorAll('figure.chart')].slice(0, 2).map(figure =>
      [...figure.querySelectorAll('.axes text[text-anchor=end]')].map(text => text.textContent).join())"""
    first, second = quiet.run(ticks)
    assert first == second
    quiet.run("document.querySelectorAll('figure.chart .controls button')[1].click()")
    changed, also = quiet.run(ticks)
    assert changed == also != first
    buttons = "[...document.querySelectorAll('figure.chart .controls button')].map(button => button.textContent)"
    assert [quiet.run(buttons)[index] for index in (1, 5, 9)] == ["y: linear", "y: linear", "y: log"]


def test_an_individual_above_the_fitness_axis_is_a_mark_at_its_edge(quiet, tmp_path):
    path = tmp_path / "page.html"
    members = [individual(index, fitness=value) for index, value in enumerate([1.0, 2.0, 3.0, 1e9])]
    path.write_text(render([task(studies=[study(*members)])], Curves(), "Created today."))
    quiet.open(path)
    assert quiet.run("[...document.querySelectorAll('.panel')].map(p => p.querySelectorAll('.exit').length)") == [
        1,
        0,
        0,
    ]
    assert quiet.run("document.querySelector('.panel').textContent.includes('10⁹')") is False


SAVED = """(async () => {
  const [made, blob] = [URL.createObjectURL, new Promise(done => { URL.createObjectURL = blob => (done(blob), '#'); })];
  let name;
  HTMLAnchorElement.prototype.click = function() { name = this.download; };
  document.querySelectorAll('%s')[%d].click();
  const found = await blob;
  await null;
  URL.createObjectURL = made;
  const bytes = new Uint8Array(await found.arrayBuffer());
  return [name, found.type, Array.from(bytes, byte => String.fromCharCode(byte)).join('')];
})()"""


def saved(browser, place, index):
    """Name, type and content of the file that a button saves."""
    name, kind, text = browser.run(SAVED % (place, index))
    return name, kind, text.encode("latin-1")


def test_a_chart_is_saved_as_the_picture_that_is_shown(quiet, file):
    quiet.open(file)
    name, kind, content = saved(quiet, "figure.chart .save", 0)
    assert (name, kind) == ("quadratic-training-loss-by-steps.png", "image/png")
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert tuple(picture[0, 0]) == (255, 255, 255)
    for color in ("#d55e00", "#0072b2"):  # of adam and lodo
        assert (picture == [int(color[at : at + 2], 16) for at in (1, 3, 5)]).all(axis=-1).sum() > 100
    quiet.run("document.querySelector('.legend button').click()")
    without = np.asarray(Image.open(io.BytesIO(saved(quiet, "figure.chart .save", 0)[2])).convert("RGB"))
    assert not (without == [0xD5, 0x5E, 0x00]).all(axis=-1).any()


def test_a_picture_saved_from_a_dark_page_is_dark(quiet, file):
    quiet.open(file, dark=True)
    picture = Image.open(io.BytesIO(saved(quiet, ".saves .save", 0)[2])).convert("RGB")
    assert picture.getpixel((0, 0)) == (27, 31, 36)


def test_the_data_of_a_chart_are_saved_as_csv(quiet, file):
    quiet.open(file)
    name, kind, content = saved(quiet, "figure.chart .save", 1)
    assert (name, kind) == ("quadratic-training-loss-by-steps.csv", "text/csv")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"))))
    assert list(rows[0]) == ["line", "steps", "training loss: median", "lowest", "highest", "seeds"]
    assert {row["line"] for row in rows} == {"adam", "lodo"}
    shown = quiet.run("data.tasks[0].charts[0].lines[0]")
    assert [float(row["steps"]) for row in rows if row["line"] == "adam"] == shown["x"]
    assert [float(row["training loss: median"]) for row in rows if row["line"] == "adam"] == shown["middle"]


def test_the_data_of_a_search_are_saved_as_csv(quiet, file):
    quiet.open(file)
    name, _, content = saved(quiet, ".saves .save", 1)
    assert name == "quadratic-search-adam.csv"
    assert list(csv.reader(io.StringIO(content.decode("utf-8")))) == [
        ["generation", "individual", "status", "fitness", "learning rate", "beta1"],
        ["1", "0", "completed", "1.5", "0.1", "0.5"],
        ["1", "1", "diverged", "", "0.1", "0.5"],
    ]


def test_a_label_with_a_comma_is_one_cell(quiet, file):
    quiet.open(file)
    assert quiet.run("""csvText([['adam, "given"', 1, null]])""") == '"adam, ""given""",1,\n'


def test_axes_can_be_made_linear(quiet, file):
    quiet.open(file)
    ticks = "[...document.querySelector('figure.chart svg').querySelectorAll('.axes text')].map(t => t.textContent)"
    before = quiet.run(ticks)
    quiet.run("document.querySelector('figure.chart .controls button').click()")
    assert quiet.run(ticks) != before
    assert quiet.run("document.querySelector('figure.chart .controls button').textContent") == "x: linear"


def test_the_pointer_shows_the_values_under_it(quiet, file):
    quiet.open(file)
    quiet.run("document.querySelector('.charts').scrollIntoView({behavior: 'instant'})")
    corner = "(r => [r.left, r.top, r.width])(document.querySelector('figure.chart svg').getBoundingClientRect())"
    left, top, width = quiet.run(corner)
    quiet.move(left + width - 14, top + 80)
    assert quiet.run(f"{TOOLTIP}.hidden") is False
    text = quiet.run(f"{TOOLTIP}.textContent")
    assert "steps" in text and "adam" in text and "lodo" in text
    quiet.move(left + 5, top + 80)
    assert quiet.run(f"{TOOLTIP}.hidden") is True


def test_arrow_keys_go_along_the_curves(quiet, file):
    quiet.open(file)
    quiet.run("document.querySelector('figure.chart svg').focus()")
    quiet.press("ArrowRight")
    assert quiet.run(f"{TOOLTIP}.querySelector('strong').textContent") == "1 steps"
    quiet.press("End")
    assert quiet.run(f"{TOOLTIP}.querySelector('strong').textContent") == "2,000 steps"
    quiet.press("Escape")
    assert quiet.run(f"{TOOLTIP}.hidden") is True


def test_an_individual_under_the_pointer_is_shown_in_every_panel(quiet, file):
    quiet.open(file)
    quiet.run("document.querySelector('.search').scrollIntoView({behavior: 'instant', block: 'center'})")
    dot = "(r => [r.left + r.width / 2, r.top + r.height / 2])(document.querySelector('.dot').getBoundingClientRect())"
    quiet.move(*quiet.run(dot))
    assert quiet.run("document.querySelectorAll('.search .chosen').length") == 3
    assert "generation 1, individual 0" in quiet.run("document.querySelector('.search > .tooltip').textContent")
