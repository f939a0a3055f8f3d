import pytest

from tests.cli.program import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)
