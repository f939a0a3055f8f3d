"""Every command that stores or reads results, on each kind of database, and with the same answers on all of them."""

import pytest

from tests.cli.runner import Place

BOWL = ("--task", "quadratic", "-T", "dimension=4")
PASSWORD = "s3cr3t"


class Commands:
    """What each command answers on one kind of database, one after the other."""

    def __init__(self, place):
        self.place = place
        schedule = place.schedule(4, 6, population=4)
        tune = ("tune", *BOWL, "adam", "momentum", "--schedule", schedule, "--workers", 0)
        run = ("run", "adam", *BOWL, "--steps", 5, "--seeds", 2, "--untimed")
        self.tuned, self.tuned_again = self("tune", *tune[1:], "--json"), self(*tune, "--json")
        self.ran, self.ran_again = self(*run, "--json"), self(*run, "--json")
        self.fresh = self(*run, "--fresh", "--from", "default", "--json")
        self.noted = self("note", "run-set", 1, "on battery", "--json")
        self.tagged = self("tag", "study", 2, "a", "b", "--json")
        self.report, self.page = self("report", "--json"), self("report", "--format", "html")
        self.listed = [self("list", kind, "--json") for kind in ("studies", "run-sets")]
        self.shown = [self("show", kind, 1, "--json") for kind in ("study", "run-set")]
        self.compared = self("compare", "run-set", 1, 2, "--json")
        self.exported = [self("export", table, "--json") for table in ("runs", "curves", "individuals")]
        self.watched = self("watch", "--once", "--json")
        self.drawn = self("plot", "search", "-o", "search.svg", "--json")
        self.doctor = self("doctor", "--json")
        self.deleted = self("delete", "run-set", 2, "--yes", "--json")
        self.left = self("list", "run-sets", "--json")

    def __call__(self, *arguments):
        return self.place.run_here(*arguments)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    return Commands(Place(tmp_path_factory.mktemp("sqlite")))


@pytest.fixture(scope="module")
def postgresql(server, tmp_path_factory):
    with server.database() as location:
        yield Commands(Place(tmp_path_factory.mktemp("postgresql"), database=location))


@pytest.fixture(params=["sqlite", "postgresql"])
def commands(request):
    return request.getfixturevalue(request.param)


def documents(commands):
    """All answers, by name."""
    for name, value in vars(commands).items():
        if name not in ("place", "page", "doctor"):
            for result in value if isinstance(value, list) else [value]:
                assert result.code == 0, (name, result)
                yield name, without_times(result.document)


def without_times(document):
    """A document without what two equal commands differ in."""
    if isinstance(document, dict):
        differing = ("created", "date", "seconds", "command", "commands", "schedule", "started", "ended", "versions")
        kept = {key: value for key, value in document.items() if key not in differing and "second" not in key}
        return {key: without_times(value) for key, value in kept.items()}
    if isinstance(document, list):
        return [without_times(value) for value in document]
    return document


def test_answers_are_the_same_on_every_database(sqlite, postgresql):
    for (name, found), (_, known) in zip(documents(postgresql), documents(sqlite), strict=True):
        assert repr(found) == repr(known), name


def test_what_is_stored_is_used_again(commands):
    assert "All searches are already finished." in commands.tuned_again.stderr
    assert "Nothing to do" in commands.ran_again.stderr
    assert [each["run_set"] for each in commands.left.document["run_sets"]] == [1]


def test_the_database_is_in_order(commands):
    findings = [each for each in commands.doctor.document["findings"] if each["topic"] == "database"]
    assert findings and {each["state"] for each in findings} == {"ok"}, findings


def test_passwords_are_neither_shown_nor_stored(server, tmp_path):
    with server.database() as url:
        place = Place(tmp_path, database=url.replace("lodo@", f"lodo:{PASSWORD}@"))
        run = ("run", "adam", *BOWL, "--steps", 5, "--seeds", 1, "--untimed", "--db", place.database)
        results = [place.run_here(*command) for command in (run, run, ("show", "run-set", 1), ("config", "show"))]
        results += [place.run_here("report", "--format", "html"), place.run_here("report", "--db", url, "--db", url)]
        assert [result.code for result in results] == [0, 0, 0, 0, 0, 2]
        for result in results:
            assert PASSWORD not in result.stdout + result.stderr
        assert "lodo:***@" in place.query("SELECT command FROM provenances")[0][0]
