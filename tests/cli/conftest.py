import pytest

from tests.cli.runner import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)
