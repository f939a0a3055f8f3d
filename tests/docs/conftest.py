import pytest

from tests.docs.page import Page
from tests.docs.smaller import smaller_command

# What pages find: studies 1 to 4, and run sets 1 to 8.
RESULTS = (
    "tune lodo adam --task quadratic",
    "tune adam momentum --task rosenbrock",
    "run lodo --task quadratic",
    "run adam --task quadratic",
    "run adam momentum --task rosenbrock",
    "run adam --task quadratic -p lr=0.1",
    "run adam --task quadratic -p lr=0.3",
    "run momentum --task quadratic -p momentum=0.5",
    "run momentum --task quadratic -p momentum=0.9",
    "tag run-set 1 final",
)


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A folder with the results that pages find."""
    page = Page(tmp_path_factory.mktemp("results"))
    for line in RESULTS:
        page.command(smaller_command(["lodo-bench", *line.split()]), "results")
    return page.work / "results"
