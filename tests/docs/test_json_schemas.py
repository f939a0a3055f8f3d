"""What commands print with --json has the form that docs/schemas/ states."""

import json
import re
import shutil

import jsonschema
import pytest

from lodo_bench.cli.documents import DOCUMENTS
from lodo_bench.files.json import SCHEMA
from tests.docs.blocks import ROOT
from tests.docs.page import Page

SCHEMAS = {path.name.partition(".")[0]: json.loads(path.read_text()) for path in (ROOT / "docs/schemas").iterdir()}
COMMANDS = {
    "tune": ["tune adam --task rosenbrock --schedule smoke --workers 0"],
    "tune-dry-run": ["tune adam --task rosenbrock --schedule smoke --workers 0 --dry-run"],
    "run": [
        "run adam --task rosenbrock --steps 20 --seeds 2",
        "run adam momentum --task mlp --steps 20 --seeds 2 -T depth=1",
    ],
    "reproduce": ["reproduce table8 --scale smoke --workers 0"],
    "reproduce-dry-run": ["reproduce table8 --scale smoke --dry-run"],
    "report": ["report", "report --target 100", "report --task rosenbrock --baseline adam"],
    "plot": ["plot curves --task quadratic -o curves.png"],
    "list-tasks": ["list tasks", "list tasks quadratic"],
    "list-optimizers": ["list optimizers"],
    "list-experiments": ["list experiments"],
    "list-studies": ["list studies"],
    "list-run-sets": ["list run-sets"],
    "show-study": ["show study 1"],
    "show-run-set": ["show run-set 1"],
    "compare": ["compare run-set 2 5", "compare run-set 1 2"],
    "note": ["note run-set 1 late", "note study 1 early"],
    "tag": ["tag study 1 final"],
    "delete": ["delete run-set 6 --yes"],
    "init": ["init experiment.yaml", "init -"],
    "watch": ["watch --once"],
    "config-show": ["config show"],
    "data-status": ["data status"],
}


@pytest.fixture(scope="module")
def page(tmp_path_factory, results):
    page = Page(tmp_path_factory.mktemp("json"))
    shutil.copytree(results, page.work / "results")
    return page


def validate(document, name):
    jsonschema.validate(document, SCHEMAS[name], jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("name", "command"), [(name, each) for name, found in COMMANDS.items() for each in found])
def test_a_document_has_its_form(name, command, page):
    done = page.run_here(*command.split(), "--json")
    assert done.code == 0, done.stderr
    validate(done.document, name)


def test_a_fetched_data_set_has_its_form(page):
    (document, *_) = page.run_here("data", "status", "--json").document["data_sets"]
    validate({"schema": SCHEMA, **document}, "data-fetch")


def test_another_form_is_refused(page):
    document = page.run_here("report", "--json").document
    for change in ({"schema": SCHEMA + 1}, {"level": "low"}, {"more": 1}, {"comparisons": [{}]}):
        with pytest.raises(jsonschema.ValidationError):
            validate({**document, **change}, "report")


def test_every_command_that_prints_json_has_a_schema_and_is_on_the_page():
    assert set(SCHEMAS) == set(DOCUMENTS)
    text = (ROOT / "docs" / "json.md").read_text("utf-8")
    assert set(re.findall(r"\(schemas/([\w-]+)\.schema\.json\)", text)) == set(DOCUMENTS)
    assert f"Version {SCHEMA}" in text
