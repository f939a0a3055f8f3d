"""Generated pages are those of the code as it is."""

import runpy
import sys

import pytest

from tests.docs.blocks import ROOT

SCRIPTS = ("cli_reference", "options_reference", "space_table", "json_schemas")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_page_is_current(name, monkeypatch):
    script = str(ROOT / "scripts" / f"{name}.py")
    monkeypatch.setattr(sys, "argv", [script, "--check"])
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, ended.code
