"""Where Ray is installed but cannot be used, a search on it ends with one message, and nothing is started or left."""

import pytest

from tests.cli.runner import Place

# A module that shadows an installed one, what it raises, and what is said of it.
BROKEN = {
    "ray.py": ("AttributeError('no float_')", "Ray fails with AttributeError: no float_."),
    # Only its part for tuning imports this.
    "fsspec.py": ("ModuleNotFoundError('No module named fsspec')", "Ray fails with ImportError: Can't import ray.tune"),
}


@pytest.mark.parametrize("file", BROKEN)
def test_a_search_says_so(file, tmp_path):
    place, folder = Place(tmp_path), tmp_path / "broken"
    folder.mkdir()
    raised, said = BROKEN[file]
    (folder / file).write_text(f"raise {raised}\n")
    options = ("--task", "quadratic", "-T", "dimension=4", "--schedule", place.schedule(2, 2), "--engine", "ray")
    result = place.run("tune", "adam", *options, PYTHONPATH=folder)
    assert result.code == 2, result
    assert "Traceback" not in result.stderr
    assert said in result.message
    assert "pip install -U 'ray[tune]'" in result.message
