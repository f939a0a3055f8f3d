"""`lodo-bench serve`: the page in a browser, anew when the database has changed."""

import re
import signal
import threading
import urllib.request
from contextlib import closing

import pytest

from lodo_bench.api.serve import report_server
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.server.http import PageServer
from lodo_bench.spec.selection import ReportRequest, Selection
from lodo_bench.spec.training import TaskSpec
from tests.browser import Browser, executable
from tests.builders import curve, provenance, run, run_set_spec
from tests.cli.runner import Place, finish, kill_group, wait_until
from tests.report.html.test_page import Page


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    place.store = Store(Database(str(place.database), create=True), provenance())
    add_run(place.store)
    return place


def add_run(store, **changes):
    record = store.open_run_set(run_set_spec(source="given", num_seeds=1, **changes))
    store.add_run(record.id, run(0), curve())


def sources(policy, directive):
    """The sources that a content security policy allows for a directive."""
    return dict(part.split(maxsplit=1) for part in policy.split("; ")).get(directive)


def test_the_page_is_that_of_the_report_and_asks_for_its_version(place):
    with report_server(ReportRequest(), str(place.database), "127.0.0.1", 0) as server:
        text = server.cache.page().decode()
        version = server.cache.version()
    page = Page(text)
    assert [title for _, title in page.all("h2")] == ["quadratic"]
    ((found, _),) = page.all("meta", name="version")
    assert found["content"] == version
    ((policy, _),) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert sources(policy["content"], "connect-src") == "'self'"
    assert sources(policy["content"], "default-src") == "'none'"
    assert 'fetch("/version"' in text


def test_the_page_of_a_file_stays_as_it_is(place):
    assert place.run_here("report", "-o", "page.html").code == 0
    text = (place.work / "page.html").read_text()
    assert "fetch(" not in text
    assert "connect-src" not in text
    assert Page(text).all("meta", name="version") == []


def test_it_is_built_anew_when_the_database_has_changed(place):
    with report_server(ReportRequest(), str(place.database), "127.0.0.1", 0) as server:
        server.cache._kept_until = 0.0
        first, version = server.cache.page(), server.cache.version()
        assert server.cache.page() is first
        add_run(place.store, optimizer="lodo")
        assert server.cache.version() != version
        assert b"lodo" in server.cache.page()
        assert b">lodo<" not in first


def test_only_one_task(place):
    add_run(place.store, task=TaskSpec("rosenbrock"))
    with report_server(ReportRequest(Selection("rosenbrock")), str(place.database), "127.0.0.1", 0) as server:
        assert [title for _, title in Page(server.cache.page().decode()).all("h2")] == ["rosenbrock"]


def test_a_process_serves_until_it_is_interrupted(place):
    process = place.start("serve", "--port", 0)
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
        with closing(urllib.request.urlopen(address, timeout=60)) as answer:
            assert b"<h2" in answer.read()
        process.send_signal(signal.SIGINT)
        result = finish(process)
        assert (result.code, result.stderr) == (0, "")
    finally:
        kill_group(process)


def test_json_has_the_address(place, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(PageServer, "serve_forever", interrupted)
    result = place.run_here("serve", "--port", 0, "--json")
    assert (result.code, set(result.document)) == (0, {"schema", "address"})


def test_mistakes(place):
    with report_server(ReportRequest(), str(place.database), "127.0.0.1", 0) as server:
        busy = place.run_here("serve", "--port", server.server_address[1])
    assert (busy.code, "Address already in use. Choose another port" in busy.message) == (2, True)
    unknown = place.run_here("serve", "--port", 0, "--task", "quadratik")
    assert (unknown.code, "Did you mean 'quadratic'?" in unknown.message) == (2, True)
    missing = place.run_here("serve", "--port", 0, "--db", "missing.db")
    assert (missing.code, "there is no database at 'missing.db'" in missing.message) == (2, True)
    assert place.run_here("serve", "--port", 70000).code == 2


class Address:
    """A URL, for a browser that opens files."""

    def __init__(self, url):
        self._url = url

    def resolve(self):
        return self

    def as_uri(self):
        return self._url


@pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome is installed")
def test_the_page_reloads_itself_in_a_browser(place):
    shown = "document.querySelector('meta[name=version]').content"
    with report_server(ReportRequest(), str(place.database), "127.0.0.1", 0) as server, Browser() as browser:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            browser.open(Address(server.address))
            before = browser.run(shown)
            browser.run("new Promise(done => setTimeout(done, 4000))")  # it has asked for the version once
            assert browser.run(shown) == before
            add_run(place.store, optimizer="lodo")
            wait_until(lambda: browser.run(f"document.readyState == 'complete' && {shown} != {before!r}"), patience=60)
            assert "lodo" in browser.run("document.querySelector('table.sortable').textContent")
            assert browser.messages == []
        finally:
            server.shutdown()
            thread.join()
