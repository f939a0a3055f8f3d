"""Generated pages are those of the code as it is."""

import subprocess
import sys

import pytest

from tests.docs.blocks import ROOT

SCRIPTS = ("cli_reference", "options_reference", "space_table", "json_schemas")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_page_is_current(name):
    script = ROOT / "scripts" / f"{name}.py"
    done = subprocess.run([sys.executable, script, "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
